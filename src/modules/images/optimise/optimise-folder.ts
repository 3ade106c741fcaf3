import { createDetector } from '../detector.ts'
import type { EngineLimits } from '../engine/edits.ts'
import type { Pool } from '../engine/pool.ts'
import { folderOriginals, folderResults } from './folder-places.ts'
import { createOptimiser, reasonOf } from './optimise-picture.ts'
import type { Original } from './places.ts'
import { recordsOf, RollCall } from './roll-call.ts'
import { Tally } from './tally.ts'
import type { Wish } from './wish.ts'

export interface OptimiseOptions {
  readonly folder: string
  /** Where the tree of results stands; what lies in it is never an original. */
  readonly out: string
  readonly wish: Wish
  readonly pool: Pool
  /** Pictures at a time. */
  readonly places: number
  /** What becomes of results whose originals are gone. */
  readonly deleted?: 'keep' | 'remove'
  readonly limits: EngineLimits
  readonly maxSourceBytes: number
  readonly progress: (done: number, all: number) => void
}

export interface Optimised {
  readonly pictures: number
  readonly failures: readonly { readonly file: string; readonly why: string }[]
  readonly tally: Tally
  /** Pictures whose results went away. */
  readonly removed: number
}

const TIMEOUT_SECONDS = 60

/** Makes the derivatives of every picture below a folder. A run that was broken off goes on where it was. */
export async function optimiseFolder(options: OptimiseOptions): Promise<Optimised> {
  const { folder, out, wish, pool, limits, maxSourceBytes, progress, deleted = 'keep' } = options
  const results = folderResults(out)
  const { signal } = new AbortController()
  const originals = folderOriginals(folder, out)
  const optimiser = createOptimiser({
    originals,
    results,
    wish,
    pool,
    limits,
    maxSourceBytes,
    ask: createDetector(undefined),
    timeoutSeconds: TIMEOUT_SECONDS,
  })
  const files: Original[] = []
  for await (const original of originals.list(signal)) files.push(original)
  files.sort((a, b) => (a.key < b.key ? -1 : 1))
  const failures: { file: string; why: string }[] = []
  const tally = new Tally()
  let done = 0
  let next = 0
  const worker = async () => {
    while (next < files.length) {
      const file = files[next++]!
      try {
        const outcome = await optimiser.optimise(file)
        if (outcome.kind === 'changed') failures.push({ file: file.key, why: 'it was changed meanwhile' })
        else tally.add(outcome.record, outcome.kind)
      } catch (error) {
        failures.push({ file: file.key, why: reasonOf(error) })
      }
      progress(++done, files.length)
    }
  }
  await Promise.all(Array.from({ length: options.places }, worker))
  let removed = 0
  if (deleted === 'remove') {
    const failed = new Set(failures.map(({ file }) => file))
    const roll = new RollCall()
    for (const { key } of files) if (!failed.has(key)) roll.present(key)
    const records = recordsOf(results, (key) => failed.has(key))
    try {
      for await (const key of roll.missing(records, signal))
        if ((await optimiser.remove(key)) !== undefined) removed++
    } catch (error) {
      failures.push({ file: out, why: reasonOf(error) })
    }
  }
  failures.sort((a, b) => (a.file < b.file ? -1 : 1))
  return { pictures: files.length, failures, tally, removed }
}
