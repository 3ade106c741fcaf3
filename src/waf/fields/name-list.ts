import type { MatchScope, NamePattern, Oversize } from '../plan.ts'
import { type FieldValues, namedValues, outcome } from './field-values.ts'

/** Bytes and entries of headers or cookies that AWS WAF looks at (DG:waf-oversize-request-components). */
const MAX_BYTES = 8_192
const MAX_ENTRIES = 200

/** Collects names and values of headers or cookies up to the limits, and what of them is to be inspected. */
export class NameList {
  readonly #pattern: NamePattern
  readonly #scope: MatchScope
  readonly #foldsCase: boolean
  readonly #values: string[] = []
  readonly #names: string[] = []
  #bytes = 0
  #entries = 0
  #isOversize = false

  constructor(pattern: NamePattern, scope: MatchScope, foldsCase: boolean) {
    this.#pattern = pattern
    this.#scope = scope
    this.#foldsCase = foldsCase
  }

  get isOversize(): boolean {
    return this.#isOversize
  }

  add(name: string, value: string): void {
    if (this.#isOversize) return
    if (++this.#entries > MAX_ENTRIES) {
      this.#isOversize = true
      return
    }
    const room = MAX_BYTES - this.#bytes
    this.#bytes += name.length + value.length
    if (this.#bytes > MAX_BYTES) this.#isOversize = true
    if (!this.#isWanted(name) || room <= 0) return
    const kept = this.#isOversize ? value.slice(0, Math.max(0, room - name.length)) : value
    if (this.#scope !== 'VALUE') this.#push(name, name)
    if (this.#scope !== 'KEY') this.#push(kept, name)
  }

  take(oversize: Oversize): FieldValues {
    if (this.#isOversize && oversize !== undefined) return outcome(oversize)
    return namedValues(this.#values, this.#names)
  }

  #push(value: string, name: string): void {
    this.#values.push(value)
    this.#names.push(name)
  }

  #isWanted(name: string): boolean {
    const pattern = this.#pattern
    if (pattern.mode === 'all') return true
    const isListed = pattern.names.has(this.#foldsCase ? name.toLowerCase() : name)
    return isListed === (pattern.mode === 'included')
  }
}
