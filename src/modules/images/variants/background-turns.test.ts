import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { createBackgroundTurns } from './background-turns.ts'

async function place() {
  const dataFolder = await mkdtemp(join(tmpdir(), 'edgeward-turns-'))
  const clock = new ManualClock()
  const said: string[] = []
  const busy = { now: false }
  const turns = (processes: number, folder = dataFolder) =>
    createBackgroundTurns({
      clock,
      dataFolder: folder,
      processes,
      isBusy: () => busy.now,
      report: (text) => said.push(text),
    })
  return {
    clock,
    said,
    busy,
    turns,
    dataFolder,
    async [Symbol.asyncDispose]() {
      await rm(dataFolder, { recursive: true })
    },
  }
}

/** A lock is let go of a moment later. */
const closed = () => new Promise((turn) => setImmediate(turn))

test('of several processes one has the turn, and another one has it next', async () => {
  await using here = await place()
  const [one, two] = [here.turns(2), here.turns(2)]
  const first = one()
  assert.ok(first)
  assert.deepEqual([one(), two()], [undefined, undefined])
  first()
  await closed()
  assert.equal(one(), undefined)
  const second = two()
  assert.ok(second)
  here.clock.advance(1_000)
  assert.equal(one(), undefined)
  second()
  await closed()
  const again = one()
  assert.ok(again)
  again()
  assert.deepEqual(here.said, [])
})

test('nobody has a turn while viewers wait for pictures', async () => {
  await using here = await place()
  for (const turn of [here.turns(1), here.turns(2)]) {
    here.busy.now = true
    assert.equal(turn(), undefined)
    here.busy.now = false
    const taken = turn()
    assert.ok(taken)
    taken()
  }
})

test('alone no file is needed, and where there can be none each has its turn', async () => {
  await using here = await place()
  const missing = join(here.dataFolder, 'missing')
  const alone = here.turns(1, missing)
  assert.ok(alone())
  assert.ok(alone())
  const two = here.turns(2, missing)
  assert.ok(two())
  assert.ok(two())
  assert.equal(here.said.length, 1)
  assert.match(here.said[0]!, /cannot take turns.*images-background\.lock/)
})
