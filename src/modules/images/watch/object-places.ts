import { buffer } from 'node:stream/consumers'
import { allObjects } from '../../../seams/objects/all-objects.ts'
import type { Objects } from '../../../seams/objects/objects.ts'
import { ImageError } from '../image-error.ts'
import { isPictureName, type Original, type Originals, type Results } from '../optimise/places.ts'

/** User metadata of every result, by which it is known whatever place it is found in. */
const MARK = 'edgeward-optimised'

/** The pictures under a prefix; keys are told without it. Those under `results`, a prefix of the same store, are none. */
export function objectOriginals(objects: Objects, prefix: string, results: string | undefined): Originals {
  const isOriginal = (key: string): boolean =>
    isPictureName(key.slice(prefix.length)) && (results === undefined || !key.startsWith(results))
  return {
    async *list(signal) {
      for await (const { key, size, etag, lastModified } of allObjects(objects, prefix, signal))
        if (isOriginal(key)) yield originalOf(key.slice(prefix.length), size, lastModified, etag)
    },
    async find(key) {
      if (!isOriginal(prefix + key)) return undefined
      const head = await objects.head(prefix + key)
      if (head === undefined || head.metadata[MARK] !== undefined) return undefined
      return originalOf(key, head.size, head.lastModified, head.etag)
    },
    async read(original, maxBytes) {
      if (original.bytes > maxBytes)
        throw new ImageError(413, 'TooLargeImageException', `The source is larger than ${maxBytes} bytes.`)
      const read = await objects.get(prefix + original.key)
      if (read === undefined) return undefined
      const { etag, size, metadata } = read.head
      if (etag !== original.etag || size !== original.bytes || metadata[MARK] !== undefined) {
        read.body.destroy()
        return undefined
      }
      return await buffer(read.body)
    },
  }
}

/** Objects under a prefix. */
export function objectResults(objects: Objects, prefix: string): Results {
  return {
    async read(name) {
      const found = await objects.get(prefix + name)
      return found === undefined ? undefined : await buffer(found.body)
    },
    sizeOf: async (name) => (await objects.head(prefix + name))?.size,
    async write(name, bytes, contentType) {
      await objects.put(prefix + name, bytes, {
        headers: { contentType },
        metadata: { [MARK]: '1' },
        length: bytes.length,
      })
    },
    remove: (name) => objects.delete(prefix + name),
    async *list(ending, signal) {
      for await (const { key } of allObjects(objects, prefix, signal))
        if (key.endsWith(ending)) yield key.slice(prefix.length)
    },
  }
}

function originalOf(key: string, bytes: number, lastModified: number, etag: string): Original {
  return { key, bytes, modified: new Date(lastModified).toISOString(), etag }
}
