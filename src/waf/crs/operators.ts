import { parseIpv6 } from '../../http/address-text.ts'
import { compileCidrs } from '../../http/address.ts'
import { compilePattern, type Pattern } from '../regex/pattern.ts'
import type { RegexOptions } from '../regex/syntax.ts'
import { findSqli } from '../sqli/find-sqli.ts'
import { findXss } from '../xss/find-xss.ts'
import {
  findCreditCard,
  findCpf,
  findSsn,
  findSvnr,
  isUrlEncodingBad,
  isUtf8Bad,
  parseByteRanges,
} from './operator-checks.ts'
import { lowercase } from '../transforms/lowercase.ts'
import { PhraseSet } from './phrase-set.ts'
import type { RuleFiles } from './rule-files.ts'

/** A compiled operator. Texts are latin1. */
export interface Operator {
  /** Whether it holds, before a `!` turns it round. */
  test(text: string): boolean
  /** What `capture` keeps: the match and its groups; undefined where there is none. Tells no more than `test`. */
  exec(text: string): readonly string[] | undefined
  /** One of these is in whatever it holds for, in any case; undefined where that cannot be said. */
  readonly needs: readonly string[] | undefined
  /** For patterns: which engine runs it. */
  readonly engine: Pattern['engine'] | undefined
  readonly maxLength: number
}

/** What an operator may need besides its argument. */
export interface OperatorContext {
  readonly files: RuleFiles
  /** The rule file the operator stands in: data files are looked for beside it. */
  readonly file: string
}

/** Options of patterns as ModSecurity 2 compiles them: `.` matches newlines, `$` only the end. */
export const SECLANG_OPTIONS: RegexOptions = {
  ignoreCase: false,
  dotAll: true,
  multiline: false,
  dollarEndOnly: true,
  extended: false,
  takesBacktracking: true,
}

/** Operators that ask about the moment, not only about a value: the engine answers them (`geo`, lists of DNS). */
export const LIVE_OPERATORS: ReadonlySet<string> = new Set([
  'geolookup',
  'rbl',
  'gsblookup',
  'inspectfile',
  'fuzzyhash',
])

type Maker = (argument: string, context: OperatorContext) => Operator

const makers: ReadonlyMap<string, Maker> = new Map<string, Maker>(
  Object.entries({
    rx: makeRegex,
    rxglobal: (argument: string) => ({ ...makeRegex(argument), exec: globalGroups(argument) }),
    pm: (argument: string) => makePhrases(parsePhrases(argument)),
    pmf: makePhrasesFromFile,
    pmfromfile: makePhrasesFromFile,
    contains: (argument: string) => plain((text) => text.includes(argument), argument),
    strmatch: (argument: string) => plain((text) => text.includes(argument), argument),
    containsword: makeContainsWord,
    streq: (argument: string) => plain((text) => text === argument, argument),
    beginswith: (argument: string) => plain((text) => text.startsWith(argument), argument),
    endswith: (argument: string) => plain((text) => text.endsWith(argument), argument),
    within: (argument: string) => whole((text) => text === '' || argument.includes(text)),
    eq: (argument: string) => compare(argument, (a, b) => a === b),
    ge: (argument: string) => compare(argument, (a, b) => a >= b),
    gt: (argument: string) => compare(argument, (a, b) => a > b),
    le: (argument: string) => compare(argument, (a, b) => a <= b),
    lt: (argument: string) => compare(argument, (a, b) => a < b),
    ipmatch: (argument: string) => makeIpMatch(argument.split(/[\s,]+/)),
    ipmatchf: makeIpMatchFromFile,
    ipmatchfromfile: makeIpMatchFromFile,
    detectsqli: () => detect((text) => findSqli(cut(text), 'LOW')?.matchedData?.join(' ')),
    detectxss: () => detect((text) => (findXss(cut(text)) === undefined ? undefined : text)),
    unconditionalmatch: () => whole(() => true),
    nomatch: () => whole(() => false),
    validatebyterange: (argument: string) => {
      const allowed = parseByteRanges(argument)
      return whole((text) => {
        for (let i = 0; i < text.length; i++) if (allowed[text.charCodeAt(i)] !== 1) return true
        return false
      })
    },
    validateurlencoding: () => ({ ...whole(isUrlEncodingBad), needs: ['%'] }),
    validateutf8encoding: () => whole(isUtf8Bad),
    verifycc: (argument: string) => verify(argument, findCreditCard),
    verifycpf: (argument: string) => verify(argument, findCpf),
    verifyssn: (argument: string) => verify(argument, findSsn),
    verifysvnr: (argument: string) => verify(argument, findSvnr),
  }),
)

export function isOperator(name: string): boolean {
  return makers.has(name) || LIVE_OPERATORS.has(name)
}

/** Compiles an operator with an argument without macros. Throws Error for what is not known or not valid. */
export function compileOperator(name: string, argument: string, context: OperatorContext): Operator {
  const make = makers.get(name)
  if (make === undefined) throw new Error(`the operator @${name} is not known`)
  return make(argument, context)
}

function whole(test: (text: string) => boolean): Operator {
  return {
    test,
    exec: (text) => (test(text) ? [text] : undefined),
    needs: undefined,
    engine: undefined,
    maxLength: Infinity,
  }
}

/** For operators whose argument has to be in the text as it stands. */
function plain(test: (text: string) => boolean, argument: string): Operator {
  const needs = argument === '' ? undefined : [lowercase(argument).slice(0, 8)]
  return { ...whole(test), needs }
}

function compare(argument: string, holds: (value: number, wanted: number) => boolean): Operator {
  const wanted = toInteger(argument)
  return whole((text) => holds(toInteger(text), wanted))
}

/** As C's atoi reads a number: digits at the beginning, 0 for anything else. */
export function toInteger(text: string): number {
  const value = Number.parseInt(text, 10)
  return Number.isNaN(value) ? 0 : value
}

function makeRegex(argument: string): Operator {
  const pattern = compilePattern(argument, SECLANG_OPTIONS)
  return {
    test: (text) => pattern.test(text),
    exec: (text) => groupsOf(pattern, text),
    needs: pattern.literals(),
    engine: pattern.engine,
    maxLength: pattern.maxLength,
  }
}

function groupsOf(pattern: Pattern, text: string): readonly string[] | undefined {
  return pattern
    .groups(text)
    ?.slice(0, 10)
    .map((group) => group ?? '')
}

/** Groups of all matches one behind the other; empty matches are left out. */
function globalGroups(argument: string): (text: string) => readonly string[] | undefined {
  const pattern = compilePattern(argument, SECLANG_OPTIONS)
  return (text) => {
    const groups: string[] = []
    let rest = text
    while (groups.length < 100) {
      const found = groupsOf(pattern, rest)
      const place = pattern.exec(rest)
      if (found === undefined || place === undefined) break
      if (found[0] !== '') groups.push(...found)
      const end = Math.max(place[1]!, place[0]! + 1)
      if (end > rest.length) break
      rest = rest.slice(end)
    }
    return groups.length > 0 ? groups : groupsOf(pattern, text)
  }
}

/** Words of `@pm`: bytes may be written in hex between bars, as in Snort: `|2e 2e|/`. */
function parsePhrases(argument: string): string[] {
  return argument
    .replaceAll(/\|((?:[0-9A-Fa-f]{2} ?)+)\|/g, (_all, hex: string) =>
      Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1').replaceAll(' ', '\x01'),
    )
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => word.replaceAll('\x01', ' '))
}

function makePhrases(phrases: readonly string[]): Operator {
  if (phrases.length === 0) throw new Error('a list of phrases is empty')
  const set = new PhraseSet(phrases.map((text) => ({ text, number: 0 })))
  return {
    test: (text) => set.find(text) !== undefined,
    exec: (text) => {
      const found = set.find(text)
      return found === undefined ? undefined : [text.slice(found.start, found.end)]
    },
    needs: [...new Set(phrases.map((phrase) => lowercase(phrase).slice(0, 8)))],
    engine: undefined,
    maxLength: Infinity,
  }
}

function makePhrasesFromFile(argument: string, context: OperatorContext): Operator {
  const phrases = argument.split(/\s+/).flatMap((name) => readLines(name, context))
  return makePhrases(phrases)
}

/** Lines of a data file beside the rule file, without comments and empty lines. */
function readLines(name: string, { files, file }: OperatorContext): string[] {
  const found = files.find(name, file)
  const text = found[0] === undefined ? undefined : files.read(found[0])
  if (text === undefined) throw new Error(`the data file ${name} cannot be read`)
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

function makeContainsWord(argument: string): Operator {
  const isWord = (code: number): boolean =>
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x5f
  const test = (text: string): boolean => {
    if (argument === '') return true
    for (
      let at = text.indexOf(argument);
      at !== -1 && at <= text.length;
      at = text.indexOf(argument, at + 1)
    ) {
      const isFree =
        (at === 0 || !isWord(text.charCodeAt(at - 1))) &&
        (at + argument.length >= text.length || !isWord(text.charCodeAt(at + argument.length)))
      if (isFree) return true
    }
    return false
  }
  return plain(test, argument)
}

function makeIpMatch(ranges: readonly string[]): Operator {
  const matches = compileCidrs(ranges.filter((range) => range !== ''))
  // An IPv4 address written as IPv6 counts as IPv4, and lies in wide IPv6 ranges as well.
  const wide = ranges.filter((range) => range.includes(':')).map(parseWide)
  const words = new Uint32Array(4)
  return whole((text) => {
    const address = text.trim()
    if (matches(address)) return true
    if (!address.includes(':') || !parseIpv6(address, words)) return false
    return wide.some((range) => isWithin(words, range))
  })
}

interface WideRange {
  readonly words: Uint32Array
  readonly bits: number
}

function parseWide(range: string): WideRange {
  const [address = '', bits = '128'] = range.split('/')
  const words = new Uint32Array(4)
  parseIpv6(address, words)
  return { words, bits: Number(bits) }
}

function isWithin(words: Uint32Array, range: WideRange): boolean {
  for (let i = 0; i * 32 < range.bits; i++) {
    const bits = Math.min(32, range.bits - i * 32)
    const mask = bits === 32 ? 0xffffffff : ~(0xffffffff >>> bits)
    if (((words[i]! ^ range.words[i]!) & mask) !== 0) return false
  }
  return true
}

function makeIpMatchFromFile(argument: string, context: OperatorContext): Operator {
  return makeIpMatch(readLines(argument, context))
}

/** Injections are looked for in the beginning of a value: their tokenisers read it in every context there may be. */
const MAX_TOKENISED = 4_096

function cut(text: string): string {
  return text.length > MAX_TOKENISED ? text.slice(0, MAX_TOKENISED) : text
}

function detect(find: (text: string) => string | undefined): Operator {
  return {
    test: (text) => find(text) !== undefined,
    exec: (text) => {
      const found = find(text)
      return found === undefined ? undefined : [found]
    },
    needs: undefined,
    engine: undefined,
    maxLength: Infinity,
  }
}

/** Operators that look for a number by a pattern and check its digits. */
function verify(argument: string, isValid: (digits: string) => boolean): Operator {
  const pattern = compilePattern(argument, SECLANG_OPTIONS)
  const find = (text: string): string | undefined => {
    let rest = text
    for (let from = 0; from <= text.length;) {
      rest = text.slice(from)
      const found = pattern.exec(rest)
      if (found === undefined) return undefined
      const match = rest.slice(found[0], found[1])
      if (isValid(match)) return match
      from += Math.max(found[1]!, found[0]! + 1)
    }
    return undefined
  }
  return { ...detect(find), needs: pattern.literals() }
}
