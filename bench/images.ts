/**
 * What a picture costs: six photographs as JPEG to 512 x 512 as JPEG, WebP, PNG and AVIF, each request a miss, beside
 * bare sharp in a loop, nginx's image filter, ipx and ImageMagick.
 * Must hold: 0.95 of bare sharp for WebP, PNG and AVIF and 0.90 for JPEG; below 400 MiB for 200 requests at once; the
 * 99th percentile of cached variants at most three times its value at rest while transforms saturate the processor.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { bareSharp, edgeward, FORMATS, type Format, imageMagick, ipx, nginx } from './images/contenders.ts'
import { latencies, peakOf } from './images/memory-and-latency.ts'
import { median } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { withPhotos, writeJpegs } from './support/photos.ts'
import { finish } from './support/report.ts'
import { type Missing, temporaryFolder } from './support/server-process.ts'
import { printTable } from './support/table.ts'

const { numbers, only } = readOptions({
  units: 120,
  rounds: 3,
  /** Pictures before anything is measured: V8 has compiled the edge's way of one after two or three thousand. */
  warm: 3000,
  connections: 3,
  concurrent: 200,
  probe: 5,
})
using folder = temporaryFolder('images')
const skipped: Missing[] = []
await withPhotos('images', run)

async function run(): Promise<void> {
  const pictures = path.join(folder.path, 'photos')
  mkdirSync(pictures)
  const names = await writeJpegs(pictures)

  const stand = { pictures, names, folder: folder.path, connections: numbers.connections }
  const contenders = [await edgeward(stand), await bareSharp(stand)]
  for (const [name, start] of [
    ['nginx', nginx],
    ['ipx', ipx],
    ['imagemagick', imageMagick],
  ] as const) {
    if (only !== undefined && !only.includes(name)) continue
    const peer = await start(stand)
    if ('missing' in peer) skipped.push(peer)
    else contenders.push(peer)
  }

  // A process for each picture has nothing to warm up.
  for (const contender of contenders.filter(({ name }) => name !== 'imagemagick'))
    await contender.work('jpeg', numbers.warm)
  const rates = new Map<string, number[]>()
  const wrong: string[] = []
  for (const format of FORMATS) {
    for (let round = 0; round <= numbers.rounds; round++) {
      for (const contender of contenders.filter(({ formats }) => formats.includes(format))) {
        const { units, cpu, failures } = await contender.work(format, unitsOf(format))
        if (failures > 0) wrong.push(`${contender.name} failed ${failures} times at ${format}`)
        // The first round warms up what is particular to a format.
        if (round === 0) continue
        const key = `${contender.name} ${format}`
        rates.set(key, [...(rates.get(key) ?? []), units / cpu])
      }
    }
  }
  const rate = (name: string, format: Format) => median(rates.get(`${name} ${format}`) ?? [Number.NaN])
  console.log(
    `\ntransforms per CPU-second, median of ${numbers.rounds} rounds of ${numbers.units} pictures (AVIF: a tenth)`,
  )
  printTable(
    ['who', ...FORMATS, ...FORMATS.map((format) => `edgeward / it, ${format}`)],
    contenders.map(({ name }) => [
      name,
      ...FORMATS.map((format) => rate(name, format)),
      ...FORMATS.map((format) => rate('edgeward', format) / rate(name, format)),
    ]),
  )
  const ratio = (name: string) =>
    Math.min(
      ...FORMATS.map((format) => rate('edgeward', format) / rate(name, format)).filter(Number.isFinite),
    )
  const values: Record<string, number> = {}
  for (const format of FORMATS)
    values[`ratio_sharp_${format}`] = rate('edgeward', format) / rate('sharp', format)
  values['ratio_sharp'] = ratio('sharp')
  for (const { name } of contenders.slice(2)) values[`ratio_${name}`] = ratio(name)
  for (const contender of contenders) await contender.stop()

  values['peak_mib'] = await peakOf(pictures, names, numbers.concurrent)
  const [atRest, underLoad] = await latencies(pictures, names, numbers)
  values['p99_rest_ms'] = atRest
  values['p99_load_ms'] = underLoad
  values['p99_ratio'] = underLoad / atRest
  console.log(
    `\npeak memory of the process tree, ${numbers.concurrent} requests at once: ${values['peak_mib'].toFixed(0)} MiB`,
  )
  console.log(
    `p99 of a cached variant: ${atRest.toFixed(2)} ms at rest, ${underLoad.toFixed(2)} ms while transforms run`,
  )
  finish({
    name: 'images',
    values,
    holds: [
      { key: 'ratio_sharp_jpeg', atLeast: 0.9 },
      ...(['webp', 'png', 'avif'] as const).map((format) => ({
        key: `ratio_sharp_${format}`,
        atLeast: 0.95,
      })),
      { key: 'peak_mib', atMost: 400 },
      { key: 'p99_ratio', atMost: 3 },
    ],
    skipped,
    wrong,
  })
}

/** The same number of pictures for everyone, so that a busy machine changes the time and not the figure. */
function unitsOf(format: Format): number {
  return format === 'avif' ? Math.ceil(numbers.units / 10) : numbers.units
}
