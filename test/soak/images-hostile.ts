/**
 * Throws 200 mutations of each of the six photographs at the image engine: `npm run soak -- images-hostile [MUTATIONS] [SEED]`.
 *
 * Each, as PNG, JPEG, WebP and AVIF, must give a picture or a 4xx, no process may run out of time or memory, and the edge's
 * memory must be back where it was.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { pictures } from '../support/pictures.ts'
import { mutated, seededRandom } from '../support/mutations.ts'
import { runEdge } from '../support/running-edge.ts'

const [mutationsText = '200', seedText = '1'] = process.argv.slice(2)
const mutations = Number(mutationsText)
const seed = Number(seedText)
const photos = path.join(
  process.env['EDGEWARD_CORPORA'] ?? path.join(import.meta.dirname, '../../../shared/corpora'),
  'photos',
)
if (!(mutations > 0) || !(seed > 0)) {
  console.error('usage: npm run soak -- images-hostile [MUTATIONS] [SEED], two positive numbers')
  process.exitCode = 2
} else if (!existsSync(photos)) console.log(`RESULT name=images-hostile skipped=no-photos-in-${photos}`)
else await run()

async function run(): Promise<void> {
  await using shelf = await pictures()
  await using edge = await runEdge({
    origins: { photos: { folder: shelf.folder } },
    defaultBehavior: { origin: 'photos', cachePolicy: 'CachingDisabled', images: { dialect: 'sih' } },
  })
  const random = seededRandom(seed)
  const counts = new Map<number, number>()
  let wrong = 0
  const names = readdirSync(photos).filter((name) => name.endsWith('.png'))
  for (const name of names) {
    const png = readFileSync(path.join(photos, name))
    const originals = [
      png,
      ...(await Promise.all([
        sharp(png).jpeg().toBuffer(),
        sharp(png).webp().toBuffer(),
        sharp(png).avif({ effort: 0 }).toBuffer(),
      ])),
    ]
    const one = async (index: number) => {
      const mutant = `mutant-${index % 8}.png`
      await shelf.put(mutant, mutated(originals[index % originals.length]!, random, 1 + (index % 16)))
      const response = await fetch(`${edge.url}/64x64/filters:format(webp)/${mutant}`)
      await response.arrayBuffer()
      counts.set(response.status, (counts.get(response.status) ?? 0) + 1)
      if (response.status === 200 || (response.status >= 400 && response.status < 500)) return
      wrong++
      console.error(`${name}, mutation ${index} of seed ${seed}: ${response.status}`)
    }
    for (let from = 0; from < mutations; from += 8)
      await Promise.all(
        Array.from({ length: Math.min(8, mutations - from) }, (_, index) => one(from + index)),
      )
  }
  const counted = (outcome: string) =>
    Number(new RegExp(`outcome="${outcome}"\\} (\\d+)`).exec(edge.edge.metricsText())?.[1])
  const [crashed, timeouts, memory] = ['crashed', 'timeout', 'memory'].map(counted)
  const resident = Math.round(process.memoryUsage.rss() / 2 ** 20)
  console.log([...counts].map(([status, count]) => `${status}: ${count}`).join(', '))
  if (wrong > 0 || timeouts !== 0 || memory !== 0) process.exitCode = 1
  console.log(
    `RESULT name=images-hostile requests=${mutations * names.length} wrong=${wrong} crashed=${crashed} timeouts=${timeouts} memory=${memory} resident_mib=${resident} seed=${seed}`,
  )
}
