import { crc32 } from 'node:zlib'
import type { Entry } from '../entry.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'

/**
 * The file of one entry: the body, then what proves it. The body comes first, so that a spool file becomes an entry by
 * having the rest written behind it.
 *
 *     body | CRC-32 of each 64 KiB of it | head, slot A | head, slot B | footer
 *
 * A head (JSON) is exchanged by writing the slot that is not in use; the slot with the highest revision and a right
 * checksum counts, so a kill in the middle leaves the old one. A number drawn for the file goes into every checksum
 * but those of the blocks, so that pieces of two files never pass for one.
 */
export const BLOCK_BYTES = 64 * 1024
/** Files take whole blocks of the file system; what would be left over in the last is room for larger heads. */
export const PAGE_BYTES = 4096

const MAGIC = 0x45574331
const FOOTER_BYTES = 32
const SLOT_HEAD_BYTES = 16
const SLOT_SLACK_BYTES = 128

/** What is in a file is not what was written. */
export class CorruptFileError extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'CorruptFileError'
  }
}

export interface Trailer {
  readonly bodyBytes: number
  readonly blockSums: Uint32Array
  /** The valid head with the highest revision. */
  readonly entry: Entry
  readonly nonce: number
  readonly slotBytes: number
  /** Which slot holds `entry`: 0 or 1. */
  readonly slot: number
}

/** Bytes of a file with this body and head. */
export function fileBytesOf(bodyBytes: number, headBytes: number): number {
  const least =
    bodyBytes + sumsBytes(bodyBytes) + 2 * (SLOT_HEAD_BYTES + headBytes + SLOT_SLACK_BYTES) + FOOTER_BYTES
  return Math.ceil(least / PAGE_BYTES) * PAGE_BYTES
}

/** The CRC-32 of each block of a body. */
export function sumBlocks(body: Uint8Array): Uint32Array {
  const sums = new Uint32Array(Math.ceil(body.length / BLOCK_BYTES))
  for (let i = 0; i < sums.length; i++) sums[i] = crc32(body.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES))
  return sums
}

/** What stands behind the body of a file with this head. */
export function encodeTrailer(entry: Entry, blockSums: Uint32Array, nonce: number): Buffer {
  const { bodyBytes } = entry
  const head = Buffer.from(encodeEntry(entry))
  const trailer = Buffer.alloc(fileBytesOf(bodyBytes, head.length) - bodyBytes)
  for (const [i, sum] of blockSums.entries()) trailer.writeUInt32LE(sum, i * 4)
  const slotBytes = Math.floor((trailer.length - blockSums.length * 4 - FOOTER_BYTES) / 2)
  writeSlot(trailer, blockSums.length * 4, head, entry.revision, nonce)
  const footer = trailer.length - FOOTER_BYTES
  trailer.writeUInt32LE(MAGIC, footer)
  trailer.writeDoubleLE(bodyBytes, footer + 4)
  trailer.writeUInt32LE(slotBytes, footer + 12)
  trailer.writeUInt32LE(nonce, footer + 16)
  trailer.writeUInt32LE(crc32(trailer.subarray(0, blockSums.length * 4), nonce), footer + 20)
  trailer.writeUInt32LE(crc32(trailer.subarray(footer, footer + 28)), footer + 28)
  return trailer
}

/** Reads what stands behind a body. Throws CorruptFileError unless it is what was written for this key. */
export function parseTrailer(
  trailer: Buffer,
  bodyBytes: number,
  key: string,
  leastRevision: number,
): Trailer {
  const footer = trailer.length - FOOTER_BYTES
  const sumsLength = sumsBytes(bodyBytes)
  if (footer < sumsLength) throw new CorruptFileError('the file is too short')
  if (
    trailer.readUInt32LE(footer) !== MAGIC ||
    trailer.readUInt32LE(footer + 28) !== crc32(trailer.subarray(footer, footer + 28)) ||
    trailer.readDoubleLE(footer + 4) !== bodyBytes
  ) {
    throw new CorruptFileError('the end of the file is not the one that was written')
  }
  const slotBytes = trailer.readUInt32LE(footer + 12)
  const nonce = trailer.readUInt32LE(footer + 16)
  if (sumsLength + 2 * slotBytes > footer) throw new CorruptFileError('the heads do not fit into the file')
  if (trailer.readUInt32LE(footer + 20) !== crc32(trailer.subarray(0, sumsLength), nonce)) {
    throw new CorruptFileError('the checksums of the body are damaged')
  }
  const heads = [0, 1].map((slot) => readSlot(trailer, sumsLength + slot * slotBytes, slotBytes, nonce))
  const slot = (heads[1]?.revision ?? -Infinity) > (heads[0]?.revision ?? -Infinity) ? 1 : 0
  const head = heads[slot]
  if (head === undefined) throw new CorruptFileError('the head is damaged')
  if (head.revision < leastRevision) throw new CorruptFileError('the newest head is damaged')
  const entry = decodeEntry(head.text)
  if (entry.key !== key || entry.bodyBytes !== bodyBytes) {
    throw new CorruptFileError('the file belongs to another entry')
  }
  const blockSums = Uint32Array.from({ length: sumsLength / 4 }, (_, i) => trailer.readUInt32LE(i * 4))
  return { bodyBytes, blockSums, entry, nonce, slotBytes, slot }
}

/** A new head for the slot that is not in use, and where in the file it goes; undefined when it does not fit. */
export function encodeHead(trailer: Trailer, entry: Entry): { bytes: Buffer; position: number } | undefined {
  const head = Buffer.from(encodeEntry(entry))
  if (SLOT_HEAD_BYTES + head.length > trailer.slotBytes) return undefined
  const bytes = Buffer.alloc(SLOT_HEAD_BYTES + head.length)
  writeSlot(bytes, 0, head, entry.revision, trailer.nonce)
  const slots = trailer.bodyBytes + sumsBytes(trailer.bodyBytes)
  return { bytes, position: slots + (1 - trailer.slot) * trailer.slotBytes }
}

/** Throws CorruptFileError unless block `index` of a body is what was written. */
export function checkBlock(block: Uint8Array, index: number, blockSums: Uint32Array): void {
  if (crc32(block) !== blockSums[index]) throw new CorruptFileError(`block ${index} of the body is damaged`)
}

function sumsBytes(bodyBytes: number): number {
  return Math.ceil(bodyBytes / BLOCK_BYTES) * 4
}

/** A slot: length of the head, revision, checksum of all of it, head. */
function writeSlot(into: Buffer, at: number, head: Buffer, revision: number, nonce: number): void {
  into.writeUInt32LE(head.length, at)
  into.writeDoubleLE(revision, at + 4)
  head.copy(into, at + SLOT_HEAD_BYTES)
  into.writeUInt32LE(slotSum(into, at, head.length, nonce), at + 12)
}

function readSlot(
  from: Buffer,
  at: number,
  slotBytes: number,
  nonce: number,
): { readonly text: string; readonly revision: number } | undefined {
  const length = from.readUInt32LE(at)
  if (length === 0 || length > slotBytes - SLOT_HEAD_BYTES) return undefined
  if (from.readUInt32LE(at + 12) !== slotSum(from, at, length, nonce)) return undefined
  const start = at + SLOT_HEAD_BYTES
  return { text: from.toString('utf8', start, start + length), revision: from.readDoubleLE(at + 4) }
}

function slotSum(from: Buffer, at: number, length: number, nonce: number): number {
  const start = at + SLOT_HEAD_BYTES
  return crc32(from.subarray(start, start + length), crc32(from.subarray(at, at + 12), nonce))
}
