import type { Detector } from './detectors.ts'
import { createScanner, type Format, FORMATS } from './formats/format.ts'
import { type FoundField, markOf, styleOf } from './formats/found-field.ts'
import { PathMatcher, type PathPattern, showPath } from './path-pattern.ts'
import {
  createSealFinder,
  encryptValue,
  type Mark,
  type PublicKey,
  seal,
  type SealFinder,
  type Wrap,
  wrapUp,
} from './wire.ts'

/** One rule: which fields, in which formats, under which key. */
export interface FieldRule {
  /** As it is shown in explain, metrics and audit. */
  readonly name: string
  readonly pattern: PathPattern
  readonly formats: ReadonlySet<Format>
  /** Name of the key. */
  readonly key: string
}

export interface DetectorRule {
  readonly name: string
  readonly detector: Detector
  readonly key: string
}

/** What is to be protected, compiled. */
export interface Protection {
  readonly rules: readonly FieldRule[]
  readonly detectors: readonly DetectorRule[]
  readonly wrap: Wrap
  readonly maxFields: number
  readonly maxFieldBytes: number
  readonly finder: SealFinder
  /** The rules of each format, and what follows their paths. */
  readonly byFormat: Readonly<
    Record<Format, { readonly rules: readonly FieldRule[]; readonly matcher: PathMatcher }>
  >
}

export function createProtection(options: Omit<Protection, 'finder' | 'byFormat'>): Protection {
  const of = (format: Format): Protection['byFormat'][Format] => {
    const rules = options.rules.filter((rule) => rule.formats.has(format))
    return {
      rules,
      matcher: new PathMatcher(
        rules.map(({ pattern }) => pattern),
        format === 'xml',
      ),
    }
  }
  const byFormat = Object.fromEntries(FORMATS.map((format) => [format, of(format)])) as Protection['byFormat'] // The keys are FORMATS.
  return { ...options, finder: createSealFinder(options.wrap), byFormat }
}

/** The key that encrypts for a name now; undefined while there is none. */
export type KeyOf = (name: string) => PublicKey | undefined

/** Why a document is not protected: whoever sent it is told. */
export class ProtectError extends Error {
  readonly why: 'too-many-fields' | 'field-too-long' | 'no-key'

  constructor(why: ProtectError['why'], message: string) {
    super(message)
    this.name = 'ProtectError'
    this.why = why
  }
}

/** Bytes to put in the place of others. */
export interface Replacement {
  readonly start: number
  readonly end: number
  readonly bytes: Buffer
}

export interface Protected {
  /** In order, without overlap. */
  readonly replacements: readonly Replacement[]
  /** How many fields each rule has protected. */
  readonly counts: ReadonlyMap<string, number>
}

/** Fields encrypted before other work has its turn: about a millisecond. */
const BATCH = 24

/**
 * Finds what is to be protected in a whole document and encrypts it. Nothing is replaced in `bytes` itself. Rejects with
 * a MalformedError or a ProtectError, before anything was encrypted; never shows a value.
 */
export async function protectDocument(
  bytes: Buffer,
  format: Format,
  boundary: string | undefined,
  protection: Protection,
  keyOf: KeyOf,
): Promise<Protected> {
  const work = findWork(bytes, format, boundary, protection, keyOf)
  const replacements: Replacement[] = []
  const counts = new Map<string, number>()
  for (let from = 0; from < work.length; from += BATCH) {
    if (from > 0) await new Promise((turn) => setImmediate(turn))
    replacements.push(...replaced(work.slice(from, from + BATCH), protection.wrap))
  }
  for (const { rules } of work) for (const rule of rules) counts.set(rule, (counts.get(rule) ?? 0) + 1)
  return { replacements, counts }
}

/** Does some tasks: all values are encrypted one right after the other, which keeps the caches of the processor warm. */
export function replaced(tasks: readonly Task[], wrap: Wrap): Replacement[] {
  const values = tasks.map((task) => task.values())
  const encrypted = values.map((list) => list.map(({ value, key }) => encryptValue(value, key)))
  return tasks.map(({ start, end, write }, at) => {
    const sealed = encrypted[at]!.map((bytes, index) => {
      const { mark, key } = values[at]![index]!
      return wrapUp(bytes, mark, key, wrap)
    })
    return { start, end, bytes: write(sealed) }
  })
}

/** A field to be encrypted. */
export interface Task {
  readonly start: number
  readonly end: number
  readonly rules: readonly string[]
  /** What of it is encrypted, in order. */
  readonly values: () => readonly Value[]
  /** The literal that takes its place, made of the encrypted values. */
  readonly write: (sealed: readonly string[]) => Buffer
}

interface Value {
  readonly value: Buffer
  readonly mark: Mark
  readonly key: PublicKey
}

function findWork(
  bytes: Buffer,
  format: Format,
  boundary: string | undefined,
  protection: Protection,
  keyOf: KeyOf,
): Task[] {
  const { rules, matcher } = protection.byFormat[format]
  const tasks: Task[] = []
  const scanner = createScanner(format, { matcher, everyText: protection.detectors.length > 0, boundary })
  scanner.scan(bytes, true, (field) => {
    const task = sealField(field, bytes, rules[field.pattern], protection, keyOf)
    if (task === undefined) return
    tasks.push(task)
    if (tasks.length > protection.maxFields)
      throw new ProtectError(
        'too-many-fields',
        `more than ${protection.maxFields} fields are to be encrypted`,
      )
  })
  return tasks
}

/** What is to be done about one field; undefined for nothing. Throws a ProtectError. */
export function sealField(
  field: FoundField,
  window: Buffer,
  rule: FieldRule | undefined,
  protection: Protection,
  keyOf: KeyOf,
): Task | undefined {
  const task =
    rule === undefined
      ? detect(field, window, protection, keyOf)
      : sealWhole(field, window, rule, protection, keyOf)
  if (task !== undefined && field.end - field.start > protection.maxFieldBytes) {
    throw new ProtectError(
      'field-too-long',
      `the field ${showPath(field.path())} is longer than ${protection.maxFieldBytes} bytes`,
    )
  }
  return task
}

function sealWhole(
  field: FoundField,
  window: Buffer,
  rule: FieldRule,
  protection: Protection,
  keyOf: KeyOf,
): Task | undefined {
  if (field.type === 's' && isSealed(field.text, protection.finder, keyOf, rule.key)) return undefined
  return wholeTask(field, window, [rule.name], keyFor(rule.key, keyOf))
}

function wholeTask(field: FoundField, window: Buffer, rules: readonly string[], key: PublicKey): Task {
  return {
    start: field.start,
    end: field.end,
    rules,
    values: () => [{ ...markOf(field, window), key }],
    write: ([sealed]) => Buffer.from(field.syntax.writers[0]!(sealed!), 'latin1'),
  }
}

/** Whether a text is an encrypted value of a key we know: it is not encrypted again. */
function isSealed(text: string, finder: SealFinder, keyOf: KeyOf, name: string): boolean {
  const sealed = finder.whole(text)
  if (sealed === undefined) return false
  const key = keyOf(name)
  // A viewer could wrap anything; what is shorter than a block was not encrypted by anybody.
  return key !== undefined && sealed.bytes.length >= key.blockBytes
}

function keyFor(name: string, keyOf: KeyOf): PublicKey {
  const key = keyOf(name)
  if (key === undefined) throw new ProtectError('no-key', `there is no key "${name}" to encrypt with`)
  return key
}

interface Detected {
  readonly start: number
  readonly end: number
  readonly rule: DetectorRule
}

function detect(field: FoundField, window: Buffer, protection: Protection, keyOf: KeyOf): Task | undefined {
  const { text } = field
  const found = detectIn(text, protection)
  if (found.length === 0) return undefined
  const rules = found.map(({ rule }) => rule.name)
  const literal = window.subarray(field.start, field.end)
  const style = field.type === 's' ? styleOf(field, literal) : -1
  const first = found[0]!
  const isWhole = first.start === 0 && first.end === text.length
  // A number that is only in part what was looked for is an ordinary number.
  if (field.type === 'n' && !isWhole) return undefined
  if (isWhole || style === -1) return wholeTask(field, window, rules, keyFor(first.rule.key, keyOf))
  const keys = found.map(({ rule }) => keyFor(rule.key, keyOf))
  return {
    start: field.start,
    end: field.end,
    rules,
    values: () =>
      found.map((part, index) => ({
        value: Buffer.from(text.slice(part.start, part.end)),
        mark: { type: 's', style },
        key: keys[index]!,
      })),
    write: (sealed) => Buffer.from(field.syntax.writers[style]!(withParts(text, found, sealed))),
  }
}

/** What the detectors find in a text, in order and without overlap; the first detector of the list wins. */
export function detectIn(text: string, protection: Protection): Detected[] {
  const found: Detected[] = []
  const taken = protection.finder.find(text)
  for (const rule of protection.detectors) {
    for (const span of rule.detector.find(text)) {
      const overlaps = (other: { start: number; end: number }): boolean =>
        span.start < other.end && other.start < span.end
      if (!found.some(overlaps) && !taken.some(overlaps)) found.push({ ...span, rule })
    }
  }
  return found.sort((a, b) => a.start - b.start)
}

/** A text with other text in the place of its found parts. */
function withParts(text: string, found: readonly Detected[], sealed: readonly string[]): string {
  let out = ''
  let at = 0
  for (const [index, { start, end }] of found.entries()) {
    out += text.slice(at, start) + sealed[index]!
    at = end
  }
  return out + text.slice(at)
}

/** Encrypts what the detectors find in a text without fields. */
export async function protectText(
  text: string,
  protection: Protection,
  keyOf: KeyOf,
): Promise<{ text: string; counts: Map<string, number> }> {
  const found = detectIn(text, protection)
  if (found.length > protection.maxFields)
    throw new ProtectError('too-many-fields', `more than ${protection.maxFields} fields are to be encrypted`)
  const counts = new Map<string, number>()
  let out = ''
  let at = 0
  for (const [index, { start, end, rule }] of found.entries()) {
    if (index > 0 && index % BATCH === 0) await new Promise((turn) => setImmediate(turn))
    const sealed = seal(
      Buffer.from(text.slice(start, end)),
      { type: 's', style: 0 },
      keyFor(rule.key, keyOf),
      protection.wrap,
    )
    out += text.slice(at, start) + sealed
    at = end
    counts.set(rule.name, (counts.get(rule.name) ?? 0) + 1)
  }
  return { text: out + text.slice(at), counts }
}

/** The pieces of a document with replacements in their places. */
export function splice(bytes: Buffer, replacements: readonly Replacement[]): Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (const { start, end, bytes: other } of replacements) {
    if (start > at) pieces.push(bytes.subarray(at, start))
    pieces.push(other)
    at = end
  }
  if (at < bytes.length) pieces.push(bytes.subarray(at))
  return pieces
}
