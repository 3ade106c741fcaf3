import { keyHash } from './key-hash.ts'
import type { Absence } from './store.ts'

const REASONS = [
  'never-stored',
  'evicted',
  'invalidated',
  'expired',
  'corrupted',
] as const satisfies readonly Absence[]
const SECOND_SEED = 0x5bd1e995

/**
 * Remembers why keys are not there, in a table of fixed size (9 bytes a place): a newer key takes the place of an
 * older one. Two hashes tell keys apart, so a wrong answer is less likely than one in a billion.
 */
export class Absences {
  readonly #first: Int32Array
  readonly #second: Int32Array
  readonly #reasons: Uint8Array
  readonly #mask: number

  /** `places` is a power of two. */
  constructor(places = 1 << 15) {
    this.#first = new Int32Array(places)
    this.#second = new Int32Array(places)
    this.#reasons = new Uint8Array(places)
    this.#mask = places - 1
  }

  /** How many keys can be remembered at most. */
  get places(): number {
    return this.#reasons.length
  }

  remember(key: string, why: Absence): void {
    const first = keyHash(key)
    const at = first & this.#mask
    this.#first[at] = first
    this.#second[at] = keyHash(key, SECOND_SEED)
    this.#reasons[at] = REASONS.indexOf(why)
  }

  of(key: string): Absence {
    const first = keyHash(key)
    const at = first & this.#mask
    if (this.#first[at] !== first || this.#second[at] !== keyHash(key, SECOND_SEED)) return 'never-stored'
    return REASONS[this.#reasons[at]!]!
  }
}
