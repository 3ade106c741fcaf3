import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { type Ending, Lane, LaneClosed, type LaneOptions } from './lane.ts'

interface Work {
  readonly key: string
  end(ending: Ending | Error): void
}

/** A lane whose work ends when the test says so. */
function bench(options: Partial<LaneOptions> = {}) {
  const clock = new ManualClock()
  const started: Work[] = []
  const given: string[] = []
  const lane = new Lane({
    clock,
    places: 2,
    attempts: 3,
    firstWaitMs: 100,
    maxWaitMs: 250,
    tried: (_, attempt) => Promise.resolve(attempt),
    work: (key) =>
      new Promise((resolve, reject) =>
        started.push({
          key,
          end: (ending) => (ending instanceof Error ? reject(ending) : resolve(ending)),
        }),
      ),
    gaveUp: (key, attempts, error) =>
      Promise.resolve(void given.push(`${key} ${attempts} ${(error as Error).message}`)),
    ...options,
  })
  return { clock, lane, started, given, keys: () => started.map(({ key }) => key) }
}

test('only so many are worked on at a time, each key once, in the order in which they came', async () => {
  const { lane, started, keys } = bench()
  const endings = ['a', 'b', 'a', 'c'].map((key) => lane.take(key))
  assert.deepEqual(keys(), ['a', 'b'])
  assert.deepEqual([lane.working, lane.waiting], [2, 1])
  started[1]!.end('made')
  assert.equal(await endings[1], 'made')
  await setImmediate()
  assert.deepEqual(keys(), ['a', 'b', 'c'])
  started[0]!.end('kept')
  started[2]!.end('gone')
  // Asked for while it was worked on: it is looked at once more.
  await setImmediate()
  assert.deepEqual(keys(), ['a', 'b', 'c', 'a'])
  started[3]!.end('made')
  assert.deepEqual(await Promise.all(endings), ['made', 'made', 'made', 'gone'])
  assert.deepEqual([lane.working, lane.waiting, lane.retrying], [0, 0, 0])
})

test('what fails is tried again after growing waits and takes no place meanwhile, then it is given up', async () => {
  const { clock, lane, started, given } = bench({ places: 1, attempts: 4 })
  const ending = lane.take('a')
  for (const wait of [100, 250, 250]) {
    started.at(-1)!.end(new Error('down'))
    await setImmediate()
    assert.deepEqual([lane.working, lane.retrying], [0, 1])
    clock.advance(wait - 1)
    assert.equal(lane.working, 0)
    clock.advance(1)
    assert.equal(lane.working, 1)
  }
  started.at(-1)!.end(new Error('still down'))
  assert.equal(await ending, 'failed')
  assert.deepEqual(given, ['a 4 still down'])
  assert.equal(started.length, 4)
})

test('tries of before count, for how often and for how long it waits', async () => {
  let before = 2
  const { clock, lane, started, given } = bench({
    attempts: 4,
    maxWaitMs: 10_000,
    tried: () => Promise.resolve(++before),
  })
  const ending = lane.take('a')
  started[0]!.end(new Error('down'))
  await setImmediate()
  // As after the third try.
  clock.advance(899)
  assert.equal(started.length, 1)
  clock.advance(1)
  started[1]!.end(new Error('down'))
  assert.equal(await ending, 'failed')
  assert.deepEqual(given, ['a 4 down'])
})

test('room is told when fewer wait, and when the lane closes', async () => {
  const { lane, started } = bench({ places: 1 })
  for (const key of ['a', 'b', 'c']) void lane.take(key)
  let told = 0
  void lane.room(2).then(() => told++)
  void lane.room(1).then(() => told++)
  await lane.room(3)
  await setImmediate()
  assert.equal(told, 0)
  started[0]!.end('made')
  await setImmediate()
  assert.equal(told, 1)
  const closing = lane.close()
  await setImmediate()
  assert.equal(told, 2)
  started[1]!.end('made')
  await closing
})

test('closing waits for what is worked on, and tells the others that nothing became of it', async () => {
  const { clock, lane, started } = bench({ places: 1 })
  const retried = lane.take('retried')
  started[0]!.end(new Error('down'))
  await setImmediate()
  const working = lane.take('working')
  const waiting = lane.take('waiting')
  let isClosed = false
  const closing = lane.close().then(() => (isClosed = true))
  await assert.rejects(retried, LaneClosed)
  await assert.rejects(waiting, LaneClosed)
  await assert.rejects(lane.take('late'), LaneClosed)
  assert.ok(!isClosed)
  started[1]!.end('made')
  assert.equal(await working, 'made')
  await closing
  clock.advance(10_000)
  assert.equal(started.length, 2)
})
