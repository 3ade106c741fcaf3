import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fill, type FillOptions } from './fill.ts'

interface Bench extends AsyncDisposable {
  readonly source: PassThrough
  readonly fill: Fill
  readonly folder: string
  readonly said: string[]
}

async function fillOf(options: Partial<FillOptions> = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-fill-'))
  const said: string[] = []
  const source = new PassThrough({ highWaterMark: 1 << 20 })
  const fill = new Fill(source, undefined, {
    memoryBytes: 1000,
    spoolFolder: () => folder,
    report: (problem) => said.push(problem),
    finishesAlone: false,
    ...options,
  })
  return {
    source,
    fill,
    folder,
    said,
    async [Symbol.asyncDispose]() {
      source.on('error', () => {})
      source.destroy()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function textOf(stream: Readable): Promise<string> {
  let text = ''
  for await (const piece of stream) text += String(piece)
  return text
}

test('every reader has the whole body, in whatever pieces and sizes it came and however it was kept', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 12 }),
      fc.integer({ min: 0, max: 4000 }),
      fc.integer({ min: 0, max: 12 }),
      async (sizes, memoryBytes, lateAt) => {
        await using bench = await fillOf({ memoryBytes })
        const { source, fill } = bench
        const pieces = sizes.map((size, index) => String.fromCharCode(97 + index).repeat(size))
        const whole = pieces.join('')
        const readers = [textOf(fill.read(0, undefined))]
        for (const [index, piece] of pieces.entries()) {
          if (index === lateAt) readers.push(textOf(fill.read(0, undefined)))
          source.write(piece)
          await new Promise((turn) => setImmediate(turn))
        }
        if (whole.length > 1) readers.push(textOf(fill.read(1, whole.length - 1)))
        source.end()
        const [first, ...others] = await Promise.all(readers)
        assert.equal(first, whole)
        for (const other of others) assert.ok(other === whole || other === whole.slice(1))
        const body = await fill.whenDone
        assert.ok(body !== undefined)
        if (body.kind === 'bytes') assert.equal(body.bytes.toString(), whole)
        else assert.equal(await readFile(body.path, 'utf8'), whole)
        assert.equal(body.kind, whole.length > memoryBytes ? 'file' : 'bytes')
      },
    ),
    { numRuns: 30 },
  )
})

test('a body that breaks off breaks for all its readers, is not kept, and leaves no file', async () => {
  await using bench = await fillOf()
  const { source, fill, folder } = bench
  const readers = [textOf(fill.read(0, undefined)), textOf(fill.read(0, undefined))]
  source.write('x'.repeat(5000))
  await new Promise((turn) => setImmediate(turn))
  source.destroy(new Error('the origin broke off'))
  for (const reader of readers) await assert.rejects(reader, /broke off/)
  assert.equal(await fill.whenDone, undefined)
  assert.equal(fill.isOpenToReaders, false)
  while ((await readdir(folder)).length > 0) await new Promise((turn) => setImmediate(turn))
})

test('with the last reader the source ends, unless the fill finishes alone', async () => {
  for (const finishesAlone of [false, true]) {
    await using bench = await fillOf({ finishesAlone })
    const { source, fill } = bench
    const reader = fill.read(0, undefined)
    source.write('abc')
    await new Promise((turn) => setImmediate(turn))
    reader.destroy()
    await new Promise((turn) => setImmediate(turn))
    assert.equal(source.destroyed, !finishesAlone)
    if (finishesAlone) source.end('def')
    const body = await fill.whenDone
    assert.equal(
      body?.kind === 'bytes' ? body.bytes.toString() : undefined,
      finishesAlone ? 'abcdef' : undefined,
    )
  }
})

test('without a place to spool to the body passes whole, is reported and not kept', async () => {
  await using bench = await fillOf({ spoolFolder: () => '/nowhere/at/all' })
  const { source, fill, said } = bench
  const text = textOf(fill.read(0, undefined))
  for (let i = 0; i < 40; i++) {
    source.write('x'.repeat(65_536))
    await new Promise((turn) => setImmediate(turn))
  }
  source.end()
  assert.equal((await text).length, 40 * 65_536)
  assert.equal(await fill.whenDone, undefined)
  assert.equal(said.length, 1)
  assert.match(said[0]!, /cannot be written/)
})

test('a source is paused when the disk is slower than it, and memory stays bounded', async () => {
  const opening = Promise.withResolvers<string>()
  await using bench = await fillOf({ spoolFolder: () => opening.promise })
  const { source, fill, folder } = bench
  for (let i = 0; i < 100; i++) source.write('x'.repeat(65_536))
  for (let i = 0; i < 20; i++) await new Promise((turn) => setImmediate(turn))
  assert.ok(source.isPaused())
  assert.ok(fill.bytes < 2 << 20, `${fill.bytes} bytes`)
  source.end()
  opening.resolve(folder)
  const body = await fill.whenDone
  assert.deepEqual(body?.kind === 'file' ? body.bytes : undefined, 100 * 65_536)
})
