import { encodeFrame, FrameReader } from './frames.ts'
import type { FromChild, ToChild } from './job.ts'

/** A program for the pool that misbehaves as the name of the first edit says. */
const reader = new FrameReader(({ head }) => {
  const message = head as ToChild
  if (message.kind !== 'job') return
  const [edit] = message.job.edits
  switch (edit?.name) {
    case 'crash':
      process.kill(process.pid, 'SIGSEGV')
      break
    case 'hang':
      for (;;);
    case 'memory':
      for (const piece of encodeFrame({ kind: 'memory' } satisfies FromChild)) process.stdout.write(piece)
      break
    case 'nonsense':
      process.stdout.write(Buffer.alloc(64, 0xff))
      break
    case 'grow':
      done(2 ** 40)
      break
    case 'scratch':
      // The inputs of the tests are shorter.
      done(0, 1_000_000)
      break
    default:
      done(0)
  }
}, 2 ** 31)
process.stdin.on('data', (chunk: Buffer) => reader.push(chunk))
process.stdin.on('end', () => process.exit(0))

function done(bytesInUse: number, scratchBytes?: number): void {
  const message: FromChild = {
    kind: 'done',
    rendered: { format: 'png', isForced: false, width: process.pid, height: 1, frames: 1 },
    scratchBytes,
    bytesInUse,
  }
  for (const piece of encodeFrame(message, [Buffer.from('bytes')])) process.stdout.write(piece)
}
