import { isDeepStrictEqual } from 'node:util'
import { type Derived, readDerived } from '../engine/derived.ts'
import type { EngineLimits } from '../engine/edits.ts'
import type { Ask, Job, PeopleSearch } from '../engine/job.ts'
import type { Pool } from '../engine/pool.ts'
import { ImageError } from '../image-error.ts'
import type { Original, Originals, Results } from './places.ts'
import {
  basesOf,
  commonName,
  fileName,
  type MadeFile,
  type PictureRecord,
  placeOfFile,
  readRecord,
  recordName,
} from './record.ts'
import { wantedOf, type Wish } from './wish.ts'

export interface OptimiserOptions {
  readonly originals: Pick<Originals, 'find' | 'read'>
  readonly results: Results
  readonly wish: Wish
  readonly pool: Pool
  readonly limits: EngineLimits
  readonly maxSourceBytes: number
  readonly accept?: Accept
  /** Answers for the moderation service. */
  readonly ask: Ask
  readonly timeoutSeconds: number
}

/** Which pictures are taken at all. */
export interface Accept {
  readonly minSide: number
  readonly types: readonly string[] | undefined
  /** Confidence from which a label refuses a picture; undefined asks nobody. */
  readonly moderation: number | undefined
  /** How people are found, where none are allowed. */
  readonly people?: PeopleSearch
}

export type PictureOutcome =
  | { readonly kind: 'made'; readonly record: PictureRecord }
  /** It was done before. */
  | { readonly kind: 'kept'; readonly record: PictureRecord }
  /** It is another one by now, or none. */
  | { readonly kind: 'changed' }

/** Makes what is wished of one original after the other, and nothing twice. */
export interface Optimiser {
  /** Rejects with ImageError for a picture that cannot be done, and with whatever reading and writing it says. */
  optimise(original: Original): Promise<PictureOutcome>
  /** Removes what was made of an original that is gone, and gives its record; undefined where there is nothing of it. */
  remove(key: string): Promise<PictureRecord | undefined>
}

/**
 * One place where derivatives of a picture are made, for folders, queues and commands. The record names size and time (or
 * ETag) of the original and the wish: as long as both are the same and the results stand, nothing is made.
 */
export function createOptimiser(options: OptimiserOptions): Optimiser {
  const { originals, results, wish, pool, limits, maxSourceBytes, ask, timeoutSeconds } = options
  const wanted = wantedOf(wish)
  const job: Job = {
    edits: [{ name: 'rotate', value: 'auto' }],
    format: undefined,
    options: {},
    isAnimatedByDefault: false,
    metadata: 'copyright',
    limits,
    isStrict: false,
    faces: 'attention',
    timeoutSeconds,
    derive: {
      derivatives: wanted.map((each) => each.job),
      ...(options.accept ?? { minSide: 1, types: undefined, moderation: undefined }),
      ...(wish.exif !== undefined && { exif: wish.exif }),
    },
  }
  /** Two originals of one name must not choose those of their results at the same moment. */
  const turns = new Map<string, Promise<unknown>>()

  async function optimiseInTurn(original: Original): Promise<PictureOutcome> {
    const { key, bytes: length, modified, etag } = original
    const source = { file: key, bytes: length, modified, ...(etag !== undefined && { etag }) }
    const { base, known, before } = await placeOf(key)
    if (known !== undefined && isSame(known, source) && (await areThere(base, known)))
      return { kind: 'kept', record: known }

    const bytes = await originals.read(original, maxSourceBytes)
    if (bytes === undefined) return { kind: 'changed' }
    const derived = await derive(bytes)
    const derivatives: MadeFile[] = []
    for (const [index, { width, height, bytes: result }] of derived.made.entries()) {
      const { name, format, ending, contentType } = wanted[index]!
      await results.write(`${base}${ending}`, result, contentType)
      derivatives.push({
        name,
        format,
        file: fileName(`${base}${ending}`),
        width,
        height,
        bytes: result.length,
      })
    }
    if (derived.exif !== undefined) derivatives.push(await writeExif(base, derived.exif))
    await removeOutdated(base, before, derivatives)
    const record: PictureRecord = { source, made: wish, derivatives, description: derived.description }
    await results.write(
      recordName(base),
      Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`),
      'application/json',
    )
    return { kind: 'made', record }
  }

  async function writeExif(base: string, exif: unknown): Promise<MadeFile> {
    const name = `${base}-exif.json`
    const text = Buffer.from(`${JSON.stringify(exif, undefined, 2)}\n`)
    await results.write(name, text, 'application/json')
    return { name: 'exif', format: 'json', file: fileName(name), bytes: text.length }
  }

  /** What EXIF said of another picture, or of more than is wished now, must not stay. Sizes that pages may use do. */
  async function removeOutdated(
    base: string,
    before: PictureRecord | undefined,
    now: readonly MadeFile[],
  ): Promise<void> {
    for (const { format, file } of before?.derivatives ?? []) {
      const place = placeOfFile(base, file)
      if (format === 'json' && place !== undefined && !now.some((each) => each.file === file))
        await results.remove(place)
    }
  }

  async function removeInTurn(key: string): Promise<PictureRecord | undefined> {
    let removed: PictureRecord | undefined
    for (const base of basesOf(key)) {
      const record = await readRecord(results, base)
      if (record?.source.file !== key) continue
      // Looked at here, where nobody makes anything of it: it may have been put there again.
      if ((await originals.find(key)) !== undefined) return removed
      for (const { file } of record.derivatives) {
        const place = placeOfFile(base, file)
        if (place !== undefined) await results.remove(place)
      }
      // Last: as long as it is there, the next scan knows what is left to do.
      await results.remove(recordName(base))
      removed = record
    }
    return removed
  }

  async function derive(bytes: Buffer): Promise<Derived> {
    const { bytes: result } = await pool.run(job, [bytes], ask, new AbortController().signal)
    return readDerived(result)
  }

  /** An ETag tells by itself; the time of an object is only when it was put last, the same bytes or others. */
  function isSame(known: PictureRecord, source: PictureRecord['source']): boolean {
    if (!isDeepStrictEqual(known.made, wish)) return false
    const { file, bytes, etag, modified } = known.source
    if (file !== source.file || bytes !== source.bytes || etag !== source.etag) return false
    return etag !== undefined || modified === source.modified
  }

  /**
   * Results are called like the original without its ending. Where another original has that name already, and is still
   * there, they keep the ending, and so on. `before` is what stands there, of whatever original.
   */
  async function placeOf(key: string): Promise<{
    readonly base: string
    readonly known: PictureRecord | undefined
    readonly before: PictureRecord | undefined
  }> {
    const bases = basesOf(key)
    const held: { readonly base: string; readonly holder: PictureRecord | undefined }[] = []
    for (const base of bases) {
      const holder = await readRecord(results, base)
      if (holder?.source.file === key) return { base, known: holder, before: holder }
      held.push({ base, holder })
      // There may be something of it beyond, where others have gone since: it is made anew then.
      if (held.filter((each) => each.holder === undefined).length === 2) break
    }
    for (const { base, holder } of held) {
      if (holder === undefined || (await originals.find(holder.source.file)) === undefined)
        return { base, known: undefined, before: holder }
    }
    const last = recordName(bases.at(-1)!)
    throw new ImageError(409, 'NameTaken', `Other pictures have all names of its results, up to ${last}.`)
  }

  async function areThere(base: string, { derivatives }: PictureRecord): Promise<boolean> {
    const sizes = await Promise.all(
      derivatives.map(({ file }) => {
        const place = placeOfFile(base, file)
        return place === undefined ? Promise.resolve(undefined) : results.sizeOf(place)
      }),
    )
    return sizes.every((size, index) => size === derivatives[index]!.bytes)
  }

  function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const name = commonName(key)
    const before = turns.get(name) ?? Promise.resolve()
    const mine = before.then(work, work)
    turns.set(name, mine)
    const done = () => {
      if (turns.get(name) === mine) turns.delete(name)
    }
    mine.then(done, done)
    return mine
  }

  return {
    optimise: (original) => inTurn(original.key, () => optimiseInTurn(original)),
    remove: (key) => inTurn(key, () => removeInTurn(key)),
  }
}

/** The code and sentence of a failure, for people. */
export function reasonOf(error: unknown): string {
  if (error instanceof ImageError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
