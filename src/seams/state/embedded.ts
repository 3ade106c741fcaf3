import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { FileLock } from '../file-lock.ts'
import { startPolling } from '../polling.ts'
import { SeamError, reportAsWarning } from '../seam-error.ts'
import type { Report } from '../seam-error.ts'
import { EmbeddedBlocks } from './blocks.ts'
import { openFolderExchange } from './folder-exchange.ts'
import { EmbeddedInvalidations } from './invalidations.ts'
import { EmbeddedIpSets } from './ip-sets.ts'
import type { PartOptions } from './part.ts'
import { LocalRateCounters } from './rate-counters.ts'
import type { State } from './state.ts'
import { EmbeddedValues } from './values.ts'

const REFRESH_MS = 1_000

export interface EmbeddedStateOptions {
  /** Created where missing, with mode 0700. */
  readonly folder: string
  readonly clock: Clock
  /** Processes of this machine that open the folder; above 1 they share rate counters too. 1 unless given. */
  readonly processes?: number
  /** How often to look for what other processes wrote; 1,000 ms unless given. */
  readonly refreshMs?: number
  /** Told of failures in the background; a process warning unless given. */
  readonly report?: Report
  readonly maxBlocks?: number
  /** Invalidation records kept per distribution. */
  readonly maxInvalidations?: number
  /** Size from which a file is rewritten without what is over. */
  readonly compactAtBytes?: number
}

/**
 * State in a folder, for one machine: any number of its processes may open the same folder and see each other's
 * writes within `refreshMs`. Safe against kill -9, not against power loss. Rejects with `corrupt` or `permission`,
 * naming the file, when it cannot be read; nothing is overwritten then.
 */
export async function openEmbeddedState(options: EmbeddedStateOptions): Promise<State> {
  const { folder, clock, report = reportAsWarning, processes = 1 } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await using opened = new AsyncDisposableStack()
  const lock = opened.use(FileLock.open(join(folder, 'state.lock')))
  const part: PartOptions = {
    folder,
    lock,
    clock,
    report,
    ...(options.compactAtBytes === undefined ? {} : { compactAtBytes: options.compactAtBytes }),
  }
  const ipSets = opened.adopt(await EmbeddedIpSets.open(part), (store) => store.close())
  const blocks = opened.adopt(await EmbeddedBlocks.open(part, options.maxBlocks), (store) => store.close())
  const invalidations = opened.adopt(
    await EmbeddedInvalidations.open(part, options.maxInvalidations),
    (store) => store.close(),
  )
  const values = opened.adopt(await EmbeddedValues.open(part), (store) => store.close())
  const node = randomUUID()
  const exchange =
    processes > 1 ? await openFolderExchange(join(folder, 'counters'), node, clock, report) : undefined
  const counters = opened.adopt(
    new LocalRateCounters({
      clock,
      report,
      node,
      expectedNodes: processes,
      ...(exchange === undefined ? {} : { exchange }),
    }),
    (store) => store.close(),
  )
  const parts = opened.move()
  const journals = [ipSets, blocks, invalidations, values]

  let refreshedAt = clock.monotonic()
  let closing: Promise<void> | undefined

  async function refreshFiles(): Promise<void> {
    const startedAt = clock.monotonic()
    for (const journal of journals) await journal.refresh()
    refreshedAt = startedAt
  }

  const polling = startPolling(clock, options.refreshMs ?? REFRESH_MS, refreshFiles, report)

  async function closeAll(): Promise<void> {
    await polling.stop()
    await parts.disposeAsync()
  }

  function close(): Promise<void> {
    closing ??= closeAll()
    return closing
  }

  return {
    counters,
    ipSets,
    blocks,
    invalidations,
    values,
    async refresh() {
      if (closing !== undefined)
        throw new SeamError('closed', `the state in ${folder} was used after it had been closed`)
      await refreshFiles()
      await counters.flush()
    },
    get ageMs() {
      return clock.monotonic() - refreshedAt
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
