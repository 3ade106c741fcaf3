/** Writes docs/reference/faults.md from the fault table in src/faults.ts; a test fails while the two differ. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { renderFaultReference } from '../src/response/fault-reference.ts'

const file = path.join(import.meta.dirname, '..', 'docs', 'reference', 'faults.md')
writeFileSync(file, renderFaultReference())
console.log(`wrote ${path.relative(process.cwd(), file)}`)
