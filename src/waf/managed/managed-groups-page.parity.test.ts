import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { managedGroupsPage } from './managed-groups-page.ts'

test('the page of managed rule groups is as the groups are', () => {
  const file = path.join(import.meta.dirname, '..', '..', '..', 'docs', 'reference', 'managed-rule-groups.md')
  const hint = 'run: node tools/write-managed-groups-page.ts'
  assert.equal(readFileSync(file, 'utf8'), managedGroupsPage(), hint)
})
