import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNameSelector } from '../../../http/name-selector.ts'
import { MemoryShelf } from './memory-shelf.ts'
import { readSelection, tagsSelected } from './select-sources.ts'
import type { VariantFacts } from './variant-facts.ts'
import { variantKey } from './variant-key.ts'

const facts = (hash: string): VariantFacts => ({
  contentType: 'image/avif',
  etag: `"${hash}"`,
  inputs: [{ hash, known: [] }],
  rendered: { format: 'heif', width: 1, height: 1, frames: 1 },
})

const place = (key: string, width = 1) =>
  variantKey(
    'd',
    { kind: 'url', name: 'photos', base: new URL('https://a.example/'), isAllowed: () => false },
    key,
    [{ name: 'resize', value: { width }, from: '' }],
    { format: 'avif', isNegotiated: true, options: {} },
    { metadata: 'keep', isStrict: false, faces: 'attention' },
  )

const NAMES = new Set(['photos'])

const variant = (bytes: number, hash = 'h', replaces = false, tags: readonly string[] = ['images']) => ({
  bytes: Buffer.alloc(bytes),
  replaces,
  facts: Promise.resolve(facts(hash)),
  tags,
})

test('a shelf in memory holds its bound, and lets go of what was not used for longest', async () => {
  const shelf = new MemoryShelf(100_000)
  for (let i = 0; i < 100; i++) {
    shelf.keep(place(`${i}`), variant(10_000))
    await shelf.flush()
    assert.ok(shelf.bytes <= 100_000)
    assert.notEqual(await shelf.find(place('0').key), undefined)
  }
  assert.equal(await shelf.find(place('1').key), undefined)
  assert.notEqual(await shelf.find(place('99').key), undefined)
  assert.equal(shelf.counts.evicted, 100 - Math.floor(100_000 / 12_048))
  shelf.keep(place('large'), variant(100_000))
  await shelf.flush()
  assert.deepEqual([await shelf.find(place('large').key), shelf.counts.skipped], [undefined, 1])
})

test('another version of a source drives out the variants of the old one, and a purge those it names', async () => {
  const shelf = new MemoryShelf(100_000)
  shelf.keep(place('a', 1), variant(10, 'old'))
  shelf.keep(place('a', 2), variant(10, 'old'))
  shelf.keep(place('b'), variant(10, 'other'))
  shelf.keep(place('a', 1), variant(10, 'new', true))
  await shelf.flush()
  assert.equal((await shelf.find(place('a', 1).key))?.facts.etag, '"new"')
  assert.equal(await shelf.find(place('a', 2).key), undefined)
  const selection = readSelection('b', undefined)
  const purged = await shelf.purge(selection, createNameSelector(tagsSelected(selection, NAMES)))
  assert.deepEqual(purged, { variants: 1, bytes: 10, sources: [{ bucket: 'photos', key: 'b' }] })
  shelf.forget(place('a'))
  assert.deepEqual([await shelf.find(place('a', 1).key), shelf.bytes], [undefined, 0])
})

test('what is invalidated goes, of whichever source it was made, and what is on its way does not come', async () => {
  const shelf = new MemoryShelf(100_000)
  const overlaid = ['images', 'images:photos/cats/1', 'images:photos/mark']
  shelf.keep(place('cats/1', 1), variant(10, 'h', false, overlaid))
  shelf.keep(place('cats/1', 2), variant(10, 'h', false, overlaid.slice(0, 2)))
  shelf.keep(place('dogs/1'), variant(10, 'h', false, ['images', 'images:photos/dogs/1']))
  await shelf.flush()
  const left = async () => {
    const found = [place('cats/1', 1), place('cats/1', 2), place('dogs/1')].map(({ key }) => shelf.peek(key))
    return (await Promise.all(found)).map((facts) => facts !== undefined)
  }
  await shelf.takeBack(createNameSelector(['images:photos/mark']))
  assert.deepEqual(await left(), [false, true, true])
  shelf.keep(place('cats/1', 1), variant(10, 'h', false, overlaid))
  await shelf.takeBack(createNameSelector(['images:photos/cats/*']))
  await shelf.flush()
  assert.deepEqual(await left(), [false, false, true])
  assert.deepEqual([shelf.counts.stored, shelf.counts.removed], [3, 2])
})
