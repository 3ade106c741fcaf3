import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { finish } from './report.ts'

/** The folder of the photographs, six PNG of 768 x 512. */
export const photos = path.join(
  process.env['EDGEWARD_CORPORA'] ?? path.join(import.meta.dirname, '../../../shared/corpora'),
  'photos',
)

/** Runs a benchmark of the photographs, or tells that they are not there. */
export async function withPhotos(name: string, run: () => Promise<void>): Promise<void> {
  if (existsSync(photos)) await run()
  else finish({ name, values: {}, skipped: [{ name: 'photos', missing: `no-photos-in-${photos}` }] })
}

/** Writes the photographs as JPEG into a folder; gives their names in order. */
export async function writeJpegs(folder: string): Promise<readonly string[]> {
  for (const name of readdirSync(photos).filter((each) => each.endsWith('.png')))
    writeFileSync(
      path.join(folder, name.replace('.png', '.jpg')),
      await sharp(path.join(photos, name)).jpeg({ quality: 90 }).toBuffer(),
    )
  return readdirSync(folder).sort()
}
