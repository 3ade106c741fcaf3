import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { createNameSelector } from '../../../http/name-selector.ts'
import { RecentWrites } from './recent-writes.ts'

test('writes are remembered for a minute, at most ten thousand of them, and given once', () => {
  const clock = new ManualClock()
  const writes = new RecentWrites(clock)
  const all = createNameSelector(['t*'])
  writes.note('old', ['t1'])
  clock.advance(40_000)
  writes.note('a', ['t1'])
  writes.note('b', ['t2', 'other'])
  assert.deepEqual(writes.take(createNameSelector(['other'])), [{ key: 'b', tags: ['t2', 'other'] }])
  clock.advance(20_001)
  writes.note('c', ['t3'])
  const keys = () => writes.take(all).map(({ key }) => key)
  assert.deepEqual(keys(), ['a', 'c'])
  assert.deepEqual(keys(), [])
  for (let i = 0; i < 10_050; i++) writes.note(`${i}`, ['t'])
  const kept = keys()
  assert.deepEqual([kept.length, kept[0], kept.at(-1)], [10_000, '50', '10049'])
})
