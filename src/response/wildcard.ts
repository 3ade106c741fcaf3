/**
 * Compiles a pattern in which `*` stands for any text, also none, to a matcher of time linear in the text: between
 * two stars the first place that fits is also the best one, so nothing is ever tried twice.
 */
export function compileWildcard(pattern: string): (text: string) => boolean {
  const parts = pattern.split('*')
  const head = parts[0]!
  if (parts.length === 1) return (text) => text === head
  const tail = parts.at(-1)!
  const middle = parts.slice(1, -1)
  return (text) => {
    if (text.length < head.length + tail.length) return false
    if (!text.startsWith(head) || !text.endsWith(tail)) return false
    const end = text.length - tail.length
    let at = head.length
    for (const part of middle) {
      const found = text.indexOf(part, at)
      if (found === -1) return false
      at = found + part.length
    }
    return at <= end
  }
}
