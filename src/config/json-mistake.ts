/** What is wrong with a JSON text, and where: an offset in UTF-16 units. */
export interface JsonMistake {
  readonly position: number
  readonly problem: string
}

const SPACE = /[ \t\r\n]*/y
const TOKEN =
  // oxlint-disable-next-line no-control-regex -- RFC 8259 section 7 names exactly these characters
  /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\u0000-\u001f]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/y

type Expectation = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma'

/**
 * The first mistake in a JSON text (RFC 8259), or undefined. `JSON.parse` does not always say where it stumbled, and
 * keeps the last of two equal keys, which would drop half of what somebody wrote without a word.
 */
export function findJsonMistake(text: string): JsonMistake | undefined {
  // The keys of each open object; lists have none.
  const open: (Set<string> | undefined)[] = []
  let expected: Expectation | 'end' = 'value'
  let at = 0
  // Sticky expressions remember where they are, so each scan has its own.
  const space = new RegExp(SPACE)
  const tokens = new RegExp(TOKEN)
  for (;;) {
    space.lastIndex = at
    space.exec(text)
    at = space.lastIndex
    if (at === text.length) {
      return expected === 'end'
        ? undefined
        : { position: at, problem: `the text ends, expected ${wanted(expected, open)}` }
    }
    tokens.lastIndex = at
    const token = tokens.exec(text)?.[0]
    if (token === undefined && text[at] === '"') {
      return {
        position: at,
        problem: 'this text has no closing quote on its line, or an escape that JSON does not know',
      }
    }
    if (token === undefined || expected === 'end' || !fits(token, expected, open)) {
      const found = JSON.stringify(token ?? String.fromCodePoint(text.codePointAt(at)!))
      return { position: at, problem: `found ${found}, expected ${wanted(expected, open)}` }
    }
    if (expected === 'key' || (expected === 'key or }' && token !== '}')) {
      const key = String(JSON.parse(token))
      const keys = open.at(-1)
      if (keys?.has(key) === true)
        return { position: at, problem: `the key ${JSON.stringify(key)} stands twice in one object` }
      keys?.add(key)
    }
    expected = next(token, expected, open)
    at += token.length
  }
}

function fits(token: string, expected: Expectation, open: readonly unknown[]): boolean {
  switch (expected) {
    case 'value':
      return !/^[}\],:]$/.test(token)
    case 'value or ]':
      return !/^[},:]$/.test(token)
    case 'key':
      return token.startsWith('"')
    case 'key or }':
      return token.startsWith('"') || token === '}'
    case 'colon':
      return token === ':'
    case 'comma':
      return token === ',' || token === (open.at(-1) === undefined ? ']' : '}')
  }
}

/** What may follow a token that fits; opens and closes objects and lists. */
function next(token: string, expected: Expectation, open: (Set<string> | undefined)[]): Expectation | 'end' {
  if (expected === 'colon') return 'value'
  if (expected === 'key') return 'colon'
  if (token === '{') {
    open.push(new Set())
    return 'key or }'
  }
  if (token === '[') {
    open.push(undefined)
    return 'value or ]'
  }
  if (token === ',') return open.at(-1) === undefined ? 'value' : 'key'
  if (token === '}' || token === ']') open.pop()
  else if (expected === 'key or }') return 'colon'
  return open.length === 0 ? 'end' : 'comma'
}

function wanted(expected: Expectation | 'end', open: readonly unknown[]): string {
  switch (expected) {
    case 'value':
      return 'a value'
    case 'value or ]':
      return 'a value or ]'
    case 'key':
      return 'a key in double quotes'
    case 'key or }':
      return 'a key in double quotes or }'
    case 'colon':
      return 'a colon'
    case 'comma':
      return open.at(-1) === undefined ? 'a comma or ]' : 'a comma or }'
    case 'end':
      return 'nothing more'
  }
}
