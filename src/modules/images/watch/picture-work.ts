import { createHash } from 'node:crypto'
import type { Clock } from '../../../base/clock.ts'
import { asError } from '../../../seams/seam-error.ts'
import { ImageError } from '../image-error.ts'
import {
  type Accept,
  createOptimiser,
  type Optimiser,
  type OptimiserOptions,
  reasonOf,
} from '../optimise/optimise-picture.ts'
import type { Original, Originals } from '../optimise/places.ts'
import { inUnits, less, Tally } from '../optimise/tally.ts'
import type { Ending } from './lane.ts'
import type { Ledger } from './ledger.ts'

export interface PictureWorkOptions extends Omit<OptimiserOptions, 'originals'> {
  readonly clock: Clock
  readonly originals: Originals
  readonly accept: Accept
  readonly ledger: Ledger
  /** What becomes of the results of an original that is gone. */
  readonly deleted: 'keep' | 'remove'
  /** Given where the originals lie in a folder: takes a file that is written all the time. */
  readonly restless: ((key: string) => void) | undefined
  /** Told of each picture when it is done. */
  readonly onPicture: (key: string, ending: Ending, says: string) => void
  readonly report: { warn(message: string): void }
}

/** Files known to be done; beyond it their records are read again at each scan. */
const MAX_KNOWN = 250_000
const CHANGES = 3

/** What is done with one picture, and what became of all of them. */
export class PictureWork {
  readonly #options: PictureWorkOptions
  readonly #optimiser: Optimiser
  readonly #known = new Set<string>()
  readonly #settings: string
  readonly tally = new Tally()
  readonly counts = { removed: 0, rejected: 0, failed: 0 }

  constructor(options: PictureWorkOptions) {
    this.#options = options
    this.#settings = JSON.stringify([options.wish, options.accept])
    this.#optimiser = createOptimiser(options)
  }

  /** Nothing more is to be done for this version of an original. */
  isDone(original: Original): boolean {
    const version = this.#versionOf(original)
    return this.#known.has(version) || this.#options.ledger.failures.get(original.key)?.version === version
  }

  /** Does one picture. Rejects with what may go away by itself. */
  async work(key: string): Promise<Ending> {
    const { originals, ledger, restless, deleted } = this.#options
    const asked = ledger.asked.get(key)
    for (let changes = 0; changes < CHANGES; changes++) {
      const original = await originals.find(key)
      if (original === undefined) {
        const wasRemoved = deleted === 'remove' && (await this.#remove(key))
        // Put there again meanwhile: whoever made something of it may have lost it just now.
        if (wasRemoved && (await originals.find(key)) !== undefined) {
          if (restless === undefined) continue
          restless(key)
        }
        await ledger.settle(key, asked)
        return wasRemoved ? 'removed' : 'gone'
      }
      const version = this.#versionOf(original)
      // Where results are removed, another edge may have done so since.
      if (deleted === 'keep' && this.#known.has(version)) {
        await ledger.settle(key, asked)
        return 'kept'
      }
      const known = ledger.failures.get(key)
      if (known?.version === version && asked === undefined) return known.kind
      try {
        const outcome = await this.#optimiser.optimise(original)
        if (outcome.kind !== 'changed') {
          this.tally.add(outcome.record, outcome.kind)
          this.#remember(version)
          await ledger.settle(key, asked)
          this.#options.onPicture(key, outcome.kind, saysOf(outcome.record))
          return outcome.kind
        }
      } catch (error) {
        // What the picture itself is to blame for does not go away.
        if (!(error instanceof ImageError) || error.status >= 500) throw error
        const kind = REJECTIONS.has(error.code) ? 'rejected' : 'failed'
        const tried = ledger.tried.get(key)
        const attempts = 1 + (tried?.version === version ? tried.attempts : 0)
        await this.fail(key, kind, attempts, error, { version, asked })
        return kind
      }
    }
    // Somebody writes it all the time: not a failure, only not whole.
    if (restless !== undefined) {
      restless(key)
      return 'gone'
    }
    throw new Error('it changes all the time')
  }

  /** Writes down that a try failed, the `attempt`th of this process, and gives how many there were in all. */
  async tried(key: string, attempt: number): Promise<number> {
    const { originals, ledger, report } = this.#options
    try {
      const original = await originals.find(key).catch(() => undefined)
      return await ledger.addTry(key, original === undefined ? '' : this.#versionOf(original))
    } catch (problem) {
      report.warn(`a failed try of ${key} could not be written down: ${asError(problem).message}`)
      return attempt
    }
  }

  /** Writes down that nothing was made of a picture. */
  async fail(
    key: string,
    kind: 'rejected' | 'failed',
    attempts: number,
    error: unknown,
    known?: { readonly version: string; readonly asked: number | undefined },
  ): Promise<void> {
    const { ledger, clock, report, originals, onPicture } = this.#options
    this.counts[kind]++
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

  /** Whether there was something to remove. */
  async #remove(key: string): Promise<boolean> {
    const record = await this.#optimiser.remove(key)
    if (record === undefined) return false
    const { file, ...source } = record.source
    this.#known.delete(this.#versionOf({ key: file, ...source }))
    this.counts.removed++
    const { length } = record.derivatives
    this.#options.onPicture(key, 'removed', `removed: ${length} ${length === 1 ? 'file' : 'files'}`)
    return true
  }

  /** Of the original and of what is made of it. */
  #versionOf({ key, bytes, modified, etag }: Original): string {
    const text = JSON.stringify([this.#settings, key, bytes, etag ?? modified])
    return createHash('sha256').update(text).digest('base64url').slice(0, 20)
  }

  #remember(version: string): void {
    if (this.#known.size < MAX_KNOWN) this.#known.add(version)
  }
}

/** The reference's own words: a picture that is not wanted, as opposed to one that could not be done. */
const REJECTIONS: ReadonlySet<string> = new Set([
  'IMAGE_TOO_SMALL',
  'UNSUPPORTED_TYPE',
  'FAILED_MODERATION',
  'NO_PEOPLE_ALLOWED',
])

function codeOf(error: unknown): string {
  if (error instanceof ImageError) return error.code
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return 'Error'
}

function saysOf({ source, derivatives }: Parameters<Tally['add']>[0]): string {
  const pictures = derivatives.filter(({ format }) => format !== 'json')
  const each = pictures.map(({ name, format, bytes }) => `${name} ${format} ${less(bytes, source.bytes)}`)
  return `${inUnits(source.bytes)}: ${each.join(', ')}`
}
