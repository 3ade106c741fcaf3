import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { SeamError } from './seam-error.ts'

const SQLITE_BUSY = 5
const RETRY_MS = 5
const GIVE_UP_MS = 10_000

/**
 * A lock between the processes of one machine, held for the moment of a write.
 *
 * Node offers no file lock; SQLite does (fcntl on POSIX), and the kernel drops it when its holder is killed, so
 * there is never a stale lock to judge by pid or age. The database in the file stays empty.
 */
export class FileLock implements AsyncDisposable {
  readonly #path: string
  readonly #database: DatabaseSync
  #tail: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path
    this.#database = database
  }

  /** Opens, and creates where missing, the lock file. Throws `permission` or `corrupt` when that cannot work. */
  static open(path: string): FileLock {
    try {
      return new FileLock(path, new DatabaseSync(path, { timeout: 0 }))
    } catch (error) {
      throw new SeamError(
        'permission',
        `the lock file ${path} cannot be opened: the folder must exist and be writable for this user`,
        { cause: error },
      )
    }
  }

  /** Runs `work` while nobody else holds the lock, in the order of the calls. Rejects with what `work` throws. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(() => this.#run(work))
    this.#tail = turn.catch(ignoreHere)
    return await turn
  }

  /** Takes the lock now and keeps it until `close`, or says false because another holds it. */
  tryKeep(): boolean {
    return this.#begin()
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed)
      throw new SeamError('closed', `the store behind ${this.#path} was used after it had been closed`)
    // Real time, not the injected clock: what we wait for here is another process.
    const giveUpAt = performance.now() + GIVE_UP_MS
    while (!this.#begin()) {
      if (performance.now() > giveUpAt) {
        throw new SeamError(
          'unavailable',
          `the lock ${this.#path} has been held by another process for ${GIVE_UP_MS / 1000} s: look for one that hangs`,
        )
      }
      await delay(RETRY_MS)
    }
    try {
      return await work()
    } finally {
      if (this.#database.isOpen) this.#database.exec('ROLLBACK')
    }
  }

  #begin(): boolean {
    try {
      this.#database.exec('BEGIN EXCLUSIVE')
      return true
    } catch (error) {
      if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false
      throw new SeamError(
        'corrupt',
        `the lock file ${this.#path} is not one of ours: it holds no data, so stop every process that uses it and delete it`,
        { cause: error },
      )
    }
  }

  /** Waits for the work that was asked for before, then lets go of the file. */
  async close(): Promise<void> {
    if (this.#closed) return
    await this.#tail
    this.#closed = true
    this.#database.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The caller of `hold` has the rejection; the queue only needs to know that the turn is over. */
function ignoreHere(): void {}
