import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KeyHeap } from './key-heap.ts'

test('the least rank is found whatever has grown in between', () => {
  const steps = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 9 })), { maxLength: 300 })
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 40 }),
      steps,
      (start, growth) => {
        const rank = Float64Array.from(start)
        const heap = new KeyHeap(rank)
        for (const [row, more] of growth) {
          rank[row % rank.length]! += more
          assert.equal(rank[heap.least()], Math.min(...rank))
        }
      },
    ),
  )
})
