/**
 * What the upload optimiser saves: the six photographs, PNG originals, at the two sizes of the reference.
 * `saved` is the lesser of both sizes as AVIF, each against the originals; it must be at least 0.95. JPEG and WebP are
 * shown beside it.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { systemClock } from '../src/base/clock.ts'
import { imagesSchema } from '../src/modules/images/config.ts'
import { Pool } from '../src/modules/images/engine/pool.ts'
import {
  DEFAULT_DERIVATIVES,
  type Optimised,
  optimiseFolder,
} from '../src/modules/images/optimise/optimise-folder.ts'
import { finish } from './support/report.ts'
import { temporaryFolder } from './support/server-process.ts'

const photos = path.join(
  process.env['EDGEWARD_CORPORA'] ?? path.join(import.meta.dirname, '../../shared/corpora'),
  'photos',
)
if (!existsSync(photos))
  finish({ name: 'optimise', values: {}, skipped: [{ name: 'photos', missing: `no-photos-in-${photos}` }] })
else await run()

async function run(): Promise<void> {
  const values: Record<string, number> = {}
  const wrong: string[] = []
  for (const format of ['jpeg', 'webp', 'avif'] as const) {
    const { failures, bytesBefore, bytesAfter } = await optimised(format)
    wrong.push(...failures.map(({ file, why }) => `${file} as ${format}: ${why}`))
    for (const [name, bytes] of bytesAfter) values[`saved_${format}_${name}`] = 1 - bytes / bytesBefore
  }
  values['saved'] = Math.min(...DEFAULT_DERIVATIVES.map(({ name }) => values[`saved_avif_${name}`]!))
  finish({ name: 'optimise', values, holds: [{ key: 'saved', atLeast: 0.95 }], wrong })
}

async function optimised(format: 'jpeg' | 'webp' | 'avif'): Promise<Optimised> {
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
  return await optimiseFolder({
    folder: photos,
    out: out.path,
    derivatives: DEFAULT_DERIVATIVES,
    format,
    pool,
    places,
    limits,
    progress: () => {},
  })
}
