/**
 * What automatic quality gains: six photographs in three sizes and three formats, with the default quality of the encoder
 * and with the one that is chosen for each picture. Bytes, structural similarity and peak signal-to-noise ratio against
 * the pixels that were encoded, and what the choice costs.
 * Must hold, for each format: at most 0.97 of the bytes, and no picture worse by either measure than the worst of the fixed
 * quality, but for what is reckoned instead of tried (0.002 and 0.6 dB).
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { imagesSchema } from '../src/modules/images/config.ts'
import type { Job } from '../src/modules/images/engine/job.ts'
import { render } from '../src/modules/images/engine/render.ts'
import { readOptions } from './support/options.ts'
import { photos, withPhotos } from './support/photos.ts'
import { finish, type Hold } from './support/report.ts'
import { similarityOf } from './support/similarity.ts'
import { printTable } from './support/table.ts'

const FORMATS = { jpeg: 80, webp: 80, avif: 50 } as const
type Format = keyof typeof FORMATS
const WIDTHS = [160, 320, 640] as const
/** What measured similarity and error may miss of what was reckoned. */
const TOLERANCES = { ssim: 0.002, psnr: 0.6 }

const { numbers } = readOptions({ units: 40 })
sharp.cache(false)
sharp.concurrency(1)
await withPhotos('quality', run)

interface Measured {
  readonly bytes: number
  readonly ssim: number
  readonly psnr: number
}

async function run(): Promise<void> {
  const originals = readdirSync(photos)
    .filter((name) => name.endsWith('.png'))
    .sort()
    .map((name) => ({ name: name.replace('.png', ''), bytes: readFileSync(path.join(photos, name)) }))
  const rows: (readonly [Format, number, string, number, number, number, number, number, number])[] = []
  const values: Record<string, number> = {}
  const holds: Hold[] = []
  for (const format of Object.keys(FORMATS) as Format[]) {
    const fixed: Measured[] = []
    const chosen: Measured[] = []
    for (const width of WIDTHS) {
      for (const { name, bytes } of originals) {
        const pixels = await sharp(bytes).resize(width).png().toBuffer()
        const before = await measure(pixels, format, false)
        const after = await measure(pixels, format, true)
        fixed.push(before)
        chosen.push(after)
        rows.push([
          format,
          width,
          name,
          before.bytes,
          after.bytes,
          before.ssim,
          after.ssim,
          before.psnr,
          after.psnr,
        ])
      }
    }
    const least = (all: readonly Measured[], key: 'ssim' | 'psnr') =>
      Math.min(...all.map((each) => each[key]))
    const total = (all: readonly Measured[]) => all.reduce((sum, { bytes }) => sum + bytes, 0)
    values[`bytes_${format}`] = total(chosen) / total(fixed)
    values[`ssim_${format}`] = least(chosen, 'ssim')
    values[`ssim_fixed_${format}`] = least(fixed, 'ssim')
    values[`psnr_${format}`] = least(chosen, 'psnr')
    values[`psnr_fixed_${format}`] = least(fixed, 'psnr')
    holds.push({ key: `bytes_${format}`, atMost: 0.97 })
    for (const key of ['ssim', 'psnr'] as const)
      holds.push({ key: `${key}_${format}`, atLeast: least(fixed, key) - TOLERANCES[key] })
  }
  printTable(
    ['format', 'width', 'photo', 'bytes', 'auto', 'SSIM', 'auto', 'PSNR', 'auto'],
    rows.map(([format, width, name, before, after, ...rest]) => [
      format,
      width,
      name,
      before,
      after,
      ...rest.map((value) => value.toFixed(value < 2 ? 4 : 1)),
    ]),
  )
  console.log(`\nCPU milliseconds of one picture, 512 wide from a JPEG of 768, mean of ${numbers.units}`)
  const source = await sharp(originals[0]!.bytes).jpeg({ quality: 90 }).toBuffer()
  const costs: (readonly [string, number, number])[] = []
  for (const format of Object.keys(FORMATS) as Format[]) {
    const units = format === 'avif' ? Math.ceil(numbers.units / 4) : numbers.units
    const without = await cost(source, format, false, units)
    const withIt = await cost(source, format, true, units)
    costs.push([format, without, withIt])
    values[`cost_ms_${format}`] = withIt - without
  }
  printTable(['format', 'fixed', 'auto'], costs)
  finish({ name: 'quality', values, holds })
}

async function measure(pixels: Buffer, format: Format, isAutomatic: boolean): Promise<Measured> {
  const { bytes } = await encode(pixels, format, isAutomatic, [])
  return { bytes: bytes.length, ...(await similarityOf(pixels, bytes)) }
}

async function cost(source: Buffer, format: Format, isAutomatic: boolean, units: number): Promise<number> {
  const edits = [{ name: 'resize', value: { width: 512 } }]
  for (let i = 0; i < 5; i++) await encode(source, format, isAutomatic, edits)
  const before = process.cpuUsage()
  for (let i = 0; i < units; i++) await encode(source, format, isAutomatic, edits)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / units
}

function encode(source: Buffer, format: Format, isAutomatic: boolean, edits: Job['edits']) {
  const { limits } = imagesSchema.parse({ dialect: 'sih' })
  const job: Job = {
    edits,
    format,
    options: {},
    ...(isAutomatic && { quality: { isAutomatic, factor: 1 } }),
    isAnimatedByDefault: false,
    metadata: 'keep',
    limits,
    isStrict: false,
    faces: 'attention',
    timeoutSeconds: 60,
  }
  return render(job, [source], () => Promise.reject(new Error('nothing is asked here')))
}
