import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSeamError } from '../seam-error.ts'
import type { WithNodes } from './contract.ts'

/** The part of the state contract that is about rate counters. */
export function countersContract(withNodes: WithNodes): void {
  test('a counter counts within its window and forgets what has left it', () =>
    withNodes(1, async ([state], clock) => {
      const counter = state!.counters.open({ name: 'acl/rule', limit: 100, windowSeconds: 60 })
      for (let i = 0; i < 5; i++) counter.add('192.0.2.1')
      assert.equal(counter.add('192.0.2.1', 3), 8)
      assert.equal(counter.peek('192.0.2.2'), 0)
      clock.advance(30_000)
      assert.equal(counter.peek('192.0.2.1'), 8)
      clock.advance(41_000)
      assert.equal(counter.peek('192.0.2.1'), 0)
    }))

  test('peek counts nothing, and neither do amounts that are not positive numbers', () =>
    withNodes(1, async ([state]) => {
      const counter = state!.counters.open({ name: 'n', limit: 10, windowSeconds: 60 })
      counter.add('a')
      for (const amount of [0, -4, Number.NaN, Infinity]) assert.equal(counter.add('a', amount), 1)
      for (let i = 0; i < 50; i++) counter.peek('b')
      assert.equal(counter.peek('a'), 1)
      assert.equal(counter.size, 1)
    }))

  test('a counter survives being opened again and is reset when its settings change', () =>
    withNodes(1, async ([state]) => {
      const spec = { name: 'n', limit: 10, windowSeconds: 60 }
      const counter = state!.counters.open(spec)
      counter.add('a', 7)
      assert.equal(state!.counters.open({ ...spec }), counter)
      assert.equal(state!.counters.open({ ...spec, limit: 20 }).peek('a'), 0)
      state!.counters.drop('n')
      assert.equal(state!.counters.open({ ...spec, limit: 20 }).peek('a'), 0)
    }))

  test('a counter holds at most its number of keys and keeps those that count most', () =>
    withNodes(1, async ([state]) => {
      const counter = state!.counters.open({ name: 'n', limit: 1_000, windowSeconds: 60, maxKeys: 50 })
      for (let i = 0; i < 5_000; i++) {
        counter.add(`flood-${i}`)
        if (i % 10 === 0) counter.add('heavy')
      }
      assert.equal(counter.size, 50)
      assert.equal(counter.top(1)[0]!.key, 'heavy')
      assert.ok(counter.peek('heavy') <= 500)
      assert.ok(counter.peek('heavy') >= 500 - (Math.E * 5_500) / 50)
      assert.ok(counter.top(50).every(({ key, estimate }) => key === 'heavy' || estimate <= 1))
    }))

  test('top gives the highest estimates first', () =>
    withNodes(1, async ([state]) => {
      const counter = state!.counters.open({ name: 'n', limit: 10, windowSeconds: 60 })
      for (const [key, amount] of [
        ['a', 2],
        ['b', 9],
        ['c', 5],
      ] as const)
        counter.add(key, amount)
      assert.deepEqual(counter.top(2), [
        { key: 'b', estimate: 9 },
        { key: 'c', estimate: 5 },
      ])
    }))

  test('nodes see the sum of their counts after a flush, and a second flush adds nothing', () =>
    withNodes(3, async (nodes) => {
      const counters = nodes.map((state) =>
        state.counters.open({ name: 'n', limit: 100, windowSeconds: 300 }),
      )
      for (const [i, counter] of counters.entries()) counter.add('k', 10 * (i + 1))
      for (let round = 0; round < 2; round++) for (const state of nodes) await state.counters.flush()
      for (const counter of counters) assert.equal(counter.peek('k'), 60)
    }))

  const badCounters = [
    { name: 'n', limit: 0, windowSeconds: 60 },
    { name: 'n', limit: Number.NaN, windowSeconds: 60 },
    { name: 'n', limit: 10, windowSeconds: 0 },
    { name: 'n', limit: 10, windowSeconds: 1e9 },
    { name: 'n', limit: 10, windowSeconds: 60, maxKeys: 0 },
  ]
  test('a counter with impossible settings is refused', () =>
    withNodes(1, async ([state]) => {
      for (const spec of badCounters)
        assert.throws(
          () => state!.counters.open(spec),
          (error) => isSeamError(error, 'invalid'),
        )
    }))
}
