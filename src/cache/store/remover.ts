import { removeQuietly, type DiskIo } from './disk-io.ts'

const AT_ONCE = 2

/**
 * Removes files one after the other in the background, however many there are at once, so that readers do not stand
 * behind them in the queue of the thread pool.
 */
export class Remover {
  readonly #io: DiskIo
  readonly #onFailure: (path: string) => void
  readonly #queue: { readonly path: string; readonly bytes: number }[] = []
  #next = 0
  #running = 0
  #waiters: { readonly isReady: () => boolean; readonly resolve: () => void }[] = []
  /** Bytes of the files that are still to be removed. */
  bytes = 0

  constructor(io: DiskIo, onFailure: (path: string) => void) {
    this.#io = io
    this.#onFailure = onFailure
  }

  add(path: string, bytes: number): void {
    this.bytes += bytes
    this.#queue.push({ path, bytes })
    if (this.#running < AT_ONCE) void this.#run()
  }

  /** Resolves when `isReady`, which is asked after each file, or when nothing is left to remove. */
  async until(isReady: () => boolean): Promise<void> {
    if (isReady() || this.#isIdle) return
    await new Promise<void>((resolve) => this.#waiters.push({ isReady, resolve }))
  }

  /** Resolves when nothing is left to remove. */
  idle(): Promise<void> {
    return this.until(() => false)
  }

  get #isIdle(): boolean {
    return this.#running === 0 && this.#next === this.#queue.length
  }

  async #run(): Promise<void> {
    this.#running++
    while (this.#next < this.#queue.length) {
      const { path, bytes } = this.#queue[this.#next++]!
      if (this.#next >= 1024) {
        this.#queue.splice(0, this.#next)
        this.#next = 0
      }
      if (!(await removeQuietly(this.#io, path))) this.#onFailure(path)
      this.bytes -= bytes
      this.#wake()
    }
    this.#running--
    this.#wake()
  }

  #wake(): void {
    const isIdle = this.#isIdle
    this.#waiters = this.#waiters.filter(({ isReady, resolve }) => {
      if (!isIdle && !isReady()) return true
      resolve()
      return false
    })
  }
}
