import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { createNameSelector } from '../../../http/name-selector.ts'
import { openEmbeddedObjects } from '../../../seams/objects/embedded.ts'
import type { Objects } from '../../../seams/objects/objects.ts'
import { ObjectShelf } from './object-shelf.ts'
import { Room, allVariants } from './room.ts'
import type { VariantFacts } from './variant-facts.ts'
import { variantKey } from './variant-key.ts'

const FACTS: VariantFacts = {
  contentType: 'image/webp',
  etag: '"v"',
  inputs: [{ hash: 'h', known: [{ etag: '"s"', lastModified: undefined }] }],
  rendered: { format: 'webp', width: 1, height: 1, frames: 1 },
}

const place = (key: string) =>
  variantKey(
    'd',
    { kind: 'url', name: 'photos', base: new URL('https://a.example/'), isAllowed: () => false },
    key,
    [],
    { format: 'webp', isNegotiated: false, options: {} },
    { metadata: 'keep', isStrict: false, faces: 'attention' },
  )

const EVERYTHING = createNameSelector(['images'])

const variant = (bytes: number, tags: readonly string[] = ['images']) => ({
  bytes: Buffer.alloc(bytes, 7),
  replaces: false,
  facts: Promise.resolve(FACTS),
  tags,
})

interface Store extends AsyncDisposable {
  readonly objects: Objects
  readonly clock: ManualClock
  readonly said: string[]
  /** What was asked of the store, by method. */
  readonly calls: string[]
  shelf(options?: { maxBytes?: number; open?: () => Promise<Objects> }): ObjectShelf
}

async function openStore(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-shelf-'))
  const clock = new ManualClock()
  const inner = await openEmbeddedObjects({ folder: join(folder, 'store'), clock })
  const calls: string[] = []
  const said: string[] = []
  const objects = new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]) => {
        calls.push(String(name))
        return Reflect.apply(value, target, given) as unknown
      }
    },
  })
  return {
    objects,
    clock,
    said,
    calls,
    shelf: ({ maxBytes = 1 << 20, open = () => Promise.resolve(objects) } = {}) =>
      new ObjectShelf({ name: 'store', open, clock, maxBytes, report: (text) => said.push(text) }),
    async [Symbol.asyncDispose]() {
      await inner.close()
      await rm(folder, { recursive: true })
    },
  }
}

test('what is kept comes back with its facts, short or long, and what is no variant is none', async () => {
  await using store = await openStore()
  const shelf = store.shelf({ maxBytes: 16 << 20 })
  for (const bytes of [1, 70_000, 3 << 20]) {
    const { key } = place(`${bytes}`)
    shelf.keep(place(`${bytes}`), variant(bytes))
    await shelf.flush()
    const kept = await shelf.find(key, [])
    assert.deepEqual(kept?.facts, FACTS)
    assert.equal((await kept!.body.collect(4 << 20)).length, bytes)
  }
  await store.objects.put(place('foreign').key, 'bytes', { headers: { contentType: 'image/webp' } })
  assert.equal(await shelf.find(place('foreign').key, []), undefined)
  assert.deepEqual(store.said, [])
})

test('making room lists the store now and then, not for each variant and never for a request', async () => {
  await using store = await openStore()
  const shelf = store.shelf({ maxBytes: 4 << 20 })
  for (let i = 0; i < 300; i++) {
    shelf.keep(place(`${i}`), variant(8_000))
    await shelf.flush()
  }
  const listings = store.calls.filter((call) => call === 'list').length
  // 300 x 10 kB are 11 sixteenths of 4 MiB.
  assert.ok(listings >= 11 && listings <= 13, `${listings} listings`)
  store.calls.length = 0
  for (let i = 0; i < 100; i++) (await shelf.find(place(`${i}`).key, []))?.body.discard()
  assert.deepEqual(new Set(store.calls), new Set(['get']))
})

test('what was used lately stays when others give way', async () => {
  await using store = await openStore()
  const shelf = store.shelf({ maxBytes: 100_000 })
  for (let i = 0; i < 40; i++) {
    store.clock.advance(1_000)
    ;(await shelf.find(place('0').key, []))?.body.discard()
    shelf.keep(place(`${i}`), variant(10_000))
    await shelf.flush()
  }
  assert.notEqual(await shelf.find(place('0').key, []), undefined)
  assert.equal(await shelf.find(place('1').key, []), undefined)
  assert.notEqual(await shelf.find(place('39').key, []), undefined)
})

const bounds = [
  { what: 'one group', maxBytes: 300_000 },
  { what: 'sixteen groups', maxBytes: 257 << 20 },
  { what: 'many groups', maxBytes: 4_097 * (1 << 20) },
]
for (const { what, maxBytes } of bounds) {
  test(`the bound of a store of ${what} holds whoever writes, and one variant is never more than a group`, async () => {
    await using store = await openStore()
    const evicted: string[] = []
    const room = () =>
      new Room(
        {
          objects: store.objects,
          now: () => 0,
          usedAt: () => undefined,
          evicted: (key) => evicted.push(key),
        },
        maxBytes,
      )
    const groups = maxBytes > 4_096 * (1 << 20) ? 256 : maxBytes > 256 << 20 ? 16 : 1
    const share = Math.floor(maxBytes / groups)
    const keyOf = (group: string, number: number) =>
      `${group}/${'0'.repeat(24)}.photos%2Fx/${number.toString(16).padStart(32, '0')}`
    assert.equal(await room().makeFor(keyOf('ab', 99), share), false)
    // Others have filled this group, and only this one, without a word.
    const size = Math.floor(share / 10)
    for (let i = 0; i < 12; i++) {
      store.clock.advance(1_000)
      await store.objects.put(keyOf('ab', i), Buffer.alloc(size))
    }
    await store.objects.put(keyOf('cd', 0), 'x')
    // What is no variant is neither counted nor touched.
    await store.objects.put('ab/upload.jpg', Buffer.alloc(size))
    assert.equal(await room().makeFor(keyOf('ab', 99), size), true)
    let left = 0
    for await (const object of allVariants(store.objects, 'ab/')) left += object.size
    assert.ok(left + size <= share)
    assert.ok(left + size >= share / 2)
    assert.equal(evicted[0], keyOf('ab', 0))
    for (const key of [keyOf('cd', 0), 'ab/upload.jpg'])
      assert.notEqual(await store.objects.head(key), undefined)
  })
}

test('a store that does not answer holds nobody up for longer than two seconds, and then nobody for ten', async () => {
  await using store = await openStore()
  const hung = Promise.withResolvers<Objects>()
  const shelf = store.shelf({ open: () => hung.promise })
  const finding = shelf.find(place('a').key, [])
  store.clock.advance(2_000)
  assert.equal(await finding, undefined)
  // Answered at once: no timer is left to wait for.
  assert.equal(await shelf.find(place('b').key, []), undefined)
  shelf.keep(place('b'), variant(10))
  assert.deepEqual([shelf.counts.failed, shelf.counts.skipped], [1, 1])
  assert.equal(store.said.length, 1)
  assert.match(store.said[0]!, /cannot be read in store, .*left alone for 10 s: no answer in 2000 ms/)
  store.clock.advance(10_000)
  hung.resolve(store.objects)
  shelf.keep(place('b'), variant(10))
  await shelf.flush()
  assert.notEqual(await shelf.find(place('b').key, []), undefined)
})

test('what waits to be written is bounded, and the latest of a key counts', async () => {
  await using store = await openStore()
  const shelf = store.shelf({ maxBytes: 200 << 20 })
  for (let i = 0; i < 5; i++) shelf.keep(place(`${i}`), variant(20 << 20))
  await shelf.flush()
  assert.deepEqual([shelf.counts.stored, shelf.counts.skipped], [3, 2])
  shelf.keep(place('a'), variant(10))
  shelf.keep(place('a'), variant(20))
  await shelf.flush()
  assert.equal((await store.objects.head(place('a').key))?.size, 20)
  assert.equal(shelf.counts.stored, 4)
})

test('a purge of everything leaves what is no variant', async () => {
  await using store = await openStore()
  const shelf = store.shelf()
  await store.objects.put('uploads/a.jpg', 'bytes')
  shelf.keep(place('a'), variant(10))
  await shelf.flush()
  assert.deepEqual(await shelf.purge(undefined, EVERYTHING), {
    variants: 1,
    bytes: 10,
    sources: [{ bucket: 'photos', key: 'a' }],
  })
  assert.deepEqual(
    (await store.objects.list()).objects.map(({ key }) => key),
    ['uploads/a.jpg'],
  )
})

test('nothing is begun after the end, and what was handed over before is written', async () => {
  await using store = await openStore()
  const shelf = store.shelf()
  shelf.keep(place('a'), variant(10))
  await shelf.close()
  shelf.keep(place('b'), variant(10))
  assert.equal(await shelf.find(place('a').key, []), undefined)
  assert.notEqual(await store.objects.head(place('a').key), undefined)
  assert.equal(await store.objects.head(place('b').key), undefined)
})

const CATS = ['images', 'images:photos/cats/1']
const DOGS = ['images', 'images:photos/dogs/1']

test('what waits to be written when its source is invalidated is not written, by whoever it is', async () => {
  await using store = await openStore()
  const shelf = store.shelf()
  const keys = async () => (await store.objects.list()).objects.map(({ key }) => key)
  for (const invalidate of [
    () => shelf.takeBack(createNameSelector(['images:photos/cats/*'])),
    () =>
      shelf.purge(
        { bucket: undefined, key: { prefix: 'cats/' } },
        createNameSelector(['images:photos/cats/*']),
      ),
  ]) {
    shelf.keep(place('cats/1'), variant(10, CATS))
    shelf.keep(place('dogs/1'), variant(10, DOGS))
    await invalidate()
    await shelf.flush()
    assert.deepEqual(await keys(), [place('dogs/1').key])
    await store.objects.delete(place('dogs/1').key)
  }
})

test('what was written behind a purge of somebody else is taken back, and it is told of which sources it was', async () => {
  await using store = await openStore()
  const [shelf, other] = [store.shelf(), store.shelf()]
  const cats = createNameSelector(['images:photos/cats/1'])
  shelf.keep(place('cats/1'), variant(10, CATS))
  shelf.keep(place('dogs/1'), variant(10, DOGS))
  await shelf.flush()
  assert.deepEqual(await other.purge({ bucket: undefined, key: { exact: 'cats/1' } }, cats), {
    variants: 1,
    bytes: 10,
    sources: [{ bucket: 'photos', key: 'cats/1' }],
  })
  // Nothing came back, so there is nothing to tell.
  assert.deepEqual(await shelf.takeBack(cats), [])
  shelf.keep(place('cats/1'), variant(10, CATS))
  await shelf.flush()
  assert.deepEqual(await shelf.takeBack(cats), CATS)
  assert.equal(await store.objects.head(place('cats/1').key), undefined)
  assert.notEqual(await store.objects.head(place('dogs/1').key), undefined)
  // Once: whoever hears of what was told does not begin again.
  assert.deepEqual(await shelf.takeBack(cats), [])
})

test('what is being written at the moment of an invalidation is taken back, and so are facts that are being restated', async () => {
  await using store = await openStore()
  const begun = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  let held = 'put'
  const slow = new Proxy(store.objects, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...given: unknown[]) => {
        if (name === held) {
          begun.resolve()
          await goOn.promise
        }
        return (await Reflect.apply(value, target, given)) as unknown
      }
    },
  })
  const shelf = store.shelf({ open: () => Promise.resolve(slow) })
  shelf.keep(place('cats/1'), variant(10, CATS))
  await begun.promise
  const taken = shelf.takeBack(EVERYTHING)
  goOn.resolve()
  assert.deepEqual(await taken, CATS)
  assert.equal(await store.objects.head(place('cats/1').key), undefined)

  held = ''
  shelf.keep(place('cats/1'), variant(10, CATS))
  await shelf.flush()
  store.clock.advance(3_600_000)
  // Long ago: whoever purges finds it.
  assert.deepEqual(await shelf.takeBack(EVERYTHING), [])
  shelf.restate(place('cats/1').key, FACTS, CATS)
  await shelf.flush()
  assert.deepEqual(await shelf.takeBack(EVERYTHING), CATS)
})

test('what one process uses stays when another one makes room, and is put anew for that now and then', async () => {
  await using store = await openStore()
  const maxBytes = 1 << 20
  const [writer, reader] = [store.shelf({ maxBytes }), store.shelf({ maxBytes })]
  const [used, unused] = [place('used'), place('unused')]
  for (const each of [used, unused]) writer.keep(each, variant(20_000))
  await writer.flush()
  let putsOfReader = 0
  for (let i = 0; i < 300; i++) {
    store.clock.advance(3_600_000)
    writer.keep(place(`${i}`), variant(20_000))
    await writer.flush()
    const before = store.calls.filter((call) => call === 'put').length
    const kept = await reader.find(used.key, ['images'])
    assert.notEqual(kept, undefined, `after ${i}`)
    await reader.flush()
    putsOfReader += store.calls.filter((call) => call === 'put').length - before
  }
  assert.equal(await store.objects.head(unused.key), undefined)
  assert.ok(writer.counts.evicted > 200)
  assert.equal(writer.counts.renewed, 0)
  assert.equal(putsOfReader, reader.counts.renewed)
  // 47 fit, one comes each hour: about every 24 hours.
  assert.ok(reader.counts.renewed >= 8 && reader.counts.renewed <= 20, `${reader.counts.renewed} renewals`)
})

test('while there is room nothing is put anew, however old it is', async () => {
  await using store = await openStore()
  const shelf = store.shelf()
  shelf.keep(place('a'), variant(10))
  await shelf.flush()
  store.clock.advance(365 * 86_400_000)
  assert.notEqual(await shelf.find(place('a').key, ['images']), undefined)
  await shelf.flush()
  assert.equal(store.calls.filter((call) => call === 'put').length, 1)
})
