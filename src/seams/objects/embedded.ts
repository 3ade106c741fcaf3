import { mkdir, rename } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { FileLock } from '../file-lock.ts'
import { removeFile } from '../replace-file.ts'
import { SeamError } from '../seam-error.ts'
import { pathOfKey } from './key-path.ts'
import type { KeyPath } from './key-path.ts'
import { listObjects } from './list-objects.ts'
import { checkHeadIsOf, openObjectFile, readObjectHead, writeObjectFile } from './object-file.ts'
import { makeFolders, removeEmptyFolders } from './object-tree.ts'
import type {
  ListObjectsOptions,
  ObjectHead,
  ObjectPage,
  ObjectRange,
  ObjectRead,
  Objects,
  PutObjectOptions,
} from './objects.ts'
import { resolveRange } from './resolve-range.ts'
import { Scratch } from './scratch.ts'

/** S3 takes up to 5 GB in one PUT. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 3

export interface EmbeddedObjectsOptions {
  /** A folder of the store's own, created where missing with mode 0700. */
  readonly folder: string
  readonly clock: Clock
  /** Largest object; 5 GiB unless given. */
  readonly maxObjectBytes?: number
}

/**
 * Objects in a folder, one file each, head and bytes together. Any number of processes of one machine may open it.
 * Safe against kill -9, not against power loss; what unfinished puts have left behind is removed when it is opened.
 */
export async function openEmbeddedObjects(options: EmbeddedObjectsOptions): Promise<Objects> {
  const { folder } = options
  const root = join(folder, 'objects')
  await mkdir(root, { recursive: true, mode: 0o700 })
  const lock = FileLock.open(join(folder, 'objects.lock'))
  try {
    const scratch = await lock.hold(() => Scratch.open(join(folder, 'unfinished')))
    return new EmbeddedObjects(options, root, lock, scratch)
  } catch (error) {
    await lock.close()
    throw error
  }
}

class EmbeddedObjects implements Objects {
  readonly #options: EmbeddedObjectsOptions
  readonly #root: string
  readonly #lock: FileLock
  readonly #scratch: Scratch
  #closing: Promise<void> | undefined

  constructor(options: EmbeddedObjectsOptions, root: string, lock: FileLock, scratch: Scratch) {
    this.#options = options
    this.#root = root
    this.#lock = lock
    this.#scratch = scratch
  }

  async get(key: string, options: { readonly range?: ObjectRange } = {}): Promise<ObjectRead | undefined> {
    this.#checkOpen()
    const path = this.#fileOf(pathOfKey(key))
    const opened = await openObjectFile(path)
    if (opened === undefined) return undefined
    const { file, head } = opened
    try {
      checkHeadIsOf(head, key, path)
      const range = options.range === undefined ? undefined : resolveRange(key, options.range, head.size)
      const start = range?.start ?? 0
      const end = range?.end ?? head.size - 1
      return { head, range, length: end - start + 1, body: await bodyOf(file, start, end) }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    this.#checkOpen()
    const path = this.#fileOf(pathOfKey(key))
    const head = await readObjectHead(path)
    if (head !== undefined) checkHeadIsOf(head, key, path)
    return head
  }

  async put(
    key: string,
    body: Readable | Uint8Array | string,
    options: PutObjectOptions = {},
  ): Promise<ObjectHead> {
    const temporary = this.#scratch.next()
    try {
      this.#checkOpen()
      const path = pathOfKey(key)
      const { clock, maxObjectBytes: maxBytes = MAX_OBJECT_BYTES } = this.#options
      const head = await writeObjectFile({
        path: temporary,
        key,
        body,
        options,
        maxBytes,
        nowMs: clock.now(),
      })
      await this.#lock.hold(async () => {
        await this.#checkCondition(key, path, options)
        await makeFolders(this.#root, path)
        await rename(temporary, this.#fileOf(path))
      })
      return head
    } catch (error) {
      // The stream was given to us: nobody else will end it.
      if (body instanceof Readable) body.destroy()
      await removeFile(temporary)
      throw error
    }
  }

  async delete(key: string): Promise<void> {
    const path = pathOfKey(key)
    await this.#lock.hold(async () => {
      if (await removeFile(this.#fileOf(path))) await removeEmptyFolders(this.#root, path)
    })
  }

  async list(options: ListObjectsOptions = {}): Promise<ObjectPage> {
    this.#checkOpen()
    return await listObjects(this.#root, options)
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeOnce()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #closeOnce(): Promise<void> {
    await this.#lock.close()
    await this.#scratch.close()
  }

  async #checkCondition(key: string, path: KeyPath, options: PutObjectOptions): Promise<void> {
    if (options.ifNoneMatch === undefined && options.ifMatch === undefined) return
    const before = await readObjectHead(this.#fileOf(path))
    if (options.ifNoneMatch !== undefined && before !== undefined) {
      throw new SeamError('conflict', `the object "${key}" exists already, and the put was for a new one`)
    }
    if (options.ifMatch === undefined) return
    // S3: 404 where there is nothing to match, 412 where it is another version.
    if (before === undefined) throw new SeamError('not-found', `there is no object "${key}" to replace`)
    if (before.etag !== options.ifMatch) {
      throw new SeamError(
        'conflict',
        `the object "${key}" has the ETag ${before.etag}, not ${options.ifMatch}: read it again`,
      )
    }
  }

  #fileOf(path: KeyPath): string {
    return join(this.#root, ...path.folders.map(({ name }) => name), path.file)
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new SeamError(
      'closed',
      `the objects in ${this.#options.folder} were used after they had been closed`,
    )
  }
}

async function bodyOf(file: FileHandle, start: number, end: number): Promise<Readable> {
  if (end >= start) return file.createReadStream({ start, end })
  await file.close()
  return new Readable({
    read() {
      this.push(null)
    },
  })
}
