/** One action of a rule: `name` or `name:value`, quotes removed. */
export interface ActionSyntax {
  /** Lower case, except that the caller may look at `value` as written. */
  readonly name: string
  readonly value: string
}

/** Parses `id:1,phase:2,setvar:'tx.a=1'`. Throws Error for a quote that is not closed. */
export function parseActions(text: string): ActionSyntax[] {
  const actions: ActionSyntax[] = []
  let at = 0
  while (at < text.length) {
    while (at < text.length && /[\s,]/.test(text[at]!)) at++
    if (at >= text.length) break
    const start = at
    while (at < text.length && text[at] !== ':' && text[at] !== ',') at++
    const name = text.slice(start, at).trim().toLowerCase()
    let value = ''
    if (text[at] === ':') {
      at++
      while (text[at] === ' ') at++
      if (text[at] === "'") {
        const end = closing(text, at + 1)
        if (end === -1) throw new Error(`the value of ${name} has no closing '`)
        value = text.slice(at + 1, end).replaceAll("\\'", "'")
        at = end + 1
        while (at < text.length && text[at] !== ',') at++
      } else {
        const from = at
        at = endOfPlain(text, at)
        value = unquoteRight(text.slice(from, at).trim())
      }
    }
    actions.push({ name, value })
  }
  return actions
}

/** A value may hold commas where it is quoted behind its `=`: `setvar:tx.a='x,y'`, or where a selector is. */
function endOfPlain(text: string, from: number): number {
  let isQuoted = false
  for (let at = from; at < text.length; at++) {
    if (text[at] === "'" && text[at - 1] !== '\\') isQuoted = !isQuoted
    else if (text[at] === ',' && !isQuoted) return at
  }
  return text.length
}

function unquoteRight(value: string): string {
  const found = /^([^']*=)'(.*)'$/s.exec(value)
  return found === null ? value : found[1]! + found[2]!.replaceAll("\\'", "'")
}

function closing(text: string, from: number): number {
  for (let at = text.indexOf("'", from); at !== -1; at = text.indexOf("'", at + 1)) {
    if (text[at - 1] !== '\\') return at
  }
  return -1
}
