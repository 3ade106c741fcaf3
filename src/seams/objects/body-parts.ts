import type { Readable } from 'node:stream'
import { SeamError } from '../seam-error.ts'
import { chunksOf } from './body-chunks.ts'

const MIB = 1024 ** 2
const FIRST_PART_BYTES = 8 * MIB
/** Parts double in size after as many. */
const PARTS_OF_A_SIZE = 1_000
/** S3's bound of an upload; parts have 5 MiB to 5 GiB, but for the last. */
const MAX_PARTS = 10_000
const MAX_PART_BYTES = 5 * 1024 ** 3

export interface Part {
  /** From 1. */
  readonly number: number
  readonly bytes: Buffer
  readonly isLast: boolean
}

/**
 * Bytes of a part. A stream does not say how long it will be, and an upload has 10,000 parts at most: 8 MiB for the
 * first thousand, then twice as many for each thousand, so that 5 TiB fit and small objects need little memory.
 */
export function partBytesOf(number: number): number {
  return Math.min(FIRST_PART_BYTES * 2 ** Math.floor((number - 1) / PARTS_OF_A_SIZE), MAX_PART_BYTES)
}

/**
 * A body in parts; one, perhaps empty, where it fits into one. Throws `invalid` before the last part when `length` was
 * announced and is not kept, `limit` when even the parts run out, and the stream's own error.
 */
export async function* partsOf(
  key: string,
  body: Readable | Uint8Array | string,
  length: number | undefined,
): AsyncGenerator<Part, void, void> {
  let number = 1
  let held: Buffer[] = []
  let heldBytes = 0
  let size = 0
  for await (const chunk of chunksOf(body)) {
    size += chunk.length
    if (length !== undefined && size > length) throw notAsAnnounced(key, `more than ${length}`, length)
    let rest = chunk
    // More than fits, not as much as fits: the last part is known to be it only at the end.
    for (let space = partBytesOf(number) - heldBytes; rest.length > space; space = partBytesOf(number)) {
      if (number === MAX_PARTS)
        throw new SeamError('limit', `the object "${key}" has more than ${MAX_PARTS} parts: no S3 takes it`)
      held.push(rest.subarray(0, space))
      yield { number, bytes: joined(held), isLast: false }
      number++
      held = []
      heldBytes = 0
      rest = rest.subarray(space)
    }
    if (rest.length === 0) continue
    held.push(rest)
    heldBytes += rest.length
  }
  if (length !== undefined && size !== length) throw notAsAnnounced(key, String(size), length)
  yield { number, bytes: joined(held), isLast: true }
}

function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

function notAsAnnounced(key: string, came: string, announced: number): SeamError {
  return new SeamError('invalid', `the object "${key}" came with ${came} bytes; ${announced} were announced`)
}
