import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteShelf } from './byte-shelf.ts'

test('a buffer that was given back is used again for what fits into it', () => {
  const shelf = new ByteShelf()
  const first = shelf.take(70_000)
  assert.equal(first.length, 131_072)
  shelf.give(first)
  assert.equal(shelf.bytes, 131_072)
  assert.equal(shelf.take(131_073).length, 262_144)
  assert.equal(shelf.take(1).length, 65_536)
  assert.equal(shelf.take(131_072), first)
  assert.notEqual(shelf.take(131_072), first)
  assert.equal(shelf.bytes, 0)
})

test('no more than 4 MiB are kept, and nothing larger than 2 MiB', () => {
  const shelf = new ByteShelf()
  const large = shelf.take(2_097_153)
  assert.equal(large.length, 2_097_153)
  shelf.give(large)
  assert.equal(shelf.bytes, 0)
  for (const buffer of Array.from({ length: 3 }, () => shelf.take(2_000_000))) shelf.give(buffer)
  assert.equal(shelf.bytes, 4_194_304)
})
