import type { Clock } from '../../../base/clock.ts'
import { type Polling, startPolling } from '../../../seams/polling.ts'
import type { FolderOriginals } from '../optimise/folder-places.ts'
import { reasonOf } from '../optimise/optimise-picture.ts'
import { isPictureName, type Original, type Originals } from '../optimise/places.ts'
import { FolderWatch } from './folder-watch.ts'
import { LaneClosed } from './lane.ts'
import { type Records, RollCall } from '../optimise/roll-call.ts'
import { Settling } from './settling.ts'

export interface SearchOptions {
  readonly clock: Clock
  readonly originals: Originals
  /** Given where the originals lie in a folder: it is watched. */
  readonly folder: { readonly root: string; readonly originals: FolderOriginals } | undefined
  readonly settleMs: number
  /** Undefined looks through everything never. */
  readonly scanEveryMs: number | undefined
  /** Nothing more is to be done for it. */
  readonly isDone: (original: Original) => boolean
  /** Given where results go away with their originals. */
  readonly records: Records | undefined
  /** Something is to be done for it, or it is gone. */
  readonly found: (key: string) => void
  /** Resolves when there is something to do for more pictures. */
  readonly room: () => Promise<void>
  readonly report: { warn(message: string): void }
}

/** The second scan, when events were lost. */
const RESCAN_MS = 1_000

/** Finds pictures: by what the system tells of a folder, and by looking through everything. */
export class Search {
  readonly #options: SearchOptions
  readonly #settling: Settling
  readonly #watch: FolderWatch | undefined
  readonly #stop = new AbortController()
  readonly #background = new Set<Promise<void>>()
  #scans: Polling | undefined
  #scanning: Promise<void> | undefined
  #rescan = false
  #scannedAt: number | undefined

  constructor(options: SearchOptions) {
    this.#options = options
    const { clock, folder, settleMs, report } = options
    this.#settling = new Settling({
      clock,
      settleMs,
      look: async (key) => {
        const found = await folder?.originals.look(key)
        return found && { bytes: found.original.bytes, changedAt: found.changedAt }
      },
      whole: options.found,
      gone: options.found,
      lost: (error) => {
        if (error !== undefined) report.warn(`a file cannot be looked at: ${reasonOf(error)}`)
        this.#scanSoon()
      },
    })
    if (folder !== undefined)
      this.#watch = new FolderWatch({
        root: folder.root,
        touched: (key) => this.#touched(key),
        lost: (why) => {
          if (why !== undefined)
            report.warn(`not every folder is watched (${why}): files there are found by scans`)
          this.#scanSoon()
        },
      })
  }

  /** Goes through everything there is, then follows what happens. */
  start(): void {
    const { clock, scanEveryMs, report } = this.#options
    if (scanEveryMs !== undefined) {
      this.#scanSoon(0)
      const tell = (error: Error): void =>
        report.warn(`the originals cannot be looked through: ${error.message}`)
      this.#scans = startPolling(clock, scanEveryMs, () => this.#scanNow(), tell)
    } else if (this.#watch !== undefined) this.#run(this.#meetFolders())
  }

  /** Files that may still be written. */
  get settling(): number {
    return this.#settling.size
  }

  /** Milliseconds since the epoch at which everything was looked through last. */
  get scannedAt(): number | undefined {
    return this.#scannedAt
  }

  /** Something happened to a file. */
  touch(key: string): void {
    this.#settling.touch(key)
  }

  /** Finds no more. */
  stop(): void {
    this.#stop.abort()
    this.#watch?.close()
    this.#settling.close()
  }

  /** Resolves when what was begun before `stop` has ended. */
  async stopped(): Promise<void> {
    await this.#scans?.stop()
    await Promise.all(this.#background)
  }

  #touched(key: string): void {
    if (isPictureName(key)) return this.#settling.touch(key)
    const { folder } = this.#options
    if (folder === undefined || key.includes('/.') || key.startsWith('.')) return
    // It may be a folder that is new, or one that went away.
    this.#watch?.remove(key)
    this.#run(this.#scanFolder(folder.originals, key))
  }

  async #scanFolder(originals: FolderOriginals, folder: string, roll?: RollCall): Promise<void> {
    for await (const original of originals.below(folder, this.#stop.signal, (met) => this.#watch?.add(met))) {
      this.#call(original.key, roll)
      await this.#offer(original)
    }
  }

  #call(key: string, roll: RollCall | undefined): void {
    if (this.#options.records?.hasFailed(key) === false) roll?.present(key)
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
      if (this.#stop.signal.aborted) return
      this.#run(this.#scanNow())
    })
  }

  /** One scan at a time; who comes meanwhile waits for it. */
  #scanNow(): Promise<void> {
    this.#scanning ??= this.#scan().finally(() => (this.#scanning = undefined))
    return this.#scanning
  }

  async #scan(): Promise<void> {
    const { originals, folder, clock, records, found, room } = this.#options
    const { signal } = this.#stop
    const roll = records && new RollCall()
    if (folder !== undefined) await this.#scanFolder(folder.originals, '', roll)
    else
      for await (const original of originals.list(signal)) {
        this.#call(original.key, roll)
        await this.#offer(original)
      }
    // A scan that was broken off has not met everybody.
    if (signal.aborted) return
    if (records !== undefined)
      for await (const key of roll?.missing(records, signal) ?? []) {
        await room()
        found(key)
      }
    this.#scannedAt = clock.now()
  }

  /** What a scan met: left alone when it is known to be done, and offered when it is whole. */
  async #offer(original: Original): Promise<void> {
    const { folder, isDone, found, room } = this.#options
    if (isDone(original)) return
    const { key } = original
    if (folder !== undefined) {
      const look = await folder.originals.look(key)
      if (look === undefined) return
      if (!this.#settling.isWhole({ bytes: look.original.bytes, changedAt: look.changedAt }))
        return this.#settling.touch(key)
    }
    await room()
    found(key)
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
