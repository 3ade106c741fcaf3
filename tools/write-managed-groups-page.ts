/** Writes `docs/reference/managed-rule-groups.md` from the managed rule groups; a parity test keeps the two the same. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { managedGroupsPage } from '../src/waf/managed/managed-groups-page.ts'

const file = path.join(import.meta.dirname, '..', 'docs', 'reference', 'managed-rule-groups.md')
writeFileSync(file, managedGroupsPage())
console.log('wrote docs/reference/managed-rule-groups.md')
