import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { Settling, type Stand } from './settling.ts'

function bench() {
  const clock = new ManualClock()
  const files = new Map<string, Stand>()
  const whole: string[] = []
  const gone: string[] = []
  const lost: unknown[] = []
  const settling = new Settling({
    clock,
    settleMs: 2_000,
    look: (key) => {
      const stand = files.get(key)
      return stand?.bytes === -1 ? Promise.reject(new Error('no right')) : Promise.resolve(stand)
    },
    whole: (key) => void whole.push(key),
    gone: (key) => void gone.push(key),
    lost: (error) => void lost.push(error),
  })
  const write = (key: string, bytes: number, ahead = 0) =>
    files.set(key, { bytes, changedAt: clock.now() + ahead })
  const pass = async (ms: number) => {
    clock.advance(ms)
    await setImmediate()
  }
  return { settling, clock, files, whole, gone, lost, write, pass }
}

test('a file is whole when nothing of it has changed for the time, however long it is written', async () => {
  const { settling, whole, write, pass } = bench()
  for (let bytes = 0; bytes < 5; bytes++) {
    write('slow', bytes)
    settling.touch('slow')
    await pass(1_500)
  }
  assert.deepEqual(whole, [])
  await pass(499)
  assert.deepEqual(whole, [])
  await pass(1)
  assert.deepEqual(whole, ['slow'])
  assert.equal(settling.size, 0)
  await pass(10_000)
  assert.deepEqual(whole, ['slow'])
})

test('what has stood for long is whole at once; what goes away and does not come back is gone', async () => {
  const { settling, clock, whole, gone, files, write, pass } = bench()
  assert.ok(settling.isWhole({ bytes: 1, changedAt: clock.now() - 2_000 }))
  assert.ok(!settling.isWhole({ bytes: 1, changedAt: clock.now() - 1_999 }))
  write('gone', 1)
  settling.touch('gone')
  files.delete('gone')
  await pass(2_000)
  assert.deepEqual([whole, gone, settling.size], [[], ['gone'], 0])
})

test('a file system whose clock is ahead does not hold a file back', async () => {
  const { settling, whole, write, pass } = bench()
  write('ahead', 1, 3_600_000)
  settling.touch('ahead')
  await pass(2_000)
  write('ahead', 2, 3_600_000)
  await pass(2_000)
  assert.deepEqual(whole, [])
  await pass(2_000)
  assert.deepEqual(whole, ['ahead'])
})

test('files beyond those that can be followed, or that cannot be looked at, are left to a scan', async () => {
  const { settling, lost } = bench()
  for (let i = 0; i < 10_001; i++) settling.touch(`${i}`)
  assert.deepEqual([settling.size, lost], [10_000, [undefined]])
  settling.close()
  assert.equal(settling.size, 0)
  const other = bench()
  other.files.set('shut', { bytes: -1, changedAt: 0 })
  other.settling.touch('shut')
  await other.pass(2_000)
  assert.match(String(other.lost[0]), /no right/)
})
