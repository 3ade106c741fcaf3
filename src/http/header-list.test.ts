import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderList } from './header-list.ts'

const received = () => new HeaderList(['Host', 'a', 'X-Two', '1', 'accept', '*/*', 'x-two', '2'])

test('case, order and duplicates survive', () => {
  assert.deepEqual(
    [...received()],
    [
      ['Host', 'a'],
      ['X-Two', '1'],
      ['accept', '*/*'],
      ['x-two', '2'],
    ],
  )
})

test('lookup ignores case and finds the first, all, or the joined value', () => {
  const list = received()
  assert.equal(list.get('x-two'), '1')
  assert.deepEqual(list.getAll('x-two'), ['1', '2'])
  assert.equal(list.getJoined('x-two'), '1, 2')
  assert.equal(list.count('x-two'), 2)
  assert.equal(list.get('absent'), undefined)
  assert.equal(list.has('accept'), true)
})

test('set replaces all lines in the place of the first', () => {
  assert.deepEqual(
    [...received().set('x-Two', '3')],
    [
      ['Host', 'a'],
      ['x-Two', '3'],
      ['accept', '*/*'],
    ],
  )
})

test('delete removes every line, deleteWhere by name and value', () => {
  const list = received()
  assert.equal(list.delete('x-two'), true)
  assert.equal(list.delete('x-two'), false)
  list.deleteWhere((name) => name === 'host')
  assert.deepEqual(list.raw, ['accept', '*/*'])
})

test('a clone does not share its lines', () => {
  const list = received()
  list.clone().append('a', 'b')
  assert.equal(list.size, 4)
})
