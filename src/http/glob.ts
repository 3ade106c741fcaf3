/*
 * Patterns in which `*` stands for any text, also none and also `/`, and `?` for exactly one character: the wildcards
 * of CloudFront's path patterns and legacy cookie lists. Both ends are anchored, letters are case-sensitive. Between
 * two stars the first place that fits is also the best one, so nothing is tried twice and no text can make a match
 * slow: the time is at most the length of the text times the length of the longest piece between stars.
 */

/** Compiles a pattern to a matcher; exact, prefix and suffix patterns cost one comparison. */
export function compileGlob(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*')
  const head = pieces[0]!
  if (pattern.includes('?')) return (text) => fits(pieces, text)
  if (pieces.length === 1) return (text) => text === pattern
  const tail = pieces.at(-1)!
  if (pieces.slice(1, -1).every((piece) => piece === '')) {
    if (head === '' && tail === '') return () => true
    if (tail === '') return (text) => text.startsWith(head)
    if (head === '') return (text) => text.endsWith(tail)
    const least = head.length + tail.length
    return (text) => text.length >= least && text.startsWith(head) && text.endsWith(tail)
  }
  return (text) => fits(pieces, text)
}

/** What each `*` of a pattern matched, every one as short as it can be from the left; null when the text does not match. */
export function captureGlob(pattern: string, text: string): string[] | null {
  const captured: string[] = []
  return fits(pattern.split('*'), text, captured) ? captured : null
}

/** Whether a text is the pieces in order with anything between them; `captured` receives what stood between. */
function fits(pieces: readonly string[], text: string, captured?: string[]): boolean {
  const last = pieces.length - 1
  const head = pieces[0]!
  if (last === 0) return text.length === head.length && standsAt(text, 0, head)
  const tail = pieces[last]!
  const end = text.length - tail.length
  if (end < head.length || !standsAt(text, 0, head) || !standsAt(text, end, tail)) return false
  let at = head.length
  for (let i = 1; i < last; i++) {
    const piece = pieces[i]!
    const found = find(text, at, end, piece)
    if (found === -1) return false
    captured?.push(text.slice(at, found))
    at = found + piece.length
  }
  captured?.push(text.slice(at, end))
  return true
}

/** The first place from `start` at which a piece stands and is over by `end`, or -1. */
function find(text: string, start: number, end: number, piece: string): number {
  const lastStart = end - piece.length
  if (!piece.includes('?')) {
    const found = text.indexOf(piece, start)
    return found <= lastStart ? found : -1
  }
  for (let at = start; at <= lastStart; at++) if (standsAt(text, at, piece)) return at
  return -1
}

function standsAt(text: string, at: number, piece: string): boolean {
  for (let i = 0; i < piece.length; i++) {
    const code = piece.charCodeAt(i)
    if (code !== QUESTION_MARK && code !== text.charCodeAt(at + i)) return false
  }
  return true
}

const QUESTION_MARK = 0x3f
