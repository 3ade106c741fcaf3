import type { Readable } from 'node:stream'
import { SeamError } from '../seam-error.ts'

/** The bytes of a body, chunk by chunk. Throws `invalid` where a stream gives anything else, and the stream's own error. */
export async function* chunksOf(body: Readable | Uint8Array | string): AsyncGenerator<Buffer, void, void> {
  if (typeof body === 'string') yield Buffer.from(body)
  else if (body instanceof Uint8Array) yield Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  else {
    for await (const chunk of body) {
      const value: unknown = chunk
      if (typeof value === 'string') yield Buffer.from(value)
      else if (value instanceof Uint8Array)
        yield Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      else throw new SeamError('invalid', `the body of an object gave a ${typeof value}; expected bytes`)
    }
  }
}
