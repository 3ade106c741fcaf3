import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { SeamError, asError, systemCode } from '../seam-error.ts'
import { chunksOf } from './body-chunks.ts'
import { checkedHeaders, checkedMetadata } from './check-put.ts'
import { checkKey } from './key-path.ts'
import type { ObjectHead, PutObjectOptions } from './objects.ts'

/** An object's file is its bytes, then its head in JSON, then the length of that (4 bytes) and this mark. */
const MARK = Buffer.from('edgeward')
const FOOTER_BYTES = 4 + MARK.length
const FIRST_READ_BYTES = 4_096
const MAX_TRAILER_BYTES = 64 * 1024
const MODE = 0o600

/** A new object's file, written but not yet in its place. */
export interface WritePlan {
  readonly path: string
  readonly key: string
  readonly body: Readable | Uint8Array | string
  readonly options: PutObjectOptions
  readonly maxBytes: number
  readonly nowMs: number
}

/** Writes the file of an object and gives its head. Rejects with the body's own error, `invalid` or `limit`. */
export async function writeObjectFile(plan: WritePlan): Promise<ObjectHead> {
  const { key, options } = plan
  const headers = checkedHeaders(key, options.headers ?? {})
  const metadata = checkedMetadata(key, options.metadata ?? {})
  const file = await open(plan.path, 'wx', MODE)
  try {
    const md5 = createHash('md5')
    let size = 0
    for await (const chunk of chunksOf(plan.body)) {
      size += chunk.length
      if (size > plan.maxBytes) {
        throw new SeamError(
          'limit',
          `the object "${key}" is larger than ${plan.maxBytes} bytes, which is the limit`,
        )
      }
      md5.update(chunk)
      await writeAll(file, chunk)
    }
    if (options.length !== undefined && options.length !== size) {
      throw new SeamError(
        'invalid',
        `the object "${key}" came with ${size} bytes; ${options.length} were announced`,
      )
    }
    const etag = `"${md5.digest('hex')}"`
    const head: ObjectHead = { key, size, etag, lastModified: plan.nowMs, headers, metadata }
    const trailer = Buffer.from(JSON.stringify(head))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(trailer.length)
    await writeAll(file, Buffer.concat([trailer, length, MARK]))
    return head
  } finally {
    await file.close()
  }
}

/** An object's open file and its head, or undefined where there is none. Throws `corrupt` for any other file. */
export async function openObjectFile(
  path: string,
): Promise<{ file: FileHandle; head: ObjectHead } | undefined> {
  let file
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw new SeamError(
      'unavailable',
      `the object file ${path} cannot be opened: ${asError(error).message}`,
      {
        cause: error,
      },
    )
  }
  try {
    return { file, head: await readHead(file, path) }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The head of an object's file, or undefined where there is none. */
export async function readObjectHead(path: string): Promise<ObjectHead | undefined> {
  const opened = await openObjectFile(path)
  await opened?.file.close()
  return opened?.head
}

async function readHead(file: FileHandle, path: string): Promise<ObjectHead> {
  const { size } = await file.stat()
  let tail = await readTail(file, size, FIRST_READ_BYTES)
  if (tail.length < FOOTER_BYTES || !tail.subarray(-MARK.length).equals(MARK))
    throw corrupt(path, 'its end is missing')
  const trailerBytes = tail.readUInt32BE(tail.length - FOOTER_BYTES)
  const needed = trailerBytes + FOOTER_BYTES
  if (trailerBytes > MAX_TRAILER_BYTES || needed > size)
    throw corrupt(path, 'its head has no possible length')
  if (needed > tail.length) tail = await readTail(file, size, needed)
  const head = parseHead(tail.toString('utf8', tail.length - needed, tail.length - FOOTER_BYTES))
  if (head === undefined) throw corrupt(path, 'its head is not one')
  if (head.size !== size - needed)
    throw corrupt(path, `it has ${size - needed} bytes where its head says ${head.size}`)
  return head
}

async function readTail(file: FileHandle, size: number, wanted: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(size, wanted))
  let filled = 0
  while (filled < bytes.length) {
    const position = size - bytes.length + filled
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, position)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

/** By hand and not by schema: this runs for every object that is served. */
function parseHead(text: string): ObjectHead | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (!('key' in value && 'size' in value && 'etag' in value && 'lastModified' in value)) return undefined
  if (!('headers' in value && 'metadata' in value)) return undefined
  const { key, size, etag, lastModified, headers, metadata } = value
  if (typeof key !== 'string' || typeof etag !== 'string') return undefined
  if (typeof size !== 'number' || typeof lastModified !== 'number') return undefined
  if (!isStringRecord(headers) || !isStringRecord(metadata)) return undefined
  return { key, size, etag, lastModified, headers, metadata }
}

function isStringRecord(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((entry) => typeof entry === 'string')
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written)
    written += bytesWritten
  }
}

/** Throws `corrupt` when a file that stands for `key` says it is another's. */
export function checkHeadIsOf(head: ObjectHead, key: string, path: string): void {
  checkKey(head.key)
  if (head.key !== key) throw corrupt(path, `it is of the object "${head.key}"`)
}

function corrupt(path: string, what: string): SeamError {
  return new SeamError(
    'corrupt',
    `the object file ${path} cannot be read: ${what}. Put the object again, or delete the file`,
  )
}
