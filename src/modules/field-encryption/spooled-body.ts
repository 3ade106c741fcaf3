import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Body } from '../../http/body.ts'

export interface SpoolOptions {
  /** Bytes that may wait in memory; more go into a file. */
  readonly memoryBytes: number
  readonly maxBytes: number
  /** Made when it is first needed, for its owner only. */
  readonly folder: string
}

/** The body is larger than may be. */
export class SpoolLimitError extends Error {}

/** A whole body that waits to be looked at. */
export interface SpooledBody {
  readonly bytes: number
  /** All of it, in memory. */
  read(): Promise<Buffer>
  /** Lets go of the file, if there is one. */
  discard(): Promise<void>
}

/** Reads a body to its end, into memory while it is short, into a file when it is not. */
export async function spoolBody(body: Body, options: SpoolOptions): Promise<SpooledBody> {
  const { memoryBytes, maxBytes } = options
  if (body.length !== undefined && body.length > maxBytes) {
    body.discard()
    throw new SpoolLimitError(`the body is larger than ${maxBytes} bytes`)
  }
  const taken = body.take()
  if (Buffer.isBuffer(taken)) return held(taken)
  let pieces: Buffer[] = []
  let bytes = 0
  let file: FileHandle | undefined
  try {
    for await (const piece of taken as AsyncIterable<Buffer>) {
      bytes += piece.length
      if (bytes > maxBytes) throw new SpoolLimitError(`the body is larger than ${maxBytes} bytes`)
      pieces.push(piece)
      if (file === undefined && bytes > memoryBytes) file = await openSpool(options.folder)
      if (file !== undefined) {
        await file.writev(pieces)
        pieces = []
      }
    }
  } catch (error) {
    await file?.close()
    throw error
  }
  return file === undefined ? held(Buffer.concat(pieces)) : spooled(file, bytes)
}

function held(bytes: Buffer): SpooledBody {
  return { bytes: bytes.length, read: () => Promise.resolve(bytes), discard: () => Promise.resolve() }
}

function spooled(handle: FileHandle, bytes: number): SpooledBody {
  let isOpen = true
  return {
    bytes,
    async read() {
      const buffer = Buffer.allocUnsafeSlow(bytes)
      let at = 0
      while (at < bytes) {
        const { bytesRead } = await handle.read(buffer, at, bytes - at, at)
        if (bytesRead === 0) throw new Error('the spool file is shorter than what was written into it')
        at += bytesRead
      }
      return buffer
    },
    async discard() {
      if (!isOpen) return
      isOpen = false
      await handle.close()
    },
  }
}

/** It holds what viewers have sent in plain text, so it has no name from here on: what is killed leaves nothing behind. */
async function openSpool(folder: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `body-${randomUUID()}`)
  const handle = await open(path, 'wx+', 0o600)
  await rm(path)
  return handle
}
