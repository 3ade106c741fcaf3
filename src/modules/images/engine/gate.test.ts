import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { ImageError } from '../image-error.ts'
import { Gate } from './gate.ts'

function open(clock = new ManualClock()): Gate {
  return new Gate({ clock, places: 1, maxWaiting: 3, maxWaitingPerClient: 2, maxWaitMs: 10_000 })
}

const never = new AbortController().signal

/** Work that lasts until it is told to end. */
function hold(gate: Gate, client = 'a', signal = never) {
  const work = Promise.withResolvers<string>()
  const result = gate
    .run(client, signal, () => work.promise)
    .catch((error: unknown) => {
      assert.ok(error instanceof ImageError)
      return error
    })
  return { end: () => work.resolve('done'), result }
}

test('work waits for a place, first come, first served, and a failure gives its place back', async () => {
  const gate = open()
  const order: string[] = []
  const first = hold(gate)
  const second = gate.run('a', never, () => {
    order.push('second')
    return Promise.reject(new ImageError(400, 'X', 'x'))
  })
  const third = gate.run('b', never, () => Promise.resolve(order.push('third')))
  assert.deepEqual([gate.inside, gate.waiting], [1, 2])
  first.end()
  await assert.rejects(second, /x/)
  await third
  assert.deepEqual(order, ['second', 'third'])
  assert.deepEqual([gate.inside, gate.waiting], [0, 0])
})

test('one client too many is 429, a full queue 503, both say when to come again', async () => {
  const gate = open()
  const inside = hold(gate)
  const waiting = [hold(gate, 'a'), hold(gate, 'a')]
  const greedy = await hold(gate, 'a').result
  assert.ok(greedy instanceof ImageError)
  assert.deepEqual([greedy.status, greedy.code], [429, 'TooManyRequests'])
  waiting.push(hold(gate, 'b'))
  const late = await hold(gate, 'c').result
  assert.ok(late instanceof ImageError)
  assert.deepEqual([late.status, late.code], [503, 'ServiceUnavailable'])
  for (const error of [greedy, late])
    assert.ok(error.retryAfterSeconds! >= 1 && error.retryAfterSeconds! <= 60)
  inside.end()
  for (const each of waiting) {
    each.end()
    assert.equal(await each.result, 'done')
  }
  assert.equal(gate.waiting, 0)
})

test('who waits too long is sent away, who leaves makes room', async () => {
  const clock = new ManualClock()
  const gate = open(clock)
  const inside = hold(gate)
  const slow = hold(gate)
  clock.advance(10_000)
  const tooLate = await slow.result
  assert.ok(tooLate instanceof ImageError)
  assert.equal(tooLate.status, 503)
  const gone = new AbortController()
  const leaving = hold(gate, 'a', gone.signal)
  gone.abort()
  const left = await leaving.result
  assert.ok(left instanceof ImageError)
  assert.equal(left.status, 499)
  assert.equal(gate.waiting, 0)
  inside.end()
  assert.equal(await inside.result, 'done')
})
