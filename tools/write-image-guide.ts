/** Writes `docs/guide/image-operations.md` and its pictures by asking a running edge; a test keeps them as they are. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { buildGuide } from './image-guide/build-guide.ts'
import { SECTIONS } from './image-guide/examples.ts'

const guide = path.join(import.meta.dirname, '..', 'docs', 'guide')
const { page, pictures } = await buildGuide(SECTIONS)
const folder = path.join(guide, 'images')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
let bytes = 0
for (const [name, picture] of pictures) {
  writeFileSync(path.join(folder, name), picture)
  bytes += picture.length
}
writeFileSync(path.join(guide, 'image-operations.md'), page)
console.log(`wrote docs/guide/image-operations.md and ${pictures.size} pictures, ${bytes} bytes`)
