import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { reportAsWarning } from '../seam-error.ts'
import { LocalRateCounters } from './rate-counters.ts'
import type { RateCounter, RateSpec } from './state.ts'

function openCounter(spec: Omit<RateSpec, 'name'>): { counter: RateCounter; clock: ManualClock } {
  const clock = new ManualClock()
  const counters = new LocalRateCounters({ clock, report: reportAsWarning, node: 'n' })
  return { counter: counters.open({ name: 'c', ...spec }), clock }
}

/** The steps of an arrival: how long after the last, whose key, how many. */
const arrivals = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 20_000 }),
    key: fc.integer({ min: 0, max: 9 }),
    amount: fc.integer({ min: 1, max: 5 }),
  }),
  { minLength: 1, maxLength: 120 },
)

test('with room for every key the estimate lies between the window and the window and one slot', () => {
  fc.assert(
    fc.property(arrivals, fc.constantFrom(6, 60, 120, 300, 600, 3_600), (steps, windowSeconds) => {
      const { counter, clock } = openCounter({ limit: 100, windowSeconds })
      const slotMs =
        windowSeconds <= 600 ? Math.min(10_000, (windowSeconds * 1_000) / 6) : (windowSeconds * 1_000) / 60
      const log: { at: number; key: string; amount: number }[] = []
      for (const { afterMs, key, amount } of steps) {
        clock.advance(afterMs)
        const name = `k${key}`
        log.push({ at: clock.now(), key: name, amount })
        const estimate = counter.add(name, amount)
        const since = (ms: number): number =>
          log
            .filter((entry) => entry.key === name && entry.at > clock.now() - ms)
            .reduce((sum, entry) => sum + entry.amount, 0)
        // Within the slot that is leaving, only its part is known: never more than all of it, never less than none.
        assert.ok(estimate <= since(windowSeconds * 1_000 + slotMs) + 1e-9)
        assert.ok(estimate >= since(windowSeconds * 1_000 - slotMs) - 1e-9)
        assert.equal(counter.peek(name), estimate)
      }
    }),
  )
})

test('with too many keys nothing is counted for another key, and what is missing is bounded', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 500, maxLength: 3_000 }), (keys) => {
      const { counter, clock } = openCounter({ limit: 100, windowSeconds: 300, maxKeys: 20 })
      const truth = new Map<string, number>()
      for (const [i, key] of keys.entries()) {
        // Half of the arrivals are of few keys, as in real traffic.
        const name = i % 2 ? `k${key}` : `k${key % 5}`
        truth.set(name, (truth.get(name) ?? 0) + 1)
        counter.add(name)
        if (i % 10 === 0) clock.advance(100)
      }
      for (const [name, count] of truth) {
        assert.ok(counter.peek(name) <= count)
        assert.ok(counter.peek(name) >= count - (Math.E * keys.length) / 20)
      }
      assert.ok(counter.size <= 20)
    }),
    { numRuns: 30 },
  )
})

test('a flood of keys that lasts for hours neither hides a heavy key nor gets a quiet one blocked', () => {
  const { counter, clock } = openCounter({ limit: 1_000, windowSeconds: 60, maxKeys: 100 })
  let flood = 0
  for (let second = 0; second < 7_200; second++) {
    for (let i = 0; i < 20; i++) counter.add(`flood-${flood++}`)
    if (second >= 7_000) counter.add('heavy', 10)
    clock.advance(1_000)
  }
  assert.ok(counter.peek('heavy') > 600 - (Math.E * 60 * 30) / 100)
  assert.equal(counter.size, 100)
  assert.ok(counter.top(100).every(({ key, estimate }) => key === 'heavy' || estimate <= 1))
})

test('ranks are scaled back before they leave the numbers, and the order of keys stays', () => {
  const { counter, clock } = openCounter({ limit: 1_000, windowSeconds: 6, maxKeys: 4 })
  for (let i = 0; i < 1_500; i++) {
    counter.add('kept', 10)
    counter.add(`other-${i}`)
    clock.advance(6_000)
  }
  assert.ok(counter.peek('kept') > 0 || counter.add('kept') === 1)
  assert.ok(counter.size <= 4)
})

test('the wall clock set back or forth neither revives nor forgets counts', () => {
  let jumped = 0
  const clock = new (class extends ManualClock {
    override now(): number {
      return super.now() + jumped
    }
  })()
  const counters = new LocalRateCounters({ clock, report: reportAsWarning, node: 'n' })
  const counter = counters.open({ name: 'c', limit: 100, windowSeconds: 60 })
  counter.add('a', 5)
  for (jumped of [-3_600_000, 3_600_000]) {
    assert.equal(counter.add('a', 0), 5)
  }
  clock.advance(70_000)
  assert.equal(counter.peek('a'), 0)
})

test('a key of any length and content is counted, and long ones take no more memory', () => {
  const { counter } = openCounter({ limit: 100, windowSeconds: 60 })
  const keys = [
    '',
    '__proto__',
    'é',
    '\ud800',
    'x'.repeat(256),
    'x'.repeat(257),
    'x'.repeat(100_000),
    'y'.repeat(100_000),
  ]
  for (const [i, key] of keys.entries()) assert.equal(counter.add(key, i + 1), i + 1)
  for (const [i, key] of keys.entries()) assert.equal(counter.peek(key), i + 1)
  assert.ok(counter.top(20).every(({ key }) => key.length <= 256))
})
