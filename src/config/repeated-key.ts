/** A key that stands twice in one object, and the position of its second appearance. */
export interface RepeatedKey {
  readonly key: string
  readonly position: number
}

/** The first key that stands twice in one object of a JSON text, which must be valid; undefined when none does. */
export function findRepeatedKey(json: string): RepeatedKey | undefined {
  // One entry per open object or list; lists have no keys.
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < json.length; at++) {
    const character = json[at]
    if (character === '{') open.push(new Set())
    else if (character === '[') open.push(undefined)
    else if (character === '}' || character === ']') open.pop()
    else if (character === '"') {
      const end = endOfText(json, at)
      const keys = open.at(-1)
      if (keys !== undefined && isKey(json, end)) {
        const key = String(JSON.parse(json.slice(at, end)))
        if (keys.has(key)) return { key, position: at }
        keys.add(key)
      }
      at = end - 1
    }
  }
  return undefined
}

/** The position behind the closing quote. */
function endOfText(json: string, start: number): number {
  let at = start + 1
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1
  return at + 1
}

function isKey(json: string, end: number): boolean {
  let at = end
  while (json[at] === ' ' || json[at] === '\n' || json[at] === '\r' || json[at] === '\t') at++
  return json[at] === ':'
}
