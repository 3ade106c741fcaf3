import { LONGEST_WORD, words } from './words.ts'

/**
 * Kinds of tokens beside those of words: `n` name, `1` number, `s` string, `v` variable, `c` comment at the end, `w` backslash, `q` the rest of a
 * string that was open before, `X` a
 * MySQL comment that is run, and punctuation as itself.
 */
export interface Tokens {
  /** One character per token. */
  kinds: string
  /** Where each token begins and ends. */
  readonly starts: number[]
  readonly ends: number[]
  /** A comment that only MySQL knows: `#`, or `--` without a space behind it. */
  hasMysqlComment: boolean
}

/** What the text is taken to stand in. */
export type QuoteContext = 'none' | "'" | '"'

/** Tokens beyond this many are not looked at. */
const MAX_TOKENS = 600

const PUNCTUATION = '(),;.{}[]:?'

/**
 * Cuts text into tokens of SQL, as it would be read inside a query: bare, or inside a string that the query had already
 * opened. Every dialect at once: where they differ, what an attacker could use is preferred.
 */
export function tokenize(text: string, context: QuoteContext, isMysql: boolean): Tokens {
  const tokens: Tokens = { kinds: '', starts: [], ends: [], hasMysqlComment: false }
  let at = 0
  if (context !== 'none') {
    at = endOfString(text, 0, context)
    push(tokens, 'q', 0, at)
  }
  while (at < text.length && tokens.starts.length < MAX_TOKENS) at = readToken(text, at, isMysql, tokens)
  return tokens
}

function readToken(text: string, at: number, isMysql: boolean, tokens: Tokens): number {
  const code = text.charCodeAt(at)
  if (isSpace(code)) return at + 1
  if (isDigit(code) || (code === 0x2e && isDigit(text.charCodeAt(at + 1))))
    return readNumber(text, at, tokens)
  if (isNameStart(code)) return readWord(text, at, tokens)
  const char = text[at]!
  switch (char) {
    case "'":
    case '"':
      return push(tokens, 's', at, endOfString(text, at + 1, char))
    case '`':
      return push(tokens, 'n', at, endOfString(text, at + 1, char))
    case '-':
      return readDash(text, at, isMysql, tokens)
    case '#':
      return readHash(text, at, isMysql, tokens)
    case '/':
      return readSlash(text, at, tokens)
    case '@':
    case '$':
      return readVariable(text, at, tokens)
    case '\\':
      // \N is NULL to MySQL.
      return text[at + 1] === 'N' ? push(tokens, 'v', at, at + 2) : push(tokens, 'w', at, at + 1)
    case '*':
      // The end of a comment that MySQL runs.
      if (text[at + 1] === '/') return at + 2
      return push(tokens, 'o', at, at + 1)
    case ':':
      if (text[at + 1] === '=' || text[at + 1] === ':') return push(tokens, 'o', at, at + 2)
      return push(tokens, ':', at, at + 1)
  }
  if (PUNCTUATION.includes(char)) return push(tokens, char, at, at + 1)
  return readOperator(text, at, tokens)
}

function push(tokens: Tokens, kind: string, start: number, end: number): number {
  tokens.kinds += kind
  tokens.starts.push(start)
  tokens.ends.push(end)
  return end
}

/** Behind the closing quote; a doubled or escaped quote does not close. */
function endOfString(text: string, from: number, quote: string): number {
  let at = from
  for (;;) {
    const end = text.indexOf(quote, at)
    if (end === -1) return text.length
    if (isEscaped(text, end, from)) at = end + 1
    else if (text[end + 1] === quote) at = end + 2
    else return end + 1
  }
}

function isEscaped(text: string, at: number, from: number): boolean {
  let slashes = 0
  for (let i = at - 1; i >= from && text.charCodeAt(i) === 0x5c; i--) slashes++
  return slashes % 2 === 1
}

function readNumber(text: string, at: number, tokens: Tokens): number {
  const prefix = text.charCodeAt(at) === 0x30 ? text.charCodeAt(at + 1) | 0x20 : 0
  let end = at
  if ((prefix === 0x78 || prefix === 0x62) && isHex(text.charCodeAt(at + 2))) {
    end = at + 2
    while (isHex(text.charCodeAt(end))) end++
    return push(tokens, '1', at, end)
  }
  while (isDigit(text.charCodeAt(end))) end++
  if (text.charCodeAt(end) === 0x2e) {
    end++
    while (isDigit(text.charCodeAt(end))) end++
  }
  if ((text.charCodeAt(end) | 0x20) === 0x65) {
    const sign = text.charCodeAt(end + 1)
    const digits = sign === 0x2b || sign === 0x2d ? end + 2 : end + 1
    // `1e` followed by no digit is a number too, as MySQL reads it: `1.eunion` hides a keyword.
    if (isDigit(text.charCodeAt(digits))) {
      end = digits
      while (isDigit(text.charCodeAt(end))) end++
    }
  }
  // A number that runs into letters is a name (`3d`, `24seven`), unless the letters are a keyword (`1or`, `1union`).
  if (isNameStart(text.charCodeAt(end))) {
    let stop = end
    while (isNamePart(text.charCodeAt(stop))) stop++
    const kind = stop - end <= LONGEST_WORD ? words.get(text.slice(end, stop).toLowerCase()) : undefined
    if (kind === undefined || !'&UEoB'.includes(kind)) return push(tokens, 'n', at, stop)
  }
  return push(tokens, '1', at, end)
}

function readWord(text: string, at: number, tokens: Tokens): number {
  let end = at
  while (isNamePart(text.charCodeAt(end))) end++
  // Strings with a prefix: N'…', X'…', B'…', E'…', Q'…', U&'…'.
  if (end - at === 1 && text[end] === "'" && 'nNxXbBeEqQ'.includes(text[at]!)) {
    return push(tokens, 's', at, endOfString(text, end + 1, "'"))
  }
  if (end - at === 1 && 'uU'.includes(text[at]!) && text.startsWith("&'", end)) {
    return push(tokens, 's', at, endOfString(text, end + 2, "'"))
  }
  const kind = end - at <= LONGEST_WORD ? words.get(text.slice(at, end).toLowerCase()) : undefined
  return push(tokens, kind ?? 'n', at, end)
}

function readDash(text: string, at: number, isMysql: boolean, tokens: Tokens): number {
  if (text[at + 1] !== '-') return readOperator(text, at, tokens)
  const after = text.charCodeAt(at + 2)
  const isComment = at + 2 >= text.length || isSpace(after)
  if (!isComment) tokens.hasMysqlComment = true
  // MySQL wants white space behind the dashes; the others do not, and for MySQL they are two signs.
  if (!isComment && isMysql) return push(tokens, 'o', at, at + 1)
  return readLineComment(text, at, tokens)
}

function readHash(text: string, at: number, isMysql: boolean, tokens: Tokens): number {
  tokens.hasMysqlComment = true
  return isMysql ? readLineComment(text, at, tokens) : push(tokens, 'o', at, at + 1)
}

/** A comment to the end of the line: only the last one counts as a token, and it is dropped where more follows. */
function readLineComment(text: string, at: number, tokens: Tokens): number {
  const newline = text.indexOf('\n', at)
  return push(tokens, 'c', at, newline === -1 ? text.length : newline + 1)
}

function readSlash(text: string, at: number, tokens: Tokens): number {
  if (text[at + 1] !== '*') return readOperator(text, at, tokens)
  if (text[at + 2] === '!') {
    // MySQL runs what is inside, so only the marks go.
    let end = at + 3
    while (isDigit(text.charCodeAt(end))) end++
    return push(tokens, 'X', at, end)
  }
  const end = text.indexOf('*/', at + 2)
  if (end === -1) return push(tokens, 'c', at, text.length)
  // A comment inside a comment never stands in an innocent query.
  if (text.slice(at + 2, end).includes('/*')) push(tokens, 'X', at, at + 2)
  return end + 2
}

function readVariable(text: string, at: number, tokens: Tokens): number {
  let end = at + 1
  if (text[at] === '$') {
    // $$text$$ and $tag$text$tag$ are strings to PostgreSQL; $1 is a parameter.
    const close = /^\$\w{0,16}\$/.exec(text.slice(at, at + 20))
    if (close !== null) {
      const stop = text.indexOf(close[0], at + close[0].length)
      return push(tokens, 's', at, stop === -1 ? text.length : stop + close[0].length)
    }
  } else if (text[end] === '@') end++
  const quote = text[end]
  if (quote === "'" || quote === '"' || quote === '`')
    return push(tokens, 'v', at, endOfString(text, end + 1, quote))
  while (isNamePart(text.charCodeAt(end))) end++
  return push(tokens, end - at > 1 || text[at] === '@' ? 'v' : 'o', at, end)
}

function readOperator(text: string, at: number, tokens: Tokens): number {
  const two = text.slice(at, at + 2)
  if (two === '||' || two === '&&') return push(tokens, '&', at, at + 2)
  if (text.startsWith('<=>', at)) return push(tokens, 'o', at, at + 3)
  if (
    two === '<=' ||
    two === '>=' ||
    two === '<>' ||
    two === '!=' ||
    two === '<<' ||
    two === '>>' ||
    two === '=='
  ) {
    return push(tokens, 'o', at, at + 2)
  }
  const code = text.charCodeAt(at)
  // Bytes that no dialect gives a meaning end nothing and are looked past.
  return '=<>!+-*/%|&^~'.includes(text[at]!)
    ? push(tokens, 'o', at, at + 1)
    : code > 0x7f
      ? readWord(text, at, tokens)
      : at + 1
}

function isSpace(code: number): boolean {
  return code <= 0x20 || code === 0xa0
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function isHex(code: number): boolean {
  const lower = code | 0x20
  return isDigit(code) || (lower >= 0x61 && lower <= 0x66)
}

function isNameStart(code: number): boolean {
  const lower = code | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || code === 0x5f || (code > 0x7f && code !== 0xa0)
}

function isNamePart(code: number): boolean {
  return isNameStart(code) || isDigit(code)
}
