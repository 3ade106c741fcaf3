import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { FileLock } from '../../../seams/file-lock.ts'
import { Journal } from '../../../seams/journal.ts'
import { SeamError, type Report } from '../../../seams/seam-error.ts'

/** A picture of which nothing was made, and why. */
export interface Failure {
  readonly key: string
  /** `rejected` does not fit what is accepted; `failed` could not be done. */
  readonly kind: 'rejected' | 'failed'
  /** IMAGE_TOO_SMALL, InstantiationError, … */
  readonly code: string
  readonly why: string
  readonly attempts: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Which version of the original, under which settings: another one is tried anew. */
  readonly version: string
}

/** Failed tries of a picture that will be tried again. */
export interface Tried {
  readonly key: string
  readonly attempts: number
  /** Which version was tried; empty where that could not be told. */
  readonly version: string
}

const failureSchema = z.object({
  key: z.string(),
  kind: z.enum(['rejected', 'failed']),
  code: z.string(),
  why: z.string(),
  attempts: z.number(),
  at: z.number(),
  version: z.string(),
})
const lineSchema = z.discriminatedUnion('is', [
  z.object({ is: z.literal('asked'), key: z.string() }),
  z.object({ is: z.literal('settled'), key: z.string() }),
  failureSchema.extend({ is: z.literal('failure') }),
  z.object({ is: z.literal('tried'), key: z.string(), attempts: z.number(), version: z.string() }),
])
type Line = z.output<typeof lineSchema>

/** Whoever is told of more answers that it cannot take them now. */
const MAX_ASKED = 20_000
/** More are not listed; the files are looked at again after a restart. */
const MAX_FAILURES = 20_000
/** Tries of more are counted from one again after a restart. */
const MAX_TRIED = 20_000
const MAX_WHY = 300

/**
 * What of an optimiser must outlive it and is in no record of a result: pictures that were asked for by a notification and
 * are not done, how often pictures were tried in vain, and failures. All processes that share the folder see the same; any of them may write.
 */
export class Ledger implements AsyncDisposable {
  readonly #journal: Journal<Line>
  readonly #lock: FileLock
  readonly #book: Book

  private constructor(journal: Journal<Line>, lock: FileLock, book: Book) {
    this.#journal = journal
    this.#lock = lock
    this.#book = book
  }

  /** Opens, or begins, the ledger of the optimiser `name`. Rejects with SeamError. */
  static async open(folder: string, name: string, report: Report): Promise<Ledger> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const lock = FileLock.open(join(folder, `${name}.lock`))
    const book: Book = { asked: new Map(), failures: new Map(), tried: new Map(), count: 0 }
    try {
      const journal = await Journal.open<Line>({
        path: join(folder, `${name}.jsonl`),
        part: 'images/optimise',
        lock,
        parse: (value) => lineSchema.parse(value),
        apply: (lines, fromScratch) => apply(book, lines, fromScratch),
        snapshot: () => snapshotOf(book),
        report,
      })
      return new Ledger(journal, lock, book)
    } catch (error) {
      await lock.close()
      throw error
    }
  }

  /** Asked for and not settled, each with a number that is another one when it is asked for again. */
  get asked(): ReadonlyMap<string, number> {
    return this.#book.asked
  }

  /** Oldest first. */
  get failures(): ReadonlyMap<string, Failure> {
    return this.#book.failures
  }

  get tried(): ReadonlyMap<string, Tried> {
    return this.#book.tried
  }

  /** Keeps what must be done, whatever happens to this process. Rejects with `limit` when there is too much of it. */
  async ask(keys: readonly string[]): Promise<void> {
    await this.#write(() => {
      if (this.#book.asked.size + keys.length > MAX_ASKED)
        throw new SeamError('limit', `${this.#book.asked.size} pictures are asked for already and not done`)
      return keys.map((key) => ({ is: 'asked', key }))
    })
  }

  /** A picture is done, or gone. `asked` is its number from before it was looked at: what was asked since stays asked. */
  async settle(key: string, asked: number | undefined): Promise<void> {
    const { asked: all, failures, tried } = this.#book
    if (!all.has(key) && !failures.has(key) && !tried.has(key)) return
    await this.#write(() => (this.#book.asked.get(key) === asked ? [{ is: 'settled', key }] : []))
  }

  /** A try of a version failed; another version begins anew. Gives how often it was tried. */
  async addTry(key: string, version: string): Promise<number> {
    let attempts = 1
    await this.#write(() => {
      const before = this.#book.tried.get(key)
      // One that cannot be told is the one before.
      const told = version === '' ? (before?.version ?? '') : version
      const isSame = before !== undefined && (before.version === '' || before.version === told)
      attempts = isSame ? before.attempts + 1 : 1
      return [{ is: 'tried', key, attempts, version: told }]
    })
    return attempts
  }

  async fail(failure: Failure, asked: number | undefined): Promise<void> {
    await this.#write(() => {
      const line: Line = { is: 'failure', ...failure, why: failure.why.slice(0, MAX_WHY) }
      return this.#book.asked.get(failure.key) === asked ? [line] : []
    })
  }

  /** Forgets failures, all or that of one key, and asks for the pictures again. Gives how many. */
  async retry(key?: string): Promise<number> {
    let count = 0
    await this.#write(() => {
      const keys = [...this.#book.failures.keys()].filter((each) => key === undefined || each === key)
      count = keys.length
      return keys.flatMap((each): Line[] => [
        { is: 'settled', key: each },
        { is: 'asked', key: each },
      ])
    })
    return count
  }

  /** Takes in what other processes wrote. */
  async refresh(): Promise<void> {
    await this.#journal.refresh()
  }

  async close(): Promise<void> {
    await this.#journal.close()
    await this.#lock.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #write(decide: () => readonly Line[]): Promise<void> {
    await this.#journal.transact(() => ({ records: decide(), result: undefined }))
  }
}

interface Book {
  readonly asked: Map<string, number>
  readonly failures: Map<string, Failure>
  readonly tried: Map<string, Tried>
  count: number
}

function apply(book: Book, lines: readonly Line[], fromScratch: boolean): void {
  const { asked, failures, tried } = book
  if (fromScratch) {
    asked.clear()
    failures.clear()
    tried.clear()
  }
  for (const line of lines) {
    switch (line.is) {
      case 'asked':
        asked.set(line.key, ++book.count)
        break
      case 'settled':
        asked.delete(line.key)
        failures.delete(line.key)
        tried.delete(line.key)
        break
      case 'tried': {
        const { is: _, ...more } = line
        keep(tried, more, MAX_TRIED)
        break
      }
      case 'failure': {
        const { is: _, ...failure } = line
        asked.delete(line.key)
        tried.delete(line.key)
        keep(failures, failure, MAX_FAILURES)
        break
      }
    }
  }
}

/** As the newest; the oldest gives way. */
function keep<T extends { readonly key: string }>(all: Map<string, T>, one: T, most: number): void {
  all.delete(one.key)
  all.set(one.key, one)
  const [oldest] = all.keys()
  if (all.size > most && oldest !== undefined) all.delete(oldest)
}

function* snapshotOf({ asked, failures, tried }: Book): Generator<Line, void, void> {
  for (const failure of failures.values()) yield { is: 'failure', ...failure }
  for (const each of tried.values()) yield { is: 'tried', ...each }
  for (const key of asked.keys()) yield { is: 'asked', key }
}
