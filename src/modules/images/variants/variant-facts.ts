import { parseHttpDate } from '../../../http/http-date.ts'
import type { Rendered } from '../engine/job.ts'
import type { Picture, SourceValidator } from '../source/picture.ts'
import { isRecord } from '../engine/edits.ts'

/** One picture that went into a variant: what its bytes were, and how its source calls them. */
export interface VariantInput {
  /** SHA-256 of the bytes, in base64url. */
  readonly hash: string
  /** Nodes with copies of a source call the same bytes by different names: the newest last, at most four. */
  readonly known: readonly SourceValidator[]
}

/** All that is known of a kept variant beside its bytes. */
export interface VariantFacts {
  readonly contentType: string
  readonly etag: string
  /** The source, then what is laid over it, in the order of the edits. */
  readonly inputs: readonly VariantInput[]
  readonly rendered: Pick<Rendered, 'format' | 'width' | 'height' | 'frames'>
}

const MAX_KNOWN = 4
/** Clocks of servers differ. */
const SETTLED_MS = 60_000
const VERSION = 1

/** The part of the facts that no header of an object has a place for, in ASCII. */
export function writeFacts({ etag, inputs, rendered }: VariantFacts): string {
  const { format, width, height, frames } = rendered
  const plain = {
    v: VERSION,
    etag,
    inputs: inputs.map(({ hash, known }) => [
      hash,
      ...known.map((each) => [each.etag ?? null, each.lastModified ?? null]),
    ]),
    rendered: [format, width, height, frames],
  }
  return JSON.stringify(plain).replace(
    NOT_ASCII,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const NOT_ASCII = /[^\x20-\x7e]/g

/** By hand and not by schema: this runs for requests. Undefined for what this version did not write. */
export function readFacts(
  text: string | undefined,
  contentType: string | undefined,
): VariantFacts | undefined {
  if (text === undefined || contentType === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value) || value['v'] !== VERSION) return undefined
  const { etag } = value
  const inputs = listOf(value['inputs'], readInput)
  const rendered = readRendered(value['rendered'])
  if (typeof etag !== 'string' || inputs === undefined || inputs.length === 0) return undefined
  return rendered && { contentType, etag, inputs, rendered }
}

function readInput(value: unknown): VariantInput | undefined {
  if (!Array.isArray(value)) return undefined
  const [hash, ...rest] = value as readonly unknown[]
  const known = listOf(rest, readValidator)
  return typeof hash === 'string' && known !== undefined ? { hash, known } : undefined
}

function readValidator(value: unknown): SourceValidator | undefined {
  if (!Array.isArray(value)) return undefined
  const [etag, lastModified] = value as readonly unknown[]
  if (!isOptionalText(etag ?? undefined) || !isOptionalText(lastModified ?? undefined)) return undefined
  return {
    etag: typeof etag === 'string' ? etag : undefined,
    lastModified: typeof lastModified === 'string' ? lastModified : undefined,
  }
}

function readRendered(value: unknown): VariantFacts['rendered'] | undefined {
  if (!Array.isArray(value)) return undefined
  const [format, width, height, frames] = value as readonly unknown[]
  if (typeof format !== 'string' || typeof width !== 'number') return undefined
  if (typeof height !== 'number' || typeof frames !== 'number') return undefined
  return { format, width, height, frames }
}

function listOf<T>(value: unknown, read: (each: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined
  const list: T[] = []
  for (const each of value as readonly unknown[]) {
    const item = read(each)
    if (item === undefined) return undefined
    list.push(item)
  }
  return list
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

/** The pictures that a variant was made of, as they were fetched. Hashing happens on another thread, on copies of the bytes. */
export function inputsOf(pictures: readonly Picture[], nowMs: number): Promise<VariantInput[]> {
  return Promise.all(
    pictures.map(async ({ bytes, etag, lastModified }) => ({
      hash: await hashOf(bytes),
      known: isName({ etag, lastModified }, nowMs) ? [{ etag, lastModified }] : [],
    })),
  )
}

/** A date alone names one version only when it is past: another may follow in the same second (RFC 9110 section 8.8.2.2). */
function isName({ etag, lastModified }: SourceValidator, nowMs: number): boolean {
  if (etag !== undefined || lastModified === undefined) return etag !== undefined
  const modified = parseHttpDate(lastModified, nowMs)
  return modified !== undefined && modified + SETTLED_MS <= nowMs
}

/** The facts of a variant whose sources have the same bytes under other names; undefined when the bytes are others. */
export function renamed(facts: VariantFacts, inputs: readonly VariantInput[]): VariantFacts | undefined {
  if (facts.inputs.length !== inputs.length) return undefined
  if (facts.inputs.some(({ hash }, index) => hash !== inputs[index]!.hash)) return undefined
  return {
    ...facts,
    inputs: facts.inputs.map(({ hash, known }, index) => {
      const names = inputs[index]!.known
      const others = known.filter((each) => !names.some((name) => isSame(name, each)))
      return { hash, known: [...others, ...names].slice(-MAX_KNOWN) }
    }),
  }
}

function isSame(one: SourceValidator, other: SourceValidator): boolean {
  return one.etag === other.etag && one.lastModified === other.lastModified
}

async function hashOf(bytes: Buffer): Promise<string> {
  // The bytes are copied before this returns (Web Cryptography API section 14.3.5).
  // A Buffer of this process is never backed by shared memory, which is all that the type leaves open.
  const view = bytes as Uint8Array<ArrayBuffer>
  return Buffer.from(await crypto.subtle.digest('SHA-256', view)).toString('base64url')
}
