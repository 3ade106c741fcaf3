import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { faults } from '../faults.ts'
import { renderFaultReference } from './fault-reference.ts'

const page = readFileSync(path.join(import.meta.dirname, '../../docs/reference/faults.md'), 'utf8')

test('docs/reference/faults.md is what the fault table gives', () => {
  assert.equal(
    page,
    renderFaultReference(),
    'docs/reference/faults.md is out of date: run node tools/write-fault-page.ts',
  )
})

test('the page lists every fault, and no other', () => {
  const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])
  assert.deepEqual(listed, Object.keys(faults))
})
