import { readSync, writeSync } from 'node:fs'
import { encodeFrame, type Frame, FrameReader } from './frames.ts'
import type { FromChild, ToChild } from './job.ts'

/**
 * The line of an image process to the edge: standard input and output, read and written without an event loop. A process does one
 * job at a time and has nothing else to do while it waits for the next, so it waits in the kernel: streams and polling
 * cost it as much as a tenth of the pixel work of a small picture (measured: docs/decisions/0063).
 */

const INPUT_FD = 0
const OUTPUT_FD = 1
const CHUNK_BYTES = 65_536

const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
const arrived: Frame[] = []
const reader = new FrameReader((frame) => arrived.push(frame), 2 ** 32)

export interface ToChildFrame {
  readonly head: ToChild
  readonly body: Buffer
}

/** Waits for the next message of the edge; undefined when the edge is gone. */
export function receive(): ToChildFrame | undefined {
  for (;;) {
    const frame = arrived.shift()
    // Only the edge writes to it.
    if (frame !== undefined) return frame as ToChildFrame
    const length = read(chunk)
    if (length === 0) return undefined
    // Messages stay parts of what they came in.
    reader.push(Buffer.from(chunk.subarray(0, length)))
  }
}

/** Writes a message, and the bytes that belong to it. Ends the process when nobody reads it any more. */
export function send(message: FromChild, body?: Buffer): void {
  for (const piece of encodeFrame(message, body === undefined ? [] : [body]))
    for (let written = 0; written < piece.length;) written += write(piece, written)
}

function read(into: Buffer): number {
  try {
    return readSync(INPUT_FD, into, 0, into.length, null)
  } catch (error) {
    // Where pipes are not files, their end is an error.
    if (isCode(error, 'EOF', 'ECONNRESET')) return 0
    throw error
  }
}

function write(piece: Buffer, from: number): number {
  try {
    return writeSync(OUTPUT_FD, piece, from)
  } catch (error) {
    if (isCode(error, 'EPIPE', 'ECONNRESET')) process.exit(0)
    throw error
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
