import { availableParallelism } from 'node:os'
import type { Clock } from '../../../base/clock.ts'
import type { Seams } from '../../../seams/seams.ts'
import { imagesSchema } from '../config.ts'
import { Pool } from '../engine/pool.ts'
import { type FolderOriginals, folderOriginals, folderResults } from '../optimise/folder-places.ts'
import type { Originals, Results } from '../optimise/places.ts'
import { wishOf } from '../optimise/wish.ts'
import { acceptOf, askServices } from './accept.ts'
import type { OptimiserConfig } from './config.ts'
import type { Ledger } from './ledger.ts'
import { objectOriginals, objectResults } from './object-places.ts'
import { UploadOptimiser, type UploadOptimiserOptions } from './upload-optimiser.ts'

const TIMEOUT_SECONDS = 60
/** Behind those that work for viewers (4), whose requests never wait for it. */
const NICENESS = 10
const FOLDER_SCAN_SECONDS = 60
const OBJECTS_SCAN_SECONDS = 3_600

export interface OpenOptions {
  readonly config: OptimiserConfig
  readonly clock: Clock
  readonly seams: Pick<Seams, 'objects'>
  readonly ledger: Ledger
  readonly maxMemoryBytes: number
  readonly onPicture: UploadOptimiserOptions['onPicture']
  readonly report: UploadOptimiserOptions['report']
}

/** An optimiser of a configuration, not started, and what ends it. */
export async function openOptimiser(options: OpenOptions): Promise<{
  readonly optimiser: UploadOptimiser
  readonly close: () => Promise<void>
}> {
  const { config, clock, seams, ledger, maxMemoryBytes, onPicture, report } = options
  const { accept, limits, retry } = config
  const places = await openPlaces(config, seams)
  const processes = config.processes ?? availableParallelism()
  const pool = new Pool({
    clock,
    processes,
    timeoutMs: TIMEOUT_SECONDS * 1000,
    maxMemoryBytes,
    renewAboveBytes: Math.floor(maxMemoryBytes / 2),
    niceness: NICENESS,
    idleMs: 60_000,
    report: (message) => report.warn(message),
  })
  const defaults = imagesSchema.parse({ dialect: 'sih' }).limits
  const optimiser = new UploadOptimiser({
    ...places,
    clock,
    ledger,
    wish: wishOf(
      Object.entries(config.sizes).map(([name, { width, height }]) => ({
        name,
        ...(width !== undefined && { width }),
        ...(height !== undefined && { height }),
      })),
      config.formats,
      config.quality,
      config.exif,
    ),
    deleted: config.deleted,
    pool,
    limits: { ...defaults, maxPixels: limits.maxPixels },
    maxSourceBytes: limits.maxSourceBytes,
    accept: acceptOf(accept),
    ask: askServices(accept),
    timeoutSeconds: TIMEOUT_SECONDS,
    // One more is read while all are at work.
    places: processes + 1,
    settleMs: config.settleSeconds * 1000,
    scanEveryMs: scanEveryMsOf(config),
    retry: {
      attempts: retry.attempts,
      firstMs: retry.firstSeconds * 1000,
      maxMs: retry.maxSeconds * 1000,
    },
    onPicture,
    report,
  })
  return {
    optimiser,
    async close() {
      await optimiser.close()
      await pool.close()
    },
  }
}

async function openPlaces(
  { from, to }: OptimiserConfig,
  seams: Pick<Seams, 'objects'>,
): Promise<{
  readonly originals: Originals
  readonly folder: { readonly root: string; readonly originals: FolderOriginals } | undefined
  readonly results: Results
}> {
  const results =
    'folder' in to ? folderResults(to.folder) : objectResults(await seams.objects(to.objects), to.prefix)
  if ('folder' in from) {
    const originals = folderOriginals(from.folder, 'folder' in to ? to.folder : undefined)
    return { originals, folder: { root: from.folder, originals }, results }
  }
  const isSameStore = 'objects' in to && to.objects === from.objects
  const originals = objectOriginals(
    await seams.objects(from.objects),
    from.prefix,
    isSameStore && to.prefix !== '' ? to.prefix : undefined,
  )
  return { originals, folder: undefined, results }
}

function scanEveryMsOf({ from, scanEverySeconds }: OptimiserConfig): number | undefined {
  if (scanEverySeconds === false) return undefined
  return 1000 * (scanEverySeconds ?? ('folder' in from ? FOLDER_SCAN_SECONDS : OBJECTS_SCAN_SECONDS))
}
