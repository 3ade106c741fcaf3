import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { partBytesOf, partsOf } from './body-parts.ts'

const MIB = 1024 ** 2

test('ten thousand parts hold five terabytes, and each has the size S3 takes', () => {
  let total = 0
  for (let number = 1; number <= 10_000; number++) {
    const bytes = partBytesOf(number)
    assert.ok(bytes >= 5 * MIB && bytes <= 5 * 1024 * MIB)
    total += bytes
  }
  assert.ok(total >= 5 * 1024 ** 4)
  assert.equal(partBytesOf(1_000), 8 * MIB)
  assert.equal(partBytesOf(1_001), 16 * MIB)
})

const bodies: readonly (readonly [what: string, chunks: readonly number[], parts: readonly number[]])[] = [
  ['no bytes', [], [0]],
  ['as much as one part', [8 * MIB], [8 * MIB]],
  ['one byte more, in one chunk', [8 * MIB + 1], [8 * MIB, 1]],
  ['one byte more, in chunks', [8 * MIB - 1, 2], [8 * MIB, 1]],
  ['three parts in one chunk', [20 * MIB], [8 * MIB, 8 * MIB, 4 * MIB]],
  ['two whole parts', [8 * MIB, 8 * MIB], [8 * MIB, 8 * MIB]],
]
for (const [what, chunks, expected] of bodies)
  test(`a body of ${what} comes in parts of ${expected.join(', ')} bytes`, async () => {
    const bytes = chunks.map((size, index) => Buffer.alloc(size, index + 1))
    const parts = []
    for await (const part of partsOf('a', Readable.from(bytes), undefined)) parts.push(part)
    assert.deepEqual(
      parts.map((part) => part.bytes.length),
      expected,
    )
    assert.deepEqual(
      parts.map(({ number, isLast }) => [number, isLast]),
      expected.map((_, index) => [index + 1, index === expected.length - 1]),
    )
    assert.ok(Buffer.concat(parts.map((part) => part.bytes)).equals(Buffer.concat(bytes)))
  })
