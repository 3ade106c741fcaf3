import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { LocalRateCounters } from './rate-counters.ts'
import type { CounterExchange, NodeReport } from './rate-counters.ts'

/** Reports in memory, and how often each node published. */
class MemoryExchange {
  readonly reports = new Map<string, NodeReport>()
  readonly published = new Map<string, number>()
  collected = 0
  failure: Error | undefined

  of(node: string): CounterExchange {
    return {
      publish: async (report) => {
        if (this.failure !== undefined) throw this.failure
        this.reports.set(node, structuredClone(report))
        this.published.set(node, (this.published.get(node) ?? 0) + 1)
      },
      collect: async () => {
        if (this.failure !== undefined) throw this.failure
        this.collected++
        return [...this.reports].filter(([name]) => name !== node).map(([, report]) => report)
      },
    }
  }
}

function openNodes(count: number): {
  nodes: LocalRateCounters[]
  exchange: MemoryExchange
  clock: ManualClock
  reports: Error[]
} {
  const clock = new ManualClock()
  const exchange = new MemoryExchange()
  const reports: Error[] = []
  const nodes = Array.from(
    { length: count },
    (_, i) =>
      new LocalRateCounters({
        clock,
        report: (error) => reports.push(error),
        node: `${i}`,
        exchange: exchange.of(`${i}`),
        expectedNodes: count,
      }),
  )
  return { nodes, exchange, clock, reports }
}

test('a key that moves by a tenth of its limit divided by the nodes is told at once', async () => {
  const { nodes, exchange } = openNodes(4)
  const counter = nodes[0]!.open({ name: 'c', limit: 400, windowSeconds: 300 })
  for (let i = 0; i < 9; i++) counter.add('k')
  await setImmediate()
  assert.equal(exchange.published.get('0'), undefined)
  counter.add('k')
  await setImmediate()
  assert.equal(exchange.published.get('0'), 1)
  assert.deepEqual(exchange.reports.get('0')?.counters[0]?.keys, [['k', [10]]])
  for (let i = 0; i < 9; i++) counter.add('k')
  await setImmediate()
  assert.equal(exchange.published.get('0'), 1)
})

test('what moves less is told within five seconds, and keys below a twentieth of their share are not', async () => {
  const { nodes, exchange, clock } = openNodes(2)
  const counter = nodes[0]!.open({ name: 'c', limit: 400, windowSeconds: 300 })
  counter.add('small', 9)
  counter.add('told', 10)
  clock.advance(5_000)
  await setImmediate()
  assert.deepEqual(exchange.reports.get('0')?.counters[0]?.keys, [['told', [10]]])
})

test('a key above half of its limit makes the node read ten times a second and write once', async () => {
  const { nodes, exchange, clock } = openNodes(1)
  nodes[0]!.open({ name: 'c', limit: 100, windowSeconds: 300 }).add('k', 51)
  await setImmediate()
  const [collected, published] = [exchange.collected, exchange.published.get('0') ?? 0]
  for (let i = 0; i < 20; i++) {
    nodes[0]!.open({ name: 'c', limit: 100, windowSeconds: 300 }).add('k', 0.01)
    clock.advance(100)
    await setImmediate()
  }
  assert.ok(exchange.collected - collected >= 19)
  assert.ok((exchange.published.get('0') ?? 0) - published <= 2)
})

test('an exchange that fails is reported once, counting goes on, and nothing is lost when it is back', async () => {
  const { nodes, exchange, clock, reports } = openNodes(2)
  const spec = { name: 'c', limit: 100, windowSeconds: 300 }
  const [a, b] = nodes.map((node) => node.open(spec))
  exchange.failure = new Error('the store is down')
  for (let i = 0; i < 60; i++) {
    a!.add('k')
    clock.advance(500)
    await setImmediate()
  }
  assert.equal(a!.peek('k'), 60)
  assert.deepEqual(
    reports.map(({ message }) => message),
    ['the store is down', 'the store is down'],
  )
  await assert.rejects(nodes[0]!.flush(), /the store is down/)
  exchange.failure = undefined
  for (const node of nodes) await node.flush()
  assert.equal(b!.peek('k'), 60)
})

test('flushes that overlap run one after the other, and the last has everything', async () => {
  const { nodes, exchange } = openNodes(2)
  const counter = nodes[0]!.open({ name: 'c', limit: 1_000, windowSeconds: 300 })
  const flushes = Array.from({ length: 10 }, (_, i) => {
    counter.add('k', i + 1)
    return nodes[0]!.flush()
  })
  await Promise.all(flushes)
  assert.deepEqual(exchange.reports.get('0')?.counters[0]?.keys, [['k', [55]]])
})

test('counts of others leave the window with time, and a report of another window is passed over', async () => {
  const { nodes, clock } = openNodes(3)
  nodes[0]!.open({ name: 'c', limit: 100, windowSeconds: 60 }).add('k', 20)
  nodes[1]!.open({ name: 'c', limit: 100, windowSeconds: 120 }).add('k', 30)
  const counter = nodes[2]!.open({ name: 'c', limit: 100, windowSeconds: 60 })
  for (const node of nodes) await node.flush()
  assert.equal(counter.peek('k'), 20)
  clock.advance(65_000)
  assert.ok(counter.peek('k') > 0 && counter.peek('k') < 20)
  clock.advance(10_000)
  assert.equal(counter.peek('k'), 0)
})

test('after close no timer is left and nothing is told any more', async () => {
  const { nodes, exchange, clock } = openNodes(1)
  const counter = nodes[0]!.open({ name: 'c', limit: 10, windowSeconds: 60 })
  counter.add('k', 5)
  await nodes[0]!.close()
  assert.deepEqual(exchange.reports.get('0')?.counters[0]?.keys, [['k', [5]]])
  const published = exchange.published.get('0')
  counter.add('k', 500)
  await setImmediate()
  assert.deepEqual([exchange.published.get('0'), clock.pending], [published, 0])
})

// A tenth of the limit not yet told, a twentieth too small to tell, and what arrives in one tick and one round trip.
for (const { rate, bound } of [
  { rate: 50, bound: 1_155 },
  { rate: 200, bound: 1_171 },
  { rate: 2_000, bound: 1_360 },
]) {
  test(`eight nodes admit at most ${bound} of ${rate} requests a second against a limit of 1,000 in 300 s`, async () => {
    const { nodes, clock } = openNodes(8)
    const counters = nodes.map((node) => node.open({ name: 'c', limit: 1_000, windowSeconds: 300 }))
    let seed = 1
    let admitted = 0
    for (let step = 0; step < 600; step++) {
      for (let i = 0; i < rate / 10; i++) {
        seed = (seed * 48_271) % 2_147_483_647
        if (counters[seed % 8]!.add('k') <= 1_000) admitted++
      }
      clock.advance(100)
      await setImmediate()
    }
    assert.ok(admitted <= bound, `${admitted} were admitted`)
    assert.ok(admitted >= 1_000, `${admitted} were admitted`)
  })
}
