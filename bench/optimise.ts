/**
 * What the upload optimiser saves: the six photographs, PNG originals, at the two sizes of the reference, with its default
 * settings. A page shows one of the files in one place, so each size in each format is set against the originals; `saved`
 * is the lesser of both sizes in the format that browsers are offered first, and must be at least 0.95. `together_FORMAT` is
 * both sizes of a format against the originals. Likeness is measured against the same size without loss.
 */
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import sharp from 'sharp'
import { systemClock } from '../src/base/clock.ts'
import { imagesSchema } from '../src/modules/images/config.ts'
import { Pool } from '../src/modules/images/engine/pool.ts'
import { optimiseFolder } from '../src/modules/images/optimise/optimise-folder.ts'
import type { PictureRecord } from '../src/modules/images/optimise/record.ts'
import { DEFAULT_FORMATS, DEFAULT_SIZES, FORMATS, wishOf } from '../src/modules/images/optimise/wish.ts'
import { photos, withPhotos } from './support/photos.ts'
import { finish } from './support/report.ts'
import { similarityOf } from './support/similarity.ts'
import { temporaryFolder } from './support/server-process.ts'

await withPhotos('optimise', run)

interface Row {
  readonly name: string
  readonly format: string
  bytes: number
  readonly psnr: number[]
  readonly ssim: number[]
}

async function run(): Promise<void> {
  using out = temporaryFolder('optimise')
  const places = availableParallelism()
  await using pool = new Pool({
    clock: systemClock,
    processes: places,
    timeoutMs: 60_000,
    maxMemoryBytes: 1 << 30,
    renewAboveBytes: 1 << 29,
    niceness: 0,
    idleMs: 60_000,
    report: (message) => console.error(message),
  })
  const { limits } = imagesSchema.parse({ dialect: 'sih' })
  const { failures, tally } = await optimiseFolder({
    folder: photos,
    out: out.path,
    // The default qualities; WebP is shown beside the default formats.
    wish: wishOf(DEFAULT_SIZES, FORMATS),
    pool,
    places,
    limits,
    maxSourceBytes: limits.maxSourceBytes,
    progress: () => {},
  })
  const rows = await rowsOf(out.path)
  const before = tally.bytesBefore
  const values: Record<string, number> = {}
  console.log('format  size    saved   PSNR dB  SSIM mean  SSIM worst')
  for (const { name, format, bytes, psnr, ssim } of rows) {
    const saved = 1 - bytes / before
    values[`saved_${format}_${name}`] = saved
    const [db, mean, worst] = [meanOf(psnr), meanOf(ssim), Math.min(...ssim)]
    values[`ssim_${format}_${name}`] = mean
    console.log(
      `${format.padEnd(6)}  ${name.padEnd(6)}  ${saved.toFixed(4)}  ${db.toFixed(1).padStart(7)}  ${mean.toFixed(4).padStart(9)}  ${worst.toFixed(4).padStart(10)}`,
    )
  }
  for (const format of FORMATS) {
    const bytes = rows.filter((row) => row.format === format).reduce((sum, row) => sum + row.bytes, 0)
    values[`together_${format}`] = 1 - bytes / before
  }
  const first = DEFAULT_FORMATS[0]!
  values['saved'] = Math.min(...DEFAULT_SIZES.map(({ name }) => values[`saved_${first}_${name}`]!))
  values['ssim'] = Math.min(...DEFAULT_SIZES.map(({ name }) => values[`ssim_${first}_${name}`]!))
  finish({
    name: 'optimise',
    values,
    // The second is there so that the first is not bought with pictures nobody wants to look at.
    holds: [
      { key: 'saved', atLeast: 0.95 },
      { key: 'ssim', atLeast: 0.945 },
    ],
    wrong: failures.map(({ file, why }) => `${file}: ${why}`),
  })
}

async function rowsOf(folder: string): Promise<readonly Row[]> {
  const rows = new Map<string, Row>()
  for (const file of globSync('*-meta.json', { cwd: folder }).sort()) {
    const record = JSON.parse(await readFile(path.join(folder, file), 'utf8')) as PictureRecord
    const original = path.join(photos, record.source.file)
    for (const { name, format, file: made, bytes } of record.derivatives) {
      const id = `${format} ${name}`
      let row = rows.get(id)
      if (row === undefined) rows.set(id, (row = { name, format, bytes: 0, psnr: [], ssim: [] }))
      row.bytes += bytes
      const size = DEFAULT_SIZES.find((each) => each.name === name)!
      const reference = sharp(original).resize({ fit: 'cover', withoutEnlargement: true, ...size })
      const result = await readFile(path.join(folder, made))
      const { psnr, ssim } = await similarityOf(await reference.png().toBuffer(), result)
      row.psnr.push(psnr)
      row.ssim.push(ssim)
    }
  }
  return [...rows.values()]
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
