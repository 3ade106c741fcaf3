const WIDTH = 30
const REDRAW_MS = 100

/** A bar on standard error while a terminal watches; nothing otherwise. */
export class ProgressBar {
  readonly #total: number
  readonly #stream: NodeJS.WriteStream
  #done = 0
  #drawnAt = -Infinity

  constructor(total: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#total = total
    this.#stream = stream
  }

  /** One more is done; `note` stands behind the numbers. */
  step(note: string): void {
    this.#done++
    if (!this.#stream.isTTY) return
    const now = performance.now()
    if (now - this.#drawnAt < REDRAW_MS && this.#done < this.#total) return
    this.#drawnAt = now
    this.#stream.write(`\r${barOf(this.#done, this.#total)} ${note}`)
  }

  /** Takes the bar away, so that what is written next stands alone. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K')
  }
}

/** `[######----] 12 of 20` */
export function barOf(done: number, total: number): string {
  const filled = total === 0 ? WIDTH : Math.floor((done / total) * WIDTH)
  return `[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${done} of ${total}`
}
