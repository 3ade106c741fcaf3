import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandleSource } from './handle.ts'

test('a subscriber that throws is reported and does not keep the others from hearing', () => {
  const reports: Error[] = []
  const handle = new HandleSource(1, (error) => reports.push(error))
  const heard: number[] = []
  handle.subscribe(() => {
    throw new Error('mine')
  })
  const listen = (value: number): void => void heard.push(value)
  const end = handle.subscribe(listen)
  handle.subscribe(listen)
  handle.set(2)
  end()
  end()
  handle.set(3)
  assert.deepEqual(
    [handle.current, heard, reports.map(({ message }) => message)],
    [3, [2, 2, 3], ['mine', 'mine']],
  )
})
