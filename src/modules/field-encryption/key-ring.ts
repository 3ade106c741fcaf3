import type { Clock, Timer } from '../../base/clock.ts'
import type { Keys } from '../../seams/keys/keys.ts'
import { asError } from '../../seams/seam-error.ts'
import { currentIdOf, nameOfKey } from '../../seams/keys/rotation.ts'
import type { PublicKey } from './wire.ts'

/** How often another process may have made or retired keys. */
const REFRESH_MS = 10_000

/**
 * The public halves of all keys, in memory, because requests cannot wait for them; refreshed in the background and when
 * it is asked for. A key by name is the newest of its rotations that is enabled.
 */
export class KeyRing {
  readonly #keys: Keys
  readonly #clock: Clock
  readonly #report: (problem: string) => void
  #byId = new Map<string, PublicKey>()
  #byName = new Map<string, PublicKey>()
  #timer: Timer | undefined = undefined
  #isClosed = false

  constructor(keys: Keys, clock: Clock, report: (problem: string) => void) {
    this.#keys = keys
    this.#clock = clock
    this.#report = report
  }

  /** Reads the keys. Rejects when the seam does. */
  async refresh(): Promise<void> {
    const infos = await this.#keys.list()
    const byId = new Map<string, PublicKey>()
    for (const { id, modulusBits } of infos) {
      const known = this.#byId.get(id)
      byId.set(id, known ?? { id, key: await this.#keys.publicKey(id), blockBytes: modulusBits / 8 })
    }
    const byName = new Map<string, PublicKey>()
    for (const name of new Set(infos.map(({ id }) => nameOfKey(id)))) {
      const current = currentIdOf(infos, name)
      if (current !== undefined) byName.set(name, byId.get(current)!)
    }
    // A key may also be named by its own id.
    for (const { id, status } of infos)
      if (status === 'enabled' && !byName.has(id)) byName.set(id, byId.get(id)!)
    this.#byId = byId
    this.#byName = byName
  }

  /** Goes on refreshing until it is closed. */
  watch(): void {
    this.#timer = this.#clock.after(REFRESH_MS, () => {
      void this.refresh()
        .catch((error: unknown) =>
          this.#report(`the keys could not be read again: ${asError(error).message}`),
        )
        .finally(() => {
          if (!this.#isClosed) this.watch()
        })
    })
  }

  /** The key that encrypts for a name now. */
  readonly current = (name: string): PublicKey | undefined => this.#byName.get(name)

  /** A key by its id, whether it may still encrypt or not. */
  byId(id: string): PublicKey | undefined {
    return this.#byId.get(id)
  }

  /** Opens one block. */
  readonly open = (keyId: string, block: Buffer): Promise<Buffer> =>
    this.#keys.decryptOaepSha256(keyId, block)

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }
}
