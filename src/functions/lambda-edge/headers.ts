import { HeaderList } from '../../http/header-list.ts'
import { capitalised, invalidValueCharacter, isFieldName, textOf, wireOf } from '../header-text.ts'
import { pages, type Problems } from '../problems.ts'
import { isDisallowed, readOnlyAt } from '../restricted-headers.ts'
import { shorten, typeName } from '../target.ts'
import { MAX_HEADER_BYTES } from './limits.ts'

/** One field line as Lambda@Edge shows it. */
export interface LambdaHeader {
  readonly key?: string
  readonly value: string
}

/** Fields by lower-case name (DG:lambda-event-structure). */
export type LambdaHeaders = Record<string, LambdaHeader[]>

/** The fields of a message that functions may see, in Lambda@Edge's form. */
export function lambdaHeadersOf(list: HeaderList): LambdaHeaders {
  // Without a prototype, because viewers choose the names.
  const headers = Object.create(null) as LambdaHeaders
  const { raw } = list
  for (let i = 0; i < raw.length; i += 2) {
    const key = raw[i]!
    const name = key.toLowerCase()
    if (isDisallowed(name)) continue
    const entry = { key, value: textOf(raw[i + 1]!) }
    const known = headers[name]
    if (known === undefined) headers[name] = [entry]
    else known.push(entry)
  }
  return headers
}

/**
 * The field list a function left behind: `returned` applied to `original`, of which `shown` was what it saw. Unchanged
 * lines stay where and as they were received, hidden ones stay, new ones follow. Gives `original` itself when nothing
 * changed. What breaks a rule is noted under `field`.
 */
export function applyLambdaHeaders(
  original: HeaderList,
  shown: LambdaHeaders,
  returned: unknown,
  field: string,
  problems: Problems,
): HeaderList {
  if (returned === null || typeof returned !== 'object' || Array.isArray(returned)) {
    problems.invalid(
      field,
      `must be an object of header names, and is ${typeName(returned)}`,
      pages.lambdaEvent,
    )
    return original
  }
  const readOnly = readOnlyAt(problems.kind, problems.event)
  const changed = new Map<string, LambdaHeader[]>()
  const names = new Set<string>()
  for (const [name, lines] of Object.entries(returned)) {
    const here = `${field}["${shorten(name)}"]`
    const entries = readLines(name, lines, here, problems)
    if (entries === undefined || entries.length === 0) continue
    names.add(name)
    const before = shown[name]
    if (before !== undefined && isSame(before, entries)) continue
    if (isAllowed(name, before === undefined ? 'add' : 'change', readOnly, here, problems)) {
      checkEntries(name, entries, here, problems)
      changed.set(name, entries)
    }
  }
  let deleted = false
  for (const name in shown) {
    if (names.has(name)) continue
    deleted = true
    isAllowed(name, 'delete', readOnly, `${field}["${shorten(name)}"]`, problems)
  }
  if (changed.size === 0 && !deleted) return original
  const list = rebuild(original, names, changed)
  checkSize(list, field, problems)
  return list
}

/** Bytes that a list of fields takes on the wire: names, values, and four for `: ` and the line end. */
export function headerBytes(list: HeaderList): number {
  let bytes = 0
  for (const text of list.raw) bytes += text.length + 2
  return bytes
}

function readLines(
  name: string,
  lines: unknown,
  here: string,
  problems: Problems,
): LambdaHeader[] | undefined {
  if (name !== name.toLowerCase()) {
    problems.invalid(here, 'must be named in lower case', pages.lambdaEvent)
    return undefined
  }
  if (!Array.isArray(lines)) {
    problems.invalid(here, `must be an array of { key, value }, and is ${typeName(lines)}`, pages.lambdaEvent)
    return undefined
  }
  const entries: LambdaHeader[] = []
  for (const line of lines as readonly unknown[]) {
    const { key, value } = (typeof line === 'object' && line !== null ? line : {}) as {
      readonly key?: unknown
      readonly value?: unknown
    }
    if (typeof value !== 'string') {
      problems.invalid(
        here,
        `needs a "value" that is a string, and it is ${typeName(value)}`,
        pages.lambdaEvent,
      )
      return undefined
    }
    if (key !== undefined && key !== null && typeof key !== 'string') {
      problems.invalid(here, `has a "key" that is ${typeName(key)} instead of a string`, pages.lambdaEvent)
      return undefined
    }
    entries.push(typeof key === 'string' ? { key, value } : { value })
  }
  return entries
}

function isSame(before: readonly LambdaHeader[], after: readonly LambdaHeader[]): boolean {
  if (before.length !== after.length) return false
  for (let i = 0; i < before.length; i++) {
    const { key, value } = after[i]!
    if (before[i]!.value !== value || (key !== undefined && before[i]!.key !== key)) return false
  }
  return true
}

function isAllowed(
  name: string,
  attempt: 'add' | 'change' | 'delete',
  readOnly: ReadonlySet<string>,
  here: string,
  problems: Problems,
): boolean {
  if (isDisallowed(name)) {
    problems.invalid(here, 'is a disallowed header: the function tried to add it', pages.restrictions)
    return false
  }
  if (readOnly.has(name)) {
    problems.invalid(here, `is a read-only header: the function tried to ${attempt} it`, pages.restrictions)
    return false
  }
  // The name is the edge's to give at viewer-request (DG:lambda-at-edge-function-restrictions).
  if (attempt === 'add' && name === 'cloudfront-viewer-country' && problems.event === 'viewer-request') {
    problems.invalid(here, 'cannot be added by a viewer-request function', pages.lambdaRestrictions)
    return false
  }
  return true
}

function checkEntries(
  name: string,
  entries: readonly LambdaHeader[],
  here: string,
  problems: Problems,
): void {
  if (!isFieldName(name)) {
    problems.invalid(here, 'is not a valid header name', pages.lambdaEvent)
    return
  }
  for (const { key, value } of entries) {
    if (key !== undefined && key.toLowerCase() !== name) {
      problems.invalid(here, `has the key "${shorten(key)}", which is another name`, pages.lambdaEvent)
    }
    const bad = invalidValueCharacter(value)
    if (bad !== undefined)
      problems.invalid(here, `has the invalid character ${bad} in its value`, pages.lambdaEvent)
  }
}

function rebuild(
  original: HeaderList,
  names: ReadonlySet<string>,
  changed: ReadonlyMap<string, readonly LambdaHeader[]>,
): HeaderList {
  const list = new HeaderList()
  const written = new Set<string>()
  const { raw } = original
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const entries = changed.get(name)
    if (entries === undefined) {
      if (names.has(name) || isDisallowed(name)) list.raw.push(raw[i]!, raw[i + 1]!)
    } else if (!written.has(name)) {
      written.add(name)
      write(list, name, entries)
    }
  }
  for (const [name, entries] of changed) if (!written.has(name)) write(list, name, entries)
  return list
}

function write(list: HeaderList, name: string, entries: readonly LambdaHeader[]): void {
  for (const { key, value } of entries) list.raw.push(key ?? capitalised(name), wireOf(value))
}

function checkSize(list: HeaderList, field: string, problems: Problems): void {
  const bytes = headerBytes(list)
  if (bytes <= MAX_HEADER_BYTES) return
  problems.invalid(
    field,
    `must be at most ${MAX_HEADER_BYTES} bytes together, and are ${bytes}`,
    pages.limits,
  )
}
