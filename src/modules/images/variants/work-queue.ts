import { isAnySelected, type NameSelector } from '../../../http/name-selector.ts'

interface Waiting {
  readonly bytes: number
  /** Of the variant that is to be written; none for other work. */
  readonly tags: readonly string[]
  readonly work: () => Promise<void>
}

/** What is to be done to a store behind answers: one after the other, by the key it concerns, of which the latest counts. */
export class WorkQueue {
  readonly #failed: (error: unknown) => void
  readonly #waiting = new Map<string, Waiting>()
  #bytes = 0
  #working: Promise<void> | undefined

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** That wait to be written. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#waiting.size
  }

  has(key: string): boolean {
    return this.#waiting.has(key)
  }

  /** The work begins after the answers that are being given. */
  add(key: string, bytes: number, tags: readonly string[], work: () => Promise<void>): void {
    this.#bytes += bytes - (this.#waiting.get(key)?.bytes ?? 0)
    this.#waiting.set(key, { bytes, tags, work })
    this.#working ??= new Promise<void>((done) => {
      setImmediate(() => void this.#work().then(done))
    })
  }

  /** What waits with one of these tags is not done; what has begun is. */
  turnAway(selected: NameSelector): void {
    for (const [key, { bytes, tags }] of this.#waiting) {
      if (!isAnySelected(selected, tags)) continue
      this.#waiting.delete(key)
      this.#bytes -= bytes
    }
  }

  async flush(): Promise<void> {
    while (this.#working !== undefined) await this.#working
  }

  async #work(): Promise<void> {
    for (const [key, { bytes, work }] of this.#waiting) {
      this.#waiting.delete(key)
      this.#bytes -= bytes
      try {
        await work()
      } catch (error) {
        this.#failed(error)
      }
    }
    this.#working = undefined
  }
}
