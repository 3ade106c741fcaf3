/** What is known of an original without reading it. */
export interface Original {
  /** Relative to the place, with forward slashes. */
  readonly key: string
  readonly bytes: number
  /** ISO 8601. */
  readonly modified: string
  /** Tells versions apart where there is one; else size and time do. */
  readonly etag?: string
}

/** Where originals come from: a folder, or objects under a prefix. */
export interface Originals {
  /** All there are, in no order, a few at a time. */
  list(signal: AbortSignal): AsyncIterable<Original>
  /** Undefined where there is none, and for what is no picture by its name, or a result. */
  find(key: string): Promise<Original | undefined>
  /** Its bytes, as long as it is still the same; undefined where it has changed or gone. Rejects with ImageError beyond `maxBytes`. */
  read(original: Original, maxBytes: number): Promise<Buffer | undefined>
}

/** Where results go. A file is there as a whole or not at all. */
export interface Results {
  read(name: string): Promise<Buffer | undefined>
  sizeOf(name: string): Promise<number | undefined>
  write(name: string, bytes: Buffer, contentType: string): Promise<void>
  /** Content when there is none. */
  remove(name: string): Promise<void>
  /** Names that end so, in no order. */
  list(ending: string, signal: AbortSignal): AsyncIterable<string>
}

const PICTURE = /\.(?:jpe?g|png|webp|avif|tiff?|gif|hei[cf])$/i

/** Hidden files, and files in hidden folders, are no originals: they are how others write what is not whole yet. */
export function isPictureName(key: string): boolean {
  return PICTURE.test(key) && !key.split('/').some((segment) => segment.startsWith('.'))
}
