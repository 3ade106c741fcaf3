import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { asError, systemCode } from '../../seams/seam-error.ts'
import type { Entry } from '../entry.ts'
import { BLOCK_BYTES, encodeTrailer, sumBlocks } from './disk-file.ts'
import type { DiskFolder } from './disk-folder.ts'
import { type DiskIo, removeQuietly } from './disk-io.ts'
import type { FinishedBody } from './store.ts'

/** Blocks of a file that are read at a time to sum them up. */
const BLOCKS_AT_ONCE = 16

/**
 * Writes one entry into a file of its own, first in `tmp`, then by renaming. Gives the file's length. Rejects when
 * that cannot be done, and leaves nothing behind; a body in a file is used up either way.
 */
export async function writeEntryFile(
  io: DiskIo,
  folder: DiskFolder,
  file: string,
  entry: Entry,
  body: FinishedBody,
  knownSums?: Uint32Array,
): Promise<number> {
  const path = folder.temporaryPathOf(file)
  try {
    const bytes =
      body.kind === 'bytes'
        ? await writeBytes(io, path, entry, body.bytes)
        : await finishFile(io, path, entry, body, knownSums)
    await folder.place(file)
    return bytes
  } catch (error) {
    await removeQuietly(io, path)
    throw asError(error)
  } finally {
    if (body.kind === 'file') await removeQuietly(io, body.path)
  }
}

async function writeBytes(io: DiskIo, path: string, entry: Entry, body: Buffer): Promise<number> {
  const trailer = encodeTrailer(entry, sumBlocks(body), newNonce())
  const fd = await io.open(path, 'wx')
  try {
    await io.write(fd, body.length === 0 ? [trailer] : [body, trailer], 0)
  } finally {
    await io.close(fd)
  }
  return body.length + trailer.length
}

/** Makes an entry's file of a file that holds its body: the body is not copied, unless it lies on another device. */
async function finishFile(
  io: DiskIo,
  path: string,
  entry: Entry,
  body: { readonly path: string; readonly bytes: number },
  knownSums: Uint32Array | undefined,
): Promise<number> {
  try {
    await io.rename(body.path, path)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await io.copy(body.path, path)
  }
  const fd = await io.open(path, 'r+')
  try {
    const { bytes } = await io.stat(fd)
    if (bytes !== body.bytes)
      throw new Error(`the body in ${body.path} has ${bytes} bytes, not ${body.bytes}`)
    const trailer = encodeTrailer(entry, knownSums ?? (await sumFile(io, fd, bytes)), newNonce())
    await io.write(fd, [trailer], bytes)
    return bytes + trailer.length
  } finally {
    await io.close(fd)
  }
}

async function sumFile(io: DiskIo, fd: number, bytes: number): Promise<Uint32Array> {
  const sums = new Uint32Array(Math.ceil(bytes / BLOCK_BYTES))
  const chunk = Buffer.allocUnsafeSlow(Math.min(bytes, BLOCKS_AT_ONCE * BLOCK_BYTES))
  for (let block = 0; block < sums.length; block += BLOCKS_AT_ONCE) {
    const count = await io.read(fd, chunk, block * BLOCK_BYTES)
    for (let i = 0; i * BLOCK_BYTES < count; i++) {
      sums[block + i] = crc32(chunk.subarray(i * BLOCK_BYTES, Math.min(count, (i + 1) * BLOCK_BYTES)))
    }
  }
  return sums
}

function newNonce(): number {
  return randomBytes(4).readUInt32LE()
}
