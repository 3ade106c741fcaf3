import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import sharp from 'sharp'
import { createMemoryRelief } from '../../../base/memory-relief.ts'
import { ImageError, type PlainImageError } from '../image-error.ts'
import { receive, send } from './edge-line.ts'
import type { Ask, Job } from './job.ts'
import { limitWasm } from './limit-wasm.ts'
import { render } from './render.ts'
import { leaveInScratch, readScratch } from './scratch.ts'

/**
 * The process that touches pixels. It reads jobs from standard input, does one at a time, and writes results to
 * standard output; pictures come and go in the scratch file it was given. It opens no files and no sockets. `argv[2]` is
 * its memory limit in bytes, above which it tells the edge, which ends it. `argv[3]` is its niceness.
 */

const MEMORY_CHECK_MS = 25
/** What a process has grown to shows after some jobs as well as after each. */
const JOBS_BETWEEN_LOOKS = 8

const maxBytes = Number(process.argv[2] ?? 0)
const niceness = Number(process.argv[3] ?? 0)
sharp.cache(false)
// One thread of libvips per picture: the pool runs as many processes as there are cores.
sharp.concurrency(1)
allowOnlyPictures()
if (maxBytes > 0) limitWasm(maxBytes / 2)
stepBack()

/** Results lie outside of the heap, too; V8 would mark it whole for every few of them. */
const passed = createMemoryRelief()
/** Memory for the inputs of one job after the other. */
let desk = Buffer.alloc(0)
let watch: NodeJS.Timeout | undefined
let jobs = 0
let bytesInUse = 0

send({ kind: 'ready' })
for (let frame = receive(); frame !== undefined; frame = receive()) {
  const { head, body } = frame
  // An answer that nobody waits for any more is passed over.
  if (head.kind === 'job') await work(head.job, head.inputs, head.areInScratch ? undefined : body)
}
// The edge is gone, or is done with this process.
process.exit(0)

/** `sent` holds the inputs where they came with the message. */
async function work(job: Job, lengths: readonly number[], sent: Buffer | undefined): Promise<void> {
  watchMemory()
  try {
    const inputs = split(sent ?? fromScratch(lengths), lengths)
    const { rendered, bytes } = await render(job, inputs, ask)
    const scratchBytes = leaveInScratch(bytes) ? bytes.length : undefined
    look()
    send({ kind: 'done', rendered, scratchBytes, bytesInUse }, scratchBytes === undefined ? bytes : undefined)
    passed(bytes.length)
  } catch (error) {
    // Work of libvips that was given up may still read from it.
    desk = Buffer.alloc(0)
    bytesInUse = process.memoryUsage.rss()
    send({ kind: 'failed', error: plain(error), bytesInUse })
  } finally {
    clearInterval(watch)
  }
}

function look(): void {
  if (jobs++ % JOBS_BETWEEN_LOOKS === 0) bytesInUse = process.memoryUsage.rss()
}

function fromScratch(lengths: readonly number[]): Buffer {
  const length = lengths.reduce((sum, each) => sum + each, 0)
  if (desk.length < length) desk = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(length)))
  const inputs = desk.subarray(0, length)
  readScratch(inputs)
  return inputs
}

/** Nothing else goes on while the edge asks its detector. */
function ask(...[question, rendering, minConfidence]: Parameters<Ask>): ReturnType<Ask> {
  send({ kind: 'question', question, minConfidence }, rendering)
  const frame = receive()
  if (frame === undefined) process.exit(0)
  const { head } = frame
  if (head.kind === 'answer') return Promise.resolve(head.value)
  const error = head.kind === 'no-answer' ? head.error : undefined
  return Promise.reject(
    error === undefined
      ? new ImageError(500, 'ProcessingFailure', 'The picture could not be processed.')
      : new ImageError(error.status, error.code, error.message),
  )
}

function split(body: Buffer, lengths: readonly number[]): Buffer[] {
  let at = 0
  return lengths.map((length) => body.subarray(at, (at += length)))
}

function plain(error: unknown): PlainImageError {
  if (error instanceof ImageError) {
    const { status, code, message, cause } = error
    return { status, code, message, detail: cause instanceof Error ? cause.message : undefined }
  }
  const detail = error instanceof Error ? error.message : String(error)
  return { status: 500, code: 'ProcessingFailure', message: 'The picture could not be processed.', detail }
}

/** Pixel work happens on other threads, so this timer runs while it does. */
function watchMemory(): void {
  if (maxBytes === 0) return
  watch = setInterval(() => {
    bytesInUse = process.memoryUsage.rss()
    if (bytesInUse <= maxBytes) return
    clearInterval(watch)
    // The edge kills this process: `process.exit` would wait for the thread that does the pixel work.
    send({ kind: 'memory' })
  }, MEMORY_CHECK_MS)
}

/** Loaders that no source needs stay shut, whatever the bytes pretend to be. */
function allowOnlyPictures(): void {
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: [
      ...['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
      ...['VipsForeignLoadNsgifBuffer', 'VipsForeignLoadTiffBuffer', 'VipsForeignLoadSvgBuffer'],
      ...['VipsForeignLoadHeifBuffer'],
    ],
  })
}

/** Pictures give way to the edge, whose cached answers must not wait for them; where memory runs out, they go first. */
function stepBack(): void {
  if (niceness > 0) setPriority(niceness)
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Not Linux, or not allowed: then the kernel chooses by itself.
  }
}
