import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { Body, BodyTooLargeError } from './body.ts'

async function read(body: Body): Promise<Buffer> {
  const taken = body.take()
  if (Buffer.isBuffer(taken)) return taken
  const chunks: Buffer[] = []
  for await (const chunk of taken) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('whatever is peeked at, and how often, the whole body is taken afterwards', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 8 }),
      fc.array(fc.nat(300), { maxLength: 4 }),
      async (chunks, peeks) => {
        const whole = Buffer.concat(chunks)
        const body = Body.stream(
          Readable.from(
            chunks.map((c) => Buffer.from(c)),
            { objectMode: false },
          ),
        )
        for (const limit of peeks) assert.deepEqual(await body.peek(limit), whole.subarray(0, limit))
        assert.deepEqual(await read(body), whole)
      },
    ),
  )
})

test('a body is taken once', () => {
  const body = Body.bytes('hello')
  body.take()
  assert.throws(() => body.take(), /taken twice/)
  assert.throws(() => body.peek(1), /after it had been taken/)
})

test('the first read is announced once, before any byte is asked for', async () => {
  let announced = 0
  const body = Body.stream(Readable.from([Buffer.from('abc')]), 3, () => announced++)
  assert.equal(announced, 0)
  await body.peek(2)
  await body.peek(3)
  await read(body)
  assert.equal(announced, 1)
})

test('a stream that fails while it is peeked at rejects, and one that is cut off does too', async () => {
  const failing = new Readable({ read() {} })
  const peeked = Body.stream(failing).peek(5)
  failing.destroy(new Error('reset'))
  await assert.rejects(async () => peeked, /reset/)
  const cut = new Readable({ read() {} })
  const second = Body.stream(cut).peek(5)
  cut.destroy()
  await assert.rejects(async () => second, /before it was complete/)
})

test('collect refuses more than its limit and destroys the stream', async () => {
  const stream = Readable.from([Buffer.alloc(10), Buffer.alloc(10)], { objectMode: false })
  await assert.rejects(Body.stream(stream).collect(19), BodyTooLargeError)
  assert.equal(stream.destroyed, true)
  const fits = Readable.from([Buffer.alloc(10), Buffer.alloc(10)], { objectMode: false })
  assert.equal((await Body.stream(fits).collect(20)).length, 20)
})

test('replace puts other bytes in place, even after the body was taken', async () => {
  const body = Body.stream(Readable.from([Buffer.from('old')]))
  body.replace('new')
  assert.equal((await read(body)).toString(), 'new')
  assert.equal(body.length, 3)
})

test('in JSON a body is its kind and length', () => {
  assert.equal(JSON.stringify(Body.bytes('abc')), '{"kind":"bytes","length":3}')
  assert.equal(JSON.stringify(Body.stream(Readable.from([]))), '{"kind":"stream"}')
})

for (const length of [5, undefined]) {
  test(`a body that ends where a peek stopped stays whole, length ${length ?? 'unknown'}`, async () => {
    const stream = new Readable({ read() {} })
    stream.push('12345')
    stream.push(null)
    const body = Body.stream(stream, length)
    assert.equal((await body.peek(5)).toString(), '12345')
    // The end of the stream is told before anybody takes the body.
    await new Promise((turn) => setImmediate(turn))
    assert.equal((await body.peek(9)).toString(), '12345')
    assert.equal((await read(body)).toString(), '12345')
  })
}

test('a stream of a known length is collected where its reader wants it', async () => {
  const place = Buffer.alloc(16)
  const chunks = [Buffer.from('hello '), Buffer.from('world')]
  const body = Body.stream(Readable.from(chunks, { objectMode: false }), 11)
  const bytes = await body.collect(20, () => place)
  assert.equal(bytes.toString(), 'hello world')
  assert.equal(bytes.buffer, place.buffer)
})

for (const { name, length, limit, wants } of [
  { name: 'longer than announced', length: 3, limit: 20, wants: BodyTooLargeError },
  { name: 'shorter than announced', length: 9, limit: 20, wants: /ended before it was complete/ },
  { name: 'beyond the limit without being announced', length: undefined, limit: 4, wants: BodyTooLargeError },
]) {
  test(`a body that is ${name} is not collected`, async () => {
    const stream = Readable.from([Buffer.from('hello')], { objectMode: false })
    const body = Body.stream(stream, length)
    await assert.rejects(
      body.collect(limit, (bytes) => Buffer.alloc(bytes)),
      wants,
    )
    assert.equal(stream.destroyed, true)
  })
}
