import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNameSelector } from '../../../http/name-selector.ts'
import { Makings } from './makings.ts'

test('what is being made of an invalidated source is void, told once, and nothing else is', () => {
  const makings = new Makings()
  const told: string[] = []
  const begin = (name: string, ...tags: string[]) => makings.begin(['images', ...tags], () => told.push(name))
  const [cat, overlaid, dog] = [
    begin('cat', 'images:photos/cats/1'),
    begin('overlaid', 'images:photos/dogs/2', 'images:photos/cats/mark'),
    begin('dog', 'images:photos/dogs/1'),
  ]
  const over = begin('over', 'images:photos/cats/1')
  makings.end(over)
  const { generation } = makings
  makings.invalidate(createNameSelector(['images:photos/cats/*']))
  makings.invalidate(createNameSelector(['images:photos/cats/1', 'other']))
  assert.deepEqual(
    [cat, overlaid, dog, over].map(({ isVoid }) => isVoid),
    [true, true, false, false],
  )
  assert.deepEqual(told, ['cat', 'overlaid'])
  assert.notEqual(makings.generation, generation)
  const later = begin('later', 'images:photos/cats/1')
  assert.equal(later.isVoid, false)
  makings.invalidate(createNameSelector(['images']))
  assert.deepEqual([dog.isVoid, later.isVoid], [true, true])
})
