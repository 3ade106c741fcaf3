/** Writes docs/reference/config.md and config.schema.json from the schemas; a test fails while they differ. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { renderConfigReference, renderConfigSchema } from '../src/config/config-reference.ts'

const folder = path.join(import.meta.dirname, '..', 'docs', 'reference')
for (const [name, text] of [
  ['config.md', renderConfigReference()],
  ['config.schema.json', renderConfigSchema()],
] as const) {
  const file = path.join(folder, name)
  writeFileSync(file, text)
  console.log(`wrote ${path.relative(process.cwd(), file)}`)
}
