import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { createDetector } from '../detector.ts'
import { acceptEdits, type EngineLimits, isRecord } from '../engine/edits.ts'
import type { Job } from '../engine/job.ts'
import type { Pool } from '../engine/pool.ts'
import { ImageError } from '../image-error.ts'

/** One size that is made of every original; a side that is left out follows from the other. */
export interface Derivative {
  readonly name: string
  readonly width?: number
  readonly height?: number
}

/** The sizes of the upload resizer of AWS's sample "Happy Path". */
export const DEFAULT_DERIVATIVES: readonly Derivative[] = [
  { name: 'tile', width: 400, height: 400 },
  { name: 'scaled', width: 600 },
]

export interface OptimiseOptions {
  readonly folder: string
  /** Where the tree of results stands; what lies in it is never an original. */
  readonly out: string
  readonly derivatives: readonly Derivative[]
  readonly format: 'jpeg' | 'webp' | 'avif'
  readonly pool: Pool
  /** Pictures at a time. */
  readonly places: number
  readonly limits: EngineLimits
  readonly progress: (done: number, all: number) => void
}

export interface Optimised {
  readonly pictures: number
  /** Of these, so many were there already from an earlier run. */
  readonly kept: number
  readonly failures: readonly { readonly file: string; readonly why: string }[]
  readonly bytesBefore: number
  /** By the name of a derivative. */
  readonly bytesAfter: ReadonlyMap<string, number>
}

const ORIGINAL = /\.(?:jpe?g|png|webp|avif|tiff?|gif)$/i

/**
 * Makes the derivatives of every picture below a folder, and a JSON file of what each is. Each file appears whole or not at
 * all, the JSON last: it says that a picture is done and with what, so a run that was broken off goes on where it was.
 */
export async function optimiseFolder(options: OptimiseOptions): Promise<Optimised> {
  const files = await originalsBelow(options.folder, options.out)
  const bases = basesOf(files)
  const failures: { file: string; why: string }[] = []
  const bytesAfter = new Map(options.derivatives.map(({ name }) => [name, 0]))
  let bytesBefore = 0
  let kept = 0
  let done = 0
  let next = 0
  const worker = async () => {
    while (next < files.length) {
      const file = files[next++]!
      try {
        const { record, isKept } = await optimiseOne(options, file, bases.get(file)!)
        bytesBefore += record.source.bytes
        if (isKept) kept++
        for (const { name, bytes } of record.derivatives)
          bytesAfter.set(name, (bytesAfter.get(name) ?? 0) + bytes)
      } catch (error) {
        failures.push({ file, why: reasonOf(error) })
      }
      options.progress(++done, files.length)
    }
  }
  await Promise.all(Array.from({ length: options.places }, worker))
  failures.sort((a, b) => (a.file < b.file ? -1 : 1))
  return { pictures: files.length, kept, failures, bytesBefore, bytesAfter }
}

/** What stands in the JSON file of a picture. */
interface PictureRecord {
  readonly source: { readonly file: string; readonly bytes: number; readonly modified: string }
  /** With what it was made: another wish makes it anew. */
  readonly made: { readonly format: string; readonly derivatives: readonly Derivative[] }
  readonly derivatives: readonly MadeFile[]
  /** As `f=json` describes it: size, main colour, BlurHash, a tiny stand-in. */
  readonly description: unknown
}

interface MadeFile {
  readonly name: string
  readonly file: string
  readonly width: number
  readonly height: number
  readonly bytes: number
}

async function optimiseOne(
  options: OptimiseOptions,
  file: string,
  base: string,
): Promise<{ readonly record: PictureRecord; readonly isKept: boolean }> {
  const { folder, out, derivatives, format, pool } = options
  const place = path.join(out, path.dirname(file))
  const recordFile = path.join(place, `${base}-meta.json`)
  const { size, mtime } = await stat(path.join(folder, file))
  const source = { file, bytes: size, modified: mtime.toISOString() }
  const made = { format, derivatives }
  const known = await readRecord(recordFile)
  const isSame = known !== undefined && isDeepStrictEqual([known.source, known.made], [source, made])
  if (isSame && (await areThere(place, known.derivatives))) return { record: known, isKept: true }

  const bytes = await readFile(path.join(folder, file))
  const run = (job: Job) => pool.run(job, [bytes], createDetector(undefined), new AbortController().signal)
  await mkdir(place, { recursive: true })
  const files: MadeFile[] = []
  for (const derivative of derivatives) {
    const { rendered, bytes: result } = await run(jobFor(derivative, options))
    const name = `${base}-${derivative.name}.${format === 'jpeg' ? 'jpg' : format}`
    await writeWhole(path.join(place, name), result)
    const { width, height } = rendered
    files.push({ name: derivative.name, file: name, width, height, bytes: result.length })
  }
  const described = await run({ ...jobFor(undefined, options), isDescription: true })
  const description = JSON.parse(described.bytes.toString()) as unknown
  const record = { source, made, derivatives: files, description }
  await writeWhole(recordFile, `${JSON.stringify(record, undefined, 2)}\n`)
  return { record, isKept: false }
}

/** Upright, never enlarged, on white where the format has no transparency, with copyright but nothing else of the metadata. */
function jobFor(derivative: Derivative | undefined, { format, limits }: OptimiseOptions): Job {
  const edits = [{ name: 'rotate', value: 'auto', from: 'optimise' }]
  const add = (name: string, value: unknown) => edits.push({ name, value: value as string, from: 'optimise' })
  if (derivative !== undefined) {
    const { width, height } = derivative
    add('resize', { width, height, fit: 'cover', withoutEnlargement: true })
  }
  if (format === 'jpeg') add('flatten', { background: '#fff' })
  return {
    edits: acceptEdits(edits, limits).map(({ name, value }) => ({ name, value })),
    format,
    options: {},
    isAnimatedByDefault: false,
    metadata: 'copyright',
    limits,
    isStrict: false,
    faces: 'attention',
    timeoutSeconds: 60,
  }
}

/** Relative paths of what is called like a picture, sorted; hidden files, links and the results are none. */
async function originalsBelow(folder: string, out: string): Promise<readonly string[]> {
  const results = path.resolve(out)
  const found: string[] = []
  const walk = async (relative: string): Promise<void> => {
    const here = path.join(folder, relative)
    if (path.resolve(here) === results) return
    for (const entry of await readdir(here, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const name = path.join(relative, entry.name)
      if (entry.isDirectory()) await walk(name)
      else if (entry.isFile() && ORIGINAL.test(entry.name)) found.push(name)
    }
  }
  await walk('')
  return found.sort()
}

/** Names of results begin with the original's without its ending, or with all of it where two would be the same. */
function basesOf(files: readonly string[]): ReadonlyMap<string, string> {
  const bare = (file: string) => file.replace(/\.[^.]*$/, '')
  const counts = new Map<string, number>()
  for (const file of files) counts.set(bare(file), (counts.get(bare(file)) ?? 0) + 1)
  return new Map(files.map((file) => [file, path.basename(counts.get(bare(file)) === 1 ? bare(file) : file)]))
}

async function writeWhole(file: string, content: Buffer | string): Promise<void> {
  const partial = path.join(path.dirname(file), `.${path.basename(file)}.partial`)
  await writeFile(partial, content)
  await rename(partial, file)
}

async function areThere(place: string, files: readonly MadeFile[]): Promise<boolean> {
  const sizes = await Promise.all(
    files.map(({ file }) =>
      stat(path.join(place, file)).then(
        ({ size }) => size,
        () => -1,
      ),
    ),
  )
  return sizes.every((size, index) => size === files[index]!.bytes)
}

/** Undefined for what is not there, or is no record of ours. */
async function readRecord(file: string): Promise<PictureRecord | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(file, 'utf8'))
    const isRecordOfOurs = isRecord(json) && isRecord(json['source']) && Array.isArray(json['derivatives'])
    // Written by `optimiseOne`; what differs in the rest differs from what is wished too.
    return isRecordOfOurs ? (json as unknown as PictureRecord) : undefined
  } catch {
    return undefined
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ImageError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
