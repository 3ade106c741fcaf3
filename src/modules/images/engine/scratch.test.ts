import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { test } from 'node:test'
import { openScratch } from './scratch.ts'

test('what was written is taken as a copy of its own; more than there is, or nonsense, is nothing', () => {
  const scratch = openScratch()
  assert.ok(scratch !== undefined)
  try {
    writeSync(scratch.fd, 'first result', 0)
    const first = scratch.take(12)
    assert.equal(first?.toString(), 'first result')
    writeSync(scratch.fd, 'other', 0)
    assert.equal(first?.toString(), 'first result')
    assert.equal(scratch.take(5)?.toString(), 'other')
    for (const length of [13, -1, Number.NaN, 2 ** 40]) assert.equal(scratch.take(length), undefined)
  } finally {
    scratch.close()
  }
  scratch.close()
  assert.equal(scratch.take(5), undefined)
})
