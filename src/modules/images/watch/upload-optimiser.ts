import { createHash } from 'node:crypto'
import type { Clock } from '../../../base/clock.ts'
import { type Polling, startPolling } from '../../../seams/polling.ts'
import { asError } from '../../../seams/seam-error.ts'
import { ImageError } from '../image-error.ts'
import type { FolderOriginals } from '../optimise/folder-places.ts'
import {
  type Accept,
  createOptimiser,
  type OptimiserOptions,
  reasonOf,
} from '../optimise/optimise-picture.ts'
import { isPictureName, type Original, type Originals } from '../optimise/places.ts'
import { inUnits, less, Tally } from '../optimise/tally.ts'
import { FolderWatch } from './folder-watch.ts'
import { type Ending, Lane, LaneClosed } from './lane.ts'
import type { Ledger } from './ledger.ts'
import { Settling } from './settling.ts'

export interface UploadOptimiserOptions extends Omit<OptimiserOptions, 'originals'> {
  readonly clock: Clock
  readonly originals: Originals
  /** Given where the originals lie in a folder: it is watched. */
  readonly folder: { readonly root: string; readonly originals: FolderOriginals } | undefined
  readonly accept: Accept
  readonly ledger: Ledger
  readonly places: number
  readonly settleMs: number
  /** Undefined looks through everything never. */
  readonly scanEveryMs: number | undefined
  readonly retry: { readonly attempts: number; readonly firstMs: number; readonly maxMs: number }
  /** Told of each picture when it is done. */
  readonly onPicture: (key: string, ending: Ending, says: string) => void
  readonly report: { warn(message: string): void }
}

/** An optimiser at work, as operators see it. */
export interface OptimiserState {
  readonly made: number
  readonly kept: number
  readonly rejected: number
  readonly failed: number
  readonly waiting: number
  readonly working: number
  readonly retrying: number
  /** Files that may still be written. */
  readonly settling: number
  readonly bytesBefore: number
  readonly after: readonly { readonly name: string; readonly format: string; readonly bytes: number }[]
  /** Milliseconds since the epoch at which everything was looked through last. */
  readonly scannedAt: number | undefined
}

/** How many pictures wait at most before a scan, or a queue, is asked for more. */
export const MAX_WAITING = 256
/** Files known to be done; beyond it their records are read again at each scan. */
const MAX_KNOWN = 250_000
/** The second scan, when events were lost. */
const RESCAN_MS = 1_000
const CHANGES = 3

/** Makes derivatives of whatever is put into a place, until it is closed. */
export class UploadOptimiser {
  readonly #options: UploadOptimiserOptions
  readonly #lane: Lane
  readonly #settling: Settling
  readonly #watch: FolderWatch | undefined
  readonly #optimiser: ReturnType<typeof createOptimiser>
  readonly #tally = new Tally()
  readonly #known = new Set<string>()
  /** What the ledger asked for, by the number under which it was taken. */
  readonly #taken = new Map<string, number>()
  readonly #stop = new AbortController()
  readonly #background = new Set<Promise<void>>()
  readonly #counts = { rejected: 0, failed: 0 }
  readonly #settings: string
  #scans: Polling | undefined
  #scanning: Promise<void> | undefined
  #rescan = false
  #scannedAt: number | undefined

  constructor(options: UploadOptimiserOptions) {
    this.#options = options
    const { clock, places, retry, folder, settleMs, wish, accept } = options
    this.#settings = JSON.stringify([wish, accept])
    this.#optimiser = createOptimiser(options)
    this.#lane = new Lane({
      clock,
      places,
      attempts: retry.attempts,
      firstWaitMs: retry.firstMs,
      maxWaitMs: retry.maxMs,
      work: (key, attempt) => this.#work(key, attempt),
      gaveUp: (key, attempts, error) => this.#fail(key, 'failed', attempts, error),
    })
    this.#settling = new Settling({
      clock,
      settleMs,
      look: async (key) => {
        const found = await folder?.originals.look(key)
        return found && { bytes: found.original.bytes, changedAt: found.changedAt }
      },
      whole: (key) => void this.#lane.take(key),
      lost: (error) => {
        if (error !== undefined) options.report.warn(`a file cannot be looked at: ${reasonOf(error)}`)
        this.#scanSoon()
      },
    })
    if (folder !== undefined)
      this.#watch = new FolderWatch({
        root: folder.root,
        touched: (key) => this.#touched(key),
        lost: (why) => {
          if (why !== undefined)
            options.report.warn(`not every folder is watched (${why}): files there are found by scans`)
          this.#scanSoon()
        },
      })
  }

  /** Goes through everything there is, then follows what happens. */
  start(): void {
    const { clock, scanEveryMs, report } = this.#options
    this.takeAsked()
    if (scanEveryMs !== undefined) {
      this.#scanSoon(0)
      const tell = (error: Error): void =>
        report.warn(`the originals cannot be looked through: ${error.message}`)
      this.#scans = startPolling(clock, scanEveryMs, () => this.#scanNow(), tell)
    } else if (this.#watch !== undefined) this.#run(this.#meetFolders())
  }

  get state(): OptimiserState {
    const { made, kept, bytesBefore, after } = this.#tally
    const { waiting, working, retrying } = this.#lane
    return {
      made,
      kept,
      ...this.#counts,
      waiting,
      working,
      retrying,
      settling: this.#settling.size,
      bytesBefore,
      after,
      scannedAt: this.#scannedAt,
    }
  }

  get tally(): Tally {
    return this.#tally
  }

  /** Resolves when there is something to do for more pictures. */
  room(): Promise<void> {
    return this.#lane.room(MAX_WAITING)
  }

  /** Does one picture. Rejects with LaneClosed. */
  take(key: string): Promise<Ending> {
    return this.#lane.take(key)
  }

  /** Does what the ledger was asked for by others. */
  takeAsked(): void {
    for (const [key, asked] of this.#options.ledger.asked) {
      if (this.#lane.has(key) && this.#taken.get(key) === asked) continue
      this.#taken.set(key, asked)
      void this.#lane.take(key)
    }
    for (const key of this.#taken.keys()) if (!this.#options.ledger.asked.has(key)) this.#taken.delete(key)
  }

  /** Waits for the pictures that are worked on; the others are left to the next start. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#watch?.close()
    this.#settling.close()
    await this.#lane.close()
    await this.#scans?.stop()
    await Promise.all(this.#background)
  }

  // ------------------------------------------------------------ one picture

  async #work(key: string, attempt: number): Promise<Ending> {
    const { originals, ledger } = this.#options
    const asked = ledger.asked.get(key)
    for (let changes = 0; changes < CHANGES; changes++) {
      const original = await originals.find(key)
      if (original === undefined) {
        await ledger.settle(key, asked)
        return 'gone'
      }
      const version = this.#versionOf(original)
      if (this.#known.has(version)) {
        await ledger.settle(key, asked)
        return 'kept'
      }
      const known = ledger.failures.get(key)
      if (known?.version === version && asked === undefined) return known.kind
      try {
        const outcome = await this.#optimiser.optimise(original)
        if (outcome.kind !== 'changed') {
          this.#tally.add(outcome.record, outcome.kind)
          this.#remember(version)
          await ledger.settle(key, asked)
          this.#options.onPicture(key, outcome.kind, saysOf(outcome.record))
          return outcome.kind
        }
      } catch (error) {
        // What the picture itself is to blame for does not go away.
        if (!(error instanceof ImageError) || error.status >= 500) throw error
        const kind = REJECTIONS.has(error.code) ? 'rejected' : 'failed'
        await this.#fail(key, kind, attempt, error, { version, asked })
        return kind
      }
    }
    // Somebody writes it all the time: not a failure, only not whole.
    if (this.#options.folder !== undefined) {
      this.#settling.touch(key)
      return 'gone'
    }
    throw new Error('it changes all the time')
  }

  async #fail(
    key: string,
    kind: 'rejected' | 'failed',
    attempts: number,
    error: unknown,
    known?: { readonly version: string; readonly asked: number | undefined },
  ): Promise<void> {
    const { ledger, clock, report, originals, onPicture } = this.#options
    this.#counts[kind]++
    const why = reasonOf(error)
    try {
      const asked = known === undefined ? ledger.asked.get(key) : known.asked
      const original = known === undefined ? await originals.find(key) : undefined
      await ledger.fail(
        {
          key,
          kind,
          code: codeOf(error),
          why: error instanceof ImageError ? error.message : why,
          attempts,
          at: clock.now(),
          version: known?.version ?? (original === undefined ? '' : this.#versionOf(original)),
        },
        asked,
      )
    } catch (problem) {
      report.warn(`the failure of ${key} could not be written down: ${asError(problem).message}`)
    }
    onPicture(key, kind, why)
  }

  /** Of the original and of what is made of it. */
  #versionOf({ key, bytes, modified, etag }: Original): string {
    const text = JSON.stringify([this.#settings, key, bytes, etag ?? modified])
    return createHash('sha256').update(text).digest('base64url').slice(0, 20)
  }

  #remember(version: string): void {
    if (this.#known.size < MAX_KNOWN) this.#known.add(version)
  }

  // ------------------------------------------------------------ finding pictures

  #touched(key: string): void {
    if (isPictureName(key)) return this.#settling.touch(key)
    const { folder } = this.#options
    if (folder === undefined || key.includes('/.') || key.startsWith('.')) return
    // It may be a folder that is new, or one that went away.
    this.#watch?.remove(key)
    this.#run(this.#scanFolder(folder.originals, key))
  }

  async #scanFolder(originals: FolderOriginals, folder: string): Promise<void> {
    for await (const original of originals.below(folder, this.#stop.signal, (met) => this.#watch?.add(met)))
      await this.#offer(original)
  }

  async #meetFolders(): Promise<void> {
    const { folder } = this.#options
    if (folder === undefined) return
    const { originals } = folder
    // Only for the folders it meets.
    for await (const _ of originals.below('', this.#stop.signal, (met) => this.#watch?.add(met)));
  }

  #scanSoon(ms = RESCAN_MS): void {
    if (this.#rescan || this.#stop.signal.aborted || this.#options.scanEveryMs === undefined) return
    this.#rescan = true
    this.#options.clock.after(ms, () => {
      this.#rescan = false
      this.#run(this.#scanNow())
    })
  }

  /** One scan at a time; who comes meanwhile waits for it. */
  #scanNow(): Promise<void> {
    this.#scanning ??= this.#scan().finally(() => (this.#scanning = undefined))
    return this.#scanning
  }

  async #scan(): Promise<void> {
    const { originals, folder, clock } = this.#options
    if (folder !== undefined) await this.#scanFolder(folder.originals, '')
    else for await (const original of originals.list(this.#stop.signal)) await this.#offer(original)
    this.#scannedAt = clock.now()
  }

  /** What a scan met: left alone when it is known to be done, and offered when it is whole. */
  async #offer(original: Original): Promise<void> {
    const version = this.#versionOf(original)
    const { ledger, folder } = this.#options
    const { key } = original
    if (this.#known.has(version) || ledger.failures.get(key)?.version === version) return
    if (folder !== undefined) {
      const found = await folder.originals.look(key)
      if (found === undefined) return
      if (!this.#settling.isWhole({ bytes: found.original.bytes, changedAt: found.changedAt }))
        return this.#settling.touch(key)
    }
    await this.room()
    void this.#lane.take(key).catch(ignoreClosed)
  }

  #run(work: Promise<void>): void {
    const mine = work
      .catch((error: unknown) => {
        if (!(error instanceof LaneClosed)) this.#options.report.warn(reasonOf(error))
      })
      .finally(() => this.#background.delete(mine))
    this.#background.add(mine)
  }
}

/** The reference's own words: a picture that is not wanted, as opposed to one that could not be done. */
const REJECTIONS: ReadonlySet<string> = new Set(['IMAGE_TOO_SMALL', 'UNSUPPORTED_TYPE', 'FAILED_MODERATION'])

function codeOf(error: unknown): string {
  if (error instanceof ImageError) return error.code
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return 'Error'
}

function saysOf({ source, derivatives }: Parameters<Tally['add']>[0]): string {
  const each = derivatives.map(({ name, format, bytes }) => `${name} ${format} ${less(bytes, source.bytes)}`)
  return `${inUnits(source.bytes)}: ${each.join(', ')}`
}

function ignoreClosed(): void {
  // The next start finds it.
}
