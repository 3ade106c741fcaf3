import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { LaneClosed } from './lane.ts'
import { consume, type Queue } from './queue.ts'

interface Taken {
  readonly key: string
  done(error?: Error): void
}

/** A queue in memory that writes down what it is asked. */
function bench(bodies: readonly unknown[], { room = () => Promise.resolve(), failures = 0 } = {}) {
  const clock = new ManualClock()
  const calls: string[] = []
  const warned: string[] = []
  const taken: Taken[] = []
  const waiting = bodies.map((body, index) => ({
    body: typeof body === 'string' ? body : JSON.stringify(body),
    receipt: `m${index}`,
  }))
  let failing = failures
  const queue: Queue = {
    receive(max, signal) {
      if (failing-- > 0) return Promise.reject(new Error('unreachable'))
      const messages = waiting.splice(0, max)
      if (messages.length > 0) return Promise.resolve(messages)
      // A long poll.
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
      )
    },
    remove: (receipt) => Promise.resolve(void calls.push(`remove ${receipt}`)),
    hide: (receipt, seconds) => Promise.resolve(void calls.push(`hide ${receipt} ${seconds}`)),
    close: () => void calls.push('close'),
  }
  const consumer = consume({
    clock,
    openQueue: () => Promise.resolve(queue),
    visibilitySeconds: 60,
    room,
    take: ({ key }) =>
      new Promise<void>((resolve, reject) =>
        taken.push({ key, done: (error) => (error === undefined ? resolve() : reject(error)) }),
      ),
    report: { warn: (message) => void warned.push(message) },
  })
  return { clock, calls, warned, taken, consumer }
}

test('a message is hidden while its pictures are done, and removed when all of them are', async () => {
  const event = {
    Records: ['a', 'b'].map((key) => ({
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: 'x' }, object: { key } },
    })),
  }
  const { clock, calls, taken, consumer } = bench([event])
  await setImmediate()
  assert.deepEqual(
    taken.map(({ key }) => key),
    ['a', 'b'],
  )
  clock.advance(30_000)
  clock.advance(30_000)
  assert.deepEqual(calls, ['hide m0 60', 'hide m0 60'])
  taken[0]!.done()
  await setImmediate()
  assert.equal(calls.length, 2)
  taken[1]!.done()
  await setImmediate()
  assert.equal(calls.at(-1), 'remove m0')
  clock.advance(60_000)
  assert.deepEqual([calls.length, consumer.held], [3, 0])
  await consumer.close()
})

test('a message whose pictures are not done when the edge ends is given back at once', async () => {
  const { calls, taken, consumer } = bench([{ key: 'a' }])
  await setImmediate()
  const closing = consumer.close()
  taken[0]!.done(new LaneClosed())
  await closing
  assert.deepEqual(calls, ['hide m0 0', 'close'])
})

test('the test event is removed; what is not understood stays, and is told once', async () => {
  const { calls, warned, consumer } = bench([{ Event: 's3:TestEvent' }, 'text', '{}'])
  await setImmediate()
  assert.deepEqual([calls, consumer.unknown], [['remove m0'], 2])
  assert.equal(warned.length, 1)
  assert.match(warned[0]!, /not understood, and stays there: it is not JSON/)
  await consumer.close()
})

test('a queue that cannot be read is asked again after growing pauses, and told once', async () => {
  const { clock, warned, taken, consumer } = bench([{ key: 'a' }], { failures: 3 })
  for (const pause of [1_000, 2_000, 4_000]) {
    await setImmediate()
    assert.equal(taken.length, 0)
    clock.advance(pause)
  }
  await setImmediate()
  assert.deepEqual([warned, taken.length], [['the queue cannot be read: unreachable'], 1])
  taken[0]!.done()
  await consumer.close()
})

test('no message is asked for while there is no room, nor beyond those that may be held', async () => {
  const gate = Promise.withResolvers<void>()
  const { taken, consumer } = bench(
    Array.from({ length: 250 }, (_, i) => ({ key: `${i}` })),
    { room: () => gate.promise },
  )
  await setImmediate()
  assert.equal(taken.length, 0)
  gate.resolve()
  for (let i = 0; i < 50; i++) await setImmediate()
  assert.equal(taken.length, 200)
  for (const each of taken.slice(0, 20)) each.done()
  for (let i = 0; i < 10; i++) await setImmediate()
  assert.equal(taken.length, 220)
  const closing = consumer.close()
  for (const each of taken) each.done()
  await closing
})
