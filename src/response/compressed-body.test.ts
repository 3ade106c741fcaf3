import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { Body } from '../http/body.ts'
import { type Coding, CompressedBody } from './compressed-body.ts'

const decode = { br: brotliDecompressSync, gzip: gunzipSync } as const
const CODINGS: readonly Coding[] = ['br', 'gzip']

/** Gives pieces without end that no encoder makes smaller, and counts them. */
class EndlessSource extends Readable {
  pieces = 0

  override _read(): void {
    this.pieces++
    this.push(randomBytes(16_384))
  }
}

test('what is read is the body, compressed', async () => {
  const sizes = [0, 1, 1000, 65_536, 65_537, 300_000]
  for (const coding of CODINGS) {
    for (const size of sizes) {
      const bytes = randomBytes(size)
      const pieces = [bytes.subarray(0, size >> 1), bytes.subarray(size >> 1)].filter(
        (piece) => piece.length > 0,
      )
      for (const body of [Body.bytes(bytes), Body.stream(Readable.from(pieces), size)]) {
        const encoded = await buffer(new CompressedBody(body, coding, size))
        assert.deepEqual(decode[coding](encoded), bytes, `${coding} ${body.kind} ${size}`)
      }
    }
  }
})

test('nothing is read from the source before somebody reads', async () => {
  const source = new EndlessSource()
  const body = new CompressedBody(Body.stream(source), 'gzip', 10_000_000)
  await new Promise(setImmediate)
  assert.equal(source.pieces, 0)
  body.destroy()
  await once(source, 'close')
})

test('a slow reader holds back the source', async () => {
  for (const coding of CODINGS) {
    const source = new EndlessSource()
    const body = new CompressedBody(Body.stream(source), coding, 10_000_000)
    const closed = once(source, 'close')
    let readBytes = 0
    for await (const chunk of body) {
      assert.ok(Buffer.isBuffer(chunk))
      readBytes += chunk.length
      // Turns of the event loop in which a source that nobody holds back would run on.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      assert.ok(
        source.pieces * 16_384 < readBytes + 2_000_000,
        `${source.pieces} pieces for ${readBytes} bytes`,
      )
      if (readBytes > 4_000_000) break
    }
    await closed
  }
})

test('when the reader goes away the source is destroyed', async () => {
  for (const coding of CODINGS) {
    const source = new EndlessSource()
    const body = new CompressedBody(Body.stream(source), coding, 10_000_000)
    const closed = once(source, 'close')
    await once(body, 'readable')
    body.destroy()
    await closed
    assert.equal(source.destroyed, true)
  }
})

test('discarding the compressed body destroys the source', async () => {
  const source = new EndlessSource()
  const outer = Body.stream(new CompressedBody(Body.stream(source), 'br', 10_000_000))
  const closed = once(source, 'close')
  outer.discard()
  await closed
})

test('a source that breaks in the middle breaks the body with the same error', async () => {
  for (const coding of CODINGS) {
    const source = new Readable({ read() {} })
    source.push(randomBytes(100_000))
    const body = new CompressedBody(Body.stream(source), coding, 200_000)
    const failed = assert.rejects(buffer(body), /the origin went away/)
    await new Promise(setImmediate)
    source.destroy(new Error('the origin went away'))
    await failed
  }
})

test('a source that broke before anybody read is told to the reader', async () => {
  const source = new Readable({ read() {} })
  const body = new CompressedBody(Body.stream(source), 'gzip', 200_000)
  const closed = new Promise((resolve) => source.once('close', resolve))
  source.destroy(new Error('the origin went away'))
  await closed
  await assert.rejects(buffer(body), /the origin went away/)
})

test('a source that closes without an end is not taken for whole', async () => {
  for (const isReadBefore of [true, false]) {
    const source = new Readable({ read() {} })
    source.push('a beginning')
    const body = new CompressedBody(Body.stream(source), 'gzip', 200_000)
    const read = () => assert.rejects(buffer(body), /premature close/i)
    const before = isReadBefore ? read() : undefined
    await new Promise(setImmediate)
    source.destroy()
    await once(source, 'close')
    await (before ?? read())
  }
})
