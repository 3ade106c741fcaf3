import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { type UpgradeOutcome, Upgrades } from './upgrades.ts'

function open(maxWaiting = 2, takeTurn: () => (() => void) | undefined = () => () => {}) {
  const clock = new ManualClock()
  const said: string[] = []
  const upgrades = new Upgrades({
    clock,
    maxWaiting,
    retryMs: 600_000,
    takeTurn,
    report: (text) => said.push(text),
  })
  const turns: string[] = []
  /** A piece of work that ends when the test says so. */
  function work(name: string) {
    const { promise, resolve, reject } = Promise.withResolvers<UpgradeOutcome>()
    const begun = Promise.withResolvers<void>()
    return {
      begun: begun.promise,
      end: resolve,
      fail: reject,
      run: (signal: AbortSignal) => {
        turns.push(name)
        begun.resolve()
        signal.addEventListener('abort', () => reject(new Error('stopped')))
        return promise
      },
    }
  }
  return { clock, said, upgrades, turns, work }
}

test('one is made at a time, in the order they were asked for, each key once, and never before who asks has gone on', async () => {
  const { upgrades, turns, work } = open()
  const [a, b] = [work('a'), work('b')]
  upgrades.ask('a', a.run)
  upgrades.ask('a', a.run)
  upgrades.ask('b', b.run)
  assert.deepEqual(turns, [])
  assert.deepEqual([upgrades.stateOf('a'), upgrades.waiting], ['waiting', 2])
  await a.begun
  upgrades.ask('a', a.run)
  assert.deepEqual([turns, upgrades.stateOf('a'), upgrades.stateOf('b')], [['a'], 'running', 'waiting'])
  a.end('made')
  await b.begun
  b.end('there')
  await upgrades.close()
  assert.deepEqual(turns, ['a', 'b'])
  assert.equal(upgrades.counts.done, 1)
})

test('more than may wait are dropped and counted, and may be asked for again', async () => {
  const { upgrades, work } = open(1)
  const [a, b, c] = [work('a'), work('b'), work('c')]
  upgrades.ask('a', a.run)
  await a.begun
  upgrades.ask('b', b.run)
  upgrades.ask('c', c.run)
  assert.deepEqual([upgrades.counts.dropped, upgrades.stateOf('c')], [1, 'none'])
  a.end('made')
  await b.begun
  upgrades.ask('c', c.run)
  b.end('made')
  await c.begun
  c.end('made')
  await upgrades.close()
  assert.equal(upgrades.counts.done, 3)
})

test('what fails is reported and left alone for ten minutes, what needs no making is left alone in silence', async () => {
  const { clock, said, upgrades, work } = open()
  const [bad, drawing, last] = [work('bad'), work('drawing'), work('last')]
  upgrades.ask('bad', bad.run)
  await bad.begun
  upgrades.ask('drawing', drawing.run)
  bad.fail(new Error('too wide'))
  await drawing.begun
  drawing.end('nothing')
  upgrades.ask('last', last.run)
  await last.begun
  last.end('made')
  assert.deepEqual(said, ['a picture could not be made in its slow format: too wide'])
  clock.advance(100_000)
  for (const key of ['bad', 'drawing']) {
    assert.equal(upgrades.ask(key, last.run), 500_000)
    assert.equal(upgrades.stateOf(key), 'left')
  }
  clock.advance(500_000)
  assert.equal(upgrades.stateOf('bad'), 'none')
  upgrades.forgive()
  assert.equal(upgrades.stateOf('drawing'), 'none')
  await upgrades.close()
  assert.deepEqual(upgrades.counts, { done: 1, failed: 1, dropped: 0 })
})

test('closing stops the one that runs, and begins no other', async () => {
  const { said, upgrades, turns, work } = open()
  const [a, b] = [work('a'), work('b')]
  upgrades.ask('a', a.run)
  upgrades.ask('b', b.run)
  await a.begun
  await upgrades.close()
  assert.equal(upgrades.ask('c', b.run), 0)
  assert.deepEqual([turns, said, upgrades.waiting], [['a'], [], 0])
})

test('what is given up while it is made may be asked for again at once, and is made after it', async () => {
  const { upgrades, turns, work } = open()
  const [old, renewed] = [work('old'), work('renewed')]
  upgrades.ask('a', old.run)
  await old.begun
  upgrades.giveUp('b')
  assert.equal(upgrades.stateOf('a'), 'running')
  upgrades.giveUp('a')
  assert.equal(upgrades.stateOf('a'), 'none')
  upgrades.ask('a', renewed.run)
  assert.deepEqual([upgrades.stateOf('a'), turns], ['waiting', ['old']])
  old.end('void')
  await renewed.begun
  renewed.end('made')
  await upgrades.close()
  assert.deepEqual([turns, upgrades.counts], [['old', 'renewed'], { done: 1, failed: 0, dropped: 0 }])
})

test('nothing is begun before it is its turn, and each turn is given back, also after a failure', async () => {
  let turns = 0
  let given = 0
  const { clock, upgrades, work } = open(2, () => (turns-- > 0 ? () => void given++ : undefined))
  const [a, b] = [work('a'), work('b')]
  upgrades.ask('a', a.run)
  upgrades.ask('b', b.run)
  await new Promise((turn) => setImmediate(turn))
  assert.deepEqual([upgrades.stateOf('a'), clock.pending], ['waiting', 1])
  clock.advance(200)
  assert.equal(upgrades.stateOf('a'), 'waiting')
  turns = 1
  clock.advance(200)
  await a.begun
  a.fail(new Error('broken'))
  while (given < 1) await new Promise((turn) => setImmediate(turn))
  assert.equal(upgrades.stateOf('b'), 'waiting')
  turns = 1
  clock.advance(200)
  await b.begun
  b.end('made')
  await upgrades.close()
  assert.deepEqual([given, clock.pending], [2, 0])
})

test('who waits for its turn when all ends is not begun any more', async () => {
  const { clock, upgrades, turns, work } = open(2, () => undefined)
  upgrades.ask('a', work('a').run)
  await new Promise((turn) => setImmediate(turn))
  await upgrades.close()
  assert.deepEqual([clock.pending, upgrades.waiting, turns], [0, 0, []])
})
