import { nameOf, type Transformation } from './transformations.ts'
import type { Value } from './value.ts'

const MAX_PARAMETERS = 50
const MAX_ARRAY = 10
/** `type`, `type.part`, `type[part]`, `type[]`, `type[2]`: two levels, and no more. */
const NAME = /^([a-zA-Z]+)(?:\.([a-zA-Z]\w*)|\[([a-zA-Z]\w*|\d{0,3})\])?$/

/** What stands of one type. */
interface Found {
  /** Without a part, in order; several are a list. */
  readonly plain: string[]
  /** In brackets with or without a number: a list even when it is one. */
  isList: boolean
  readonly parts: Map<string, string[]>
}

/** The transformations of a query, in its order; names that could not be one are passed over. */
export function readQuery(query: string | undefined): readonly Transformation[] {
  const found = new Map<string, Found>()
  for (const [name, text] of [...new URLSearchParams(query ?? '')].slice(0, MAX_PARAMETERS)) {
    const [, spelt = '', dotted, bracketed] = NAME.exec(name) ?? []
    // A bare key counts as absent.
    if (spelt === '' || text === '' || spelt === 'policyId') continue
    const type = nameOf(spelt)
    let entry = found.get(type)
    if (entry === undefined) found.set(type, (entry = { plain: [], isList: false, parts: new Map() }))
    const part = dotted ?? bracketed
    if (part === undefined || /^\d*$/.test(part)) {
      entry.plain.push(text)
      if (part !== undefined) entry.isList = true
    } else entry.parts.set(part, [...(entry.parts.get(part) ?? []), text])
  }
  return [...found].map(([type, entry]) => ({ type, value: valueOf(entry), from: `query ${type}` }))
}

/** Parts go before a plain value of the same type: `smartCrop=true&smartCrop.index=1` is index 1. */
function valueOf({ plain, isList, parts }: Found): Value {
  if (parts.size === 0) return listed(plain, isList)
  return Object.fromEntries([...parts].map(([part, texts]) => [part, listed(texts, false)]))
}

/** A name that stands several times is a list of what it says. */
function listed(texts: readonly string[], isList: boolean): Value {
  return texts.length === 1 && !isList ? typed(texts[0]!) : texts.slice(0, MAX_ARRAY).map(typed)
}

/** `300`, `true`, `[1,2]` or `1,2`, or text. */
function typed(text: string): Value {
  if (text.startsWith('[') && text.endsWith(']')) return items(text.slice(1, -1))
  return text.includes(',') ? items(text) : scalar(text)
}

/** Splits at commas outside of inner brackets; one level of those, as watermarks have it. */
function items(text: string): readonly Value[] {
  const parts: string[] = []
  let [start, depth] = [0, 0]
  for (let at = 0; at <= text.length; at++) {
    const sign = text[at]
    if (sign === '[') depth++
    else if (sign === ']') depth--
    if (sign !== undefined && (sign !== ',' || depth > 0)) continue
    parts.push(text.slice(start, at).trim())
    start = at + 1
  }
  return parts.slice(0, MAX_ARRAY).map((part) => {
    if (!part.startsWith('[') || !part.endsWith(']')) return scalar(part)
    return part
      .slice(1, -1)
      .split(',')
      .slice(0, MAX_ARRAY)
      .map((each) => scalar(each.trim()))
  })
}

/** A number wherever JavaScript reads one, `true` and `false`, nothing, or text. */
function scalar(text: string): Value {
  if (text === '') return null
  if (text === 'true') return true
  if (text === 'false') return false
  return text.length <= MAX_DIGITS && /\d/.test(text) && Number.isFinite(Number(text)) ? Number(text) : text
}

const MAX_DIGITS = 40
