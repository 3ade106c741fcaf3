import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { imagesSchema } from '../config.ts'
import { writeDerived } from '../engine/derived.ts'
import type { Description } from '../engine/describe.ts'
import type { Pool } from '../engine/pool.ts'
import type { Original, Results } from '../optimise/places.ts'
import { wishOf } from '../optimise/wish.ts'
import { Ledger } from './ledger.ts'
import { PictureWork, type PictureWorkOptions } from './picture-work.ts'

/** Results in memory, of which a test says what happens in between. */
function memoryResults(): Results & {
  readonly files: Map<string, Buffer>
  onRemove: (name: string) => void
} {
  const files = new Map<string, Buffer>()
  return {
    files,
    onRemove: () => {},
    read: (name) => Promise.resolve(files.get(name)),
    sizeOf: (name) => Promise.resolve(files.get(name)?.length),
    write: (name, bytes) => Promise.resolve(void files.set(name, bytes)),
    remove(name) {
      this.onRemove(name)
      files.delete(name)
      return Promise.resolve()
    },
    list: () => (async function* () {})(),
  }
}

async function withWork(
  more: Partial<PictureWorkOptions>,
  use: (bench: {
    work: PictureWork
    results: ReturnType<typeof memoryResults>
    originals: Map<string, Original>
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-work-'))
  try {
    await using ledger = await Ledger.open(folder, 'uploads', assert.ifError)
    const originals = new Map<string, Original>()
    const results = memoryResults()
    const bytes = writeDerived({
      made: [{ width: 1, height: 1, bytes: Buffer.from('tile') }],
      description: {} as Description,
      exif: undefined,
    })
    const work = new PictureWork({
      clock: new ManualClock(),
      originals: {
        find: (key) => Promise.resolve(originals.get(key)),
        read: () => Promise.resolve(Buffer.from('original')),
        list: () => (async function* () {})(),
      },
      results,
      wish: wishOf([{ name: 'tile', width: 1 }], ['jpeg']),
      // Only the results of its work are looked at here.
      pool: { run: () => Promise.resolve({ bytes }) } as unknown as Pool,
      limits: imagesSchema.parse({ dialect: 'sih' }).limits,
      maxSourceBytes: 100,
      accept: { minSide: 1, types: undefined, moderation: undefined },
      ask: () => Promise.reject(new Error('nobody is asked')),
      timeoutSeconds: 1,
      ledger,
      deleted: 'remove',
      restless: undefined,
      onPicture: () => {},
      report: { warn: assert.ifError },
      ...more,
    })
    await use({ work, results, originals })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const original = (key: string, etag: string): Original => ({ key, bytes: 8, modified: '2026-01-01', etag })

test('what is put there again while the old results are removed is made anew, whoever made it meanwhile', async () => {
  await withWork({}, async ({ work, results, originals }) => {
    originals.set('a.jpg', original('a.jpg', 'one'))
    assert.equal(await work.work('a.jpg'), 'made')
    originals.delete('a.jpg')
    // It comes back when the first file is gone already.
    results.onRemove = () => originals.set('a.jpg', original('a.jpg', 'two'))
    assert.equal(await work.work('a.jpg'), 'made')
    assert.deepEqual([...results.files.keys()].sort(), ['a-meta.json', 'a-tile.jpg'])
    assert.match(results.files.get('a-meta.json')!.toString(), /"two"/)
  })
})

test('in a folder such a file may not be whole yet: it is looked at again', async () => {
  const restless: string[] = []
  await withWork({ restless: (key) => restless.push(key) }, async ({ work, results, originals }) => {
    originals.set('a.jpg', original('a.jpg', 'one'))
    await work.work('a.jpg')
    originals.delete('a.jpg')
    results.onRemove = () => originals.set('a.jpg', original('a.jpg', 'two'))
    assert.equal(await work.work('a.jpg'), 'removed')
    assert.deepEqual([restless, results.files.size], [['a.jpg'], 0])
  })
})

test('a record is only believed for its own files: names that lead elsewhere are left alone', async () => {
  await withWork({}, async ({ work, results }) => {
    const file = (name: string) => ({ name: 'x', format: 'jpeg', file: name, bytes: 1 })
    const names = ['../secret.jpg', 'b-tile.jpg', 'a-tile.jpg', 'a-x/../../y', 'a-x\\y']
    results.files.set(
      'd/a-meta.json',
      Buffer.from(JSON.stringify({ source: { file: 'd/a.jpg' }, derivatives: names.map(file) })),
    )
    const removed: string[] = []
    results.onRemove = (name) => removed.push(name)
    assert.equal(await work.work('d/a.jpg'), 'removed')
    assert.deepEqual(removed, ['d/a-tile.jpg', 'd/a-meta.json'])
  })
})

test('what is gone stays where results are kept, and where the record names another original', async () => {
  await withWork({ deleted: 'keep' }, async ({ work, results, originals }) => {
    originals.set('a.jpg', original('a.jpg', 'one'))
    await work.work('a.jpg')
    originals.delete('a.jpg')
    assert.equal(await work.work('a.jpg'), 'gone')
    assert.equal(results.files.size, 2)
  })
  await withWork({}, async ({ work, results, originals }) => {
    originals.set('a.jpg', original('a.jpg', 'one'))
    await work.work('a.jpg')
    assert.equal(await work.work('a.png'), 'gone')
    assert.equal(results.files.size, 2)
  })
})

test('another edge may have removed what this one made: a picture that is told of is looked at, known or not', async () => {
  await withWork({}, async ({ work, results, originals }) => {
    originals.set('a.jpg', original('a.jpg', 'one'))
    await work.work('a.jpg')
    results.files.clear()
    assert.equal(await work.work('a.jpg'), 'made')
    assert.equal(await work.work('a.jpg'), 'kept')
  })
})
