import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Neighbours } from './neighbours.ts'
import { Reminders } from './reminders.ts'

test('reminders hold until their moment, and the oldest give way', () => {
  const reminders = new Reminders<number>(100)
  for (let i = 0; i < 1000; i++) reminders.note(`k${i}`, i, 50)
  assert.equal(reminders.size, 100)
  assert.equal(reminders.find('k899', 0), undefined)
  assert.equal(reminders.find('k900', 49), 900)
  assert.equal(reminders.find('k900', 50), undefined)
  assert.equal(reminders.size, 99)
  reminders.forget('k901')
  assert.equal(reminders.find('k901', 0), undefined)
  reminders.clear()
  assert.equal(reminders.size, 0)
})

test('neighbours of a path are the newest few, and paths are bounded', () => {
  const neighbours = new Neighbours()
  for (let i = 0; i < 10_000; i++) neighbours.note(`D /${i}`)
  assert.equal(neighbours.size, 4096)
  for (let i = 0; i < 100; i++) neighbours.note(`D /x?${i}`)
  assert.equal(neighbours.difference('D /x?5'), 'query string')
  assert.equal(neighbours.difference('D /x?5\ncookie a=b'), 'query string, cookie')
  assert.equal(neighbours.difference('D /y'), undefined)
})
