import { isRecord } from '../engine/edits.ts'
import { isPictureName, type Results } from './places.ts'
import type { Wish } from './wish.ts'

/** What stands in the JSON file of a picture. It is written last: where it is, the picture is done. */
export interface PictureRecord {
  readonly source: {
    readonly file: string
    readonly bytes: number
    readonly modified: string
    readonly etag?: string
  }
  /** With what it was made: another wish makes it anew. */
  readonly made: Wish
  readonly derivatives: readonly MadeFile[]
  /** As `f=json` describes it: size, main colour, BlurHash, ThumbHash, a tiny stand-in. */
  readonly description: unknown
}

export interface MadeFile {
  /** That of a size, or `exif`. */
  readonly name: string
  /** That of a picture, or `json`. */
  readonly format: string
  readonly file: string
  /** Of pictures. */
  readonly width?: number
  readonly height?: number
  readonly bytes: number
}

/** Up to the last dot of the file's name. */
export function bareName(key: string): string {
  return key.replace(/\.[^./]*$/, '')
}

/** Without any ending of a picture: what originals and the bases of their results have in common. */
export function commonName(key: string): string {
  let name = key
  while (isPictureName(name)) name = bareName(name)
  return name
}

/** How the results of an original may be called, the best first: those after the first are for names that others have. */
export function basesOf(key: string): readonly string[] {
  const ending = key.slice(bareName(key).length)
  return [bareName(key), key, key + ending, key + ending + ending]
}

export function recordName(base: string): string {
  return `${base}${RECORD_ENDING}`
}

/** What a name has after the base of its results where it is that of a record. */
export const RECORD_ENDING = '-meta.json'

export function fileName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

/** The place of a file that a record of `base` names; undefined for one that cannot be of it. */
export function placeOfFile(base: string, file: string): string | undefined {
  const isOfBase = !/[/\\]/.test(file) && file.startsWith(`${fileName(base)}-`)
  return isOfBase ? `${base.slice(0, base.lastIndexOf('/') + 1)}${file}` : undefined
}

/** Undefined for what is not there, or is no record of ours. */
export async function readRecord(results: Results, base: string): Promise<PictureRecord | undefined> {
  const bytes = await results.read(recordName(base))
  if (bytes === undefined) return undefined
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'))
    const isOurs =
      isRecord(json) &&
      isRecord(json['source']) &&
      typeof json['source']['file'] === 'string' &&
      Array.isArray(json['derivatives'])
    // Written above; what differs in the rest differs from what is wished too.
    return isOurs ? (json as unknown as PictureRecord) : undefined
  } catch {
    return undefined
  }
}
