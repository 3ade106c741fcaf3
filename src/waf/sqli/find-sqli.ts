import type { Found } from '../statements/matcher.ts'
import type { Sensitivity } from '../plan.ts'
import { HIGH_FINGERPRINTS, LOW_FINGERPRINTS } from './fingerprints.ts'
import { fold } from './fold.ts'
import { type QuoteContext, tokenize, type Tokens } from './tokenize.ts'

/** One reading of a value, as the derivation and the match see it. */
export interface Reading {
  readonly context: QuoteContext
  readonly fingerprint: string
  readonly tokens: Tokens
  /** Positions of the folded tokens. */
  readonly at: readonly number[]
}

/** Values of these bytes alone are one name or number, which no query can be. */
const PLAIN = /^[A-Za-z0-9_.~:]*(?:-[A-Za-z0-9_.~:]+)*$/

/** Values are looked at up to this length; a body limit of 64 KB is within it. */
const MAX_LENGTH = 131_072

/**
 * Looks for SQL that breaks out of where a value stands: tokenises it as it would be read bare and inside either kind
 * of string, folds each reading, and looks its fingerprint up. HIGH knows more fingerprints and takes more innocent
 * values for attacks.
 */
export function findSqli(value: string, sensitivity: Sensitivity): Found | undefined {
  if (PLAIN.test(value)) return undefined
  const text = value.length > MAX_LENGTH ? value.slice(0, MAX_LENGTH) : value
  return findInText(text, sensitivity) ?? (FORM.test(text) ? findInParameters(text, sensitivity) : undefined)
}

/** A query string or a form: the whole of it says little, because a query is built from one of its values. */
const FORM = /^[\w.[\]-]{1,64}=[^&]*&/
const MAX_PARAMETERS = 200

function findInParameters(text: string, sensitivity: Sensitivity): Found | undefined {
  let start = 0
  for (let i = 0; i < MAX_PARAMETERS && start < text.length; i++) {
    const ampersand = text.indexOf('&', start)
    const end = ampersand === -1 ? text.length : ampersand
    const equals = text.indexOf('=', start)
    const from = equals === -1 || equals > end ? start : equals + 1
    const part = text.slice(from, end)
    const found = PLAIN.test(part) ? undefined : findInText(part, sensitivity)
    if (found !== undefined) return { ...found, start: found.start + from, end: found.end + from }
    start = end + 1
  }
  return undefined
}

function findInText(text: string, sensitivity: Sensitivity): Found | undefined {
  for (const context of contextsOf(text)) {
    const plain = read(text, context, false)
    const found = judge(text, plain, sensitivity)
    if (found !== undefined) return found
    if (!plain.tokens.hasMysqlComment) continue
    const mysql = judge(text, read(text, context, true), sensitivity)
    if (mysql !== undefined) return mysql
  }
  return undefined
}

const BARE: readonly QuoteContext[] = ['none']
const SINGLE: readonly QuoteContext[] = ['none', "'"]
const DOUBLE: readonly QuoteContext[] = ['none', '"']
const BOTH: readonly QuoteContext[] = ['none', "'", '"']

/** Contexts worth reading a text in: only a quote can end a string. */
export function contextsOf(text: string): readonly QuoteContext[] {
  const hasSingle = text.includes("'")
  const hasDouble = text.includes('"')
  return hasSingle ? (hasDouble ? BOTH : SINGLE) : hasDouble ? DOUBLE : BARE
}

/** Reads a text in one context. */
export function read(text: string, context: QuoteContext, isMysql: boolean): Reading {
  const tokens = tokenize(text, context, isMysql)
  const folded = fold(tokens, text)
  return { context, fingerprint: folded.fingerprint, tokens, at: folded.at }
}

function judge(text: string, reading: Reading, sensitivity: Sensitivity): Found | undefined {
  const length = matchLength(reading.fingerprint, sensitivity)
  if (length === 0) return undefined
  const { tokens, at } = reading
  const first = at[0]!
  const last = at[Math.min(length, at.length) - 1]!
  const matchedData: string[] = []
  // What AWS WAF logs as matchedData: the tokens, up to the end of the part that was recognised.
  for (let i = first; i <= last && matchedData.length < 10; i++)
    matchedData.push(text.slice(tokens.starts[i], tokens.ends[i]))
  return { start: tokens.starts[first]!, end: tokens.ends[last]!, matchedData }
}

/** How much of a fingerprint is known for an attack, counted in tokens; 0 when nothing is. A `$` is the end. */
export function matchLength(fingerprint: string, sensitivity: Sensitivity): number {
  for (let length = 1; length <= fingerprint.length; length++) {
    const part = fingerprint.slice(0, length)
    if (isKnown(part, sensitivity)) return length
    if (length === fingerprint.length && isKnown(`${part}$`, sensitivity)) return length
  }
  return 0
}

function isKnown(part: string, sensitivity: Sensitivity): boolean {
  return LOW_FINGERPRINTS.has(part) || (sensitivity === 'HIGH' && HIGH_FINGERPRINTS.has(part))
}
