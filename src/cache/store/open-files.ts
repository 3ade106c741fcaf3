import type { Clock, Timer } from '../../base/clock.ts'
import type { SharedFile } from './disk-body.ts'
import type { DiskIo } from './disk-io.ts'

/** How long a file stays open for the reader it was found for. */
const LEASE_MS = 5_000
const MAX_LEASES = 256

/**
 * The files of large bodies. A file that was found is held open for a while (a lease), so that its reader has it even
 * when it is evicted meanwhile; the number of leases is bounded, and after its lease a file is opened by name again.
 */
export class OpenFiles {
  readonly #io: DiskIo
  readonly #clock: Clock
  readonly #leases = new Set<Lease>()
  #open = 0

  constructor(io: DiskIo, clock: Clock) {
    this.#io = io
    this.#clock = clock
  }

  /** Descriptors that are open now. */
  get open(): number {
    return this.#open
  }

  /** Takes over an open descriptor of the file at `path`. */
  share(path: string, fd: number): SharedFile {
    this.#open++
    const close = (descriptor: number): void => {
      this.#open--
      // Nothing was written through it, so there is nothing a failed close could lose.
      this.#io.close(descriptor).catch(ignore)
    }
    const file = new CountedFile(
      fd,
      async () => {
        const reopened = await this.#io.open(path, 'r')
        this.#open++
        return reopened
      },
      close,
    )
    this.#lease(file)
    return file
  }

  /** Ends all leases; readers keep what they read until they have ended. */
  close(): void {
    for (const lease of this.#leases) lease.end()
    this.#leases.clear()
  }

  #lease(file: CountedFile): void {
    const timer = this.#clock.after(LEASE_MS, () => {
      this.#leases.delete(lease)
      file.release()
    })
    const lease = new Lease(file, timer)
    this.#leases.add(lease)
    if (this.#leases.size <= MAX_LEASES) return
    for (const oldest of this.#leases) {
      this.#leases.delete(oldest)
      oldest.end()
      break
    }
  }
}

class Lease {
  readonly #file: CountedFile
  readonly #timer: Timer

  constructor(file: CountedFile, timer: Timer) {
    this.#file = file
    this.#timer = timer
  }

  end(): void {
    this.#timer.cancel()
    this.#file.release()
  }
}

class CountedFile implements SharedFile {
  readonly #reopen: () => Promise<number>
  readonly #close: (fd: number) => void
  #fd: number | undefined
  #opening: Promise<number> | undefined = undefined
  /** The lease is the first. */
  #holders = 1

  constructor(fd: number, reopen: () => Promise<number>, close: (fd: number) => void) {
    this.#fd = fd
    this.#reopen = reopen
    this.#close = close
  }

  async hold(): Promise<number> {
    this.#holders++
    if (this.#fd !== undefined) return this.#fd
    try {
      this.#opening ??= this.#reopen()
      this.#fd = await this.#opening
      return this.#fd
    } catch (error) {
      this.#holders--
      throw error
    } finally {
      this.#opening = undefined
    }
  }

  release(): void {
    this.#holders--
    if (this.#holders > 0 || this.#fd === undefined) return
    this.#close(this.#fd)
    this.#fd = undefined
  }
}

function ignore(): void {}
