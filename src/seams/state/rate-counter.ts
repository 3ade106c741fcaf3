import { createHash } from 'node:crypto'
import { SeamError } from '../seam-error.ts'
import { KeyTable } from './key-table.ts'
import type { RateCounter, RateSpec } from './state.ts'

/** AWS WAF limits at most 10,000 addresses per rate rule. */
export const DEFAULT_MAX_KEYS = 10_000
const MAX_KEYS = 1_000_000
const SLOT_MS = 10_000
const MIN_SLOTS = 6
const MAX_SLOTS = 60
/** A longer key is counted under its digest, so that a header of 32 KB costs no more memory than an address. */
const MAX_KEY_CHARACTERS = 256

/** What one node has counted of one counter, absolute, so that sending it twice changes nothing. */
export interface CounterReport {
  readonly name: string
  readonly windowMs: number
  /** Wall-clock start of the slot that the first number of each key stands for. */
  readonly slotStartedAt: number
  /** Per key the additions per slot, newest slot first. */
  readonly keys: readonly (readonly [key: string, perSlot: readonly number[]])[]
}

/** How a counter reads time and tells its owner that others should hear of it. */
export interface CounterSurroundings {
  /** Milliseconds that only move forward, near the wall clock so that nodes agree on slots. */
  steadyNow(): number
  /** Wall-clock milliseconds. */
  wallNow(): number
  /** Nodes that count, this one included; undefined where this node is alone for good. */
  nodes(): number | undefined
  /** A key has moved by a tenth of its limit divided by the nodes, or crossed its limit. */
  onMoved(): void
  /** A key is above half of its limit. */
  onHot(): void
}

/**
 * A counter over slots: the window is cut into 6 to 60 slots, and the slot that is leaving it counts by the part
 * still inside. Memory is bounded by `maxKeys`; the key that gives way when a new one comes is the one with the
 * least additions lately (space-saving with forward decay), and what is dropped is never charged to another key, so
 * that a flood of keys cannot get anybody blocked.
 */
export class SlottedRateCounter implements RateCounter {
  readonly spec: Required<RateSpec>
  readonly windowMs: number
  readonly #slots: number
  readonly #slotMs: number
  readonly #table: KeyTable
  readonly #around: CounterSurroundings
  #uncountedMoves = false

  constructor(spec: RateSpec, around: CounterSurroundings) {
    this.spec = checkedSpec(spec)
    this.windowMs = this.spec.windowSeconds * 1_000
    this.#slots = Math.min(MAX_SLOTS, Math.max(MIN_SLOTS, Math.ceil(this.windowMs / SLOT_MS)))
    this.#slotMs = this.windowMs / this.#slots
    this.#around = around
    this.#table = new KeyTable(this.spec.maxKeys, this.#slots)
  }

  get size(): number {
    return this.#table.size
  }

  /** Whether anything was counted since the last report. */
  get hasMoved(): boolean {
    return this.#uncountedMoves
  }

  add(key: string, amount = 1): number {
    if (!(amount > 0 && amount < Infinity)) return this.peek(key)
    const now = this.#around.steadyNow()
    const slot = Math.floor(now / this.#slotMs)
    const row = this.#table.rowFor(boundedKey(key), slot)
    const estimate = this.#table.add(row, slot, amount, now / this.#slotMs - slot)
    this.#uncountedMoves = true
    const nodes = this.#around.nodes()
    if (nodes !== undefined) {
      const { limit } = this.spec
      const crossed = estimate > limit && estimate - amount <= limit
      if (crossed || this.#table.unreported(row) * nodes * 10 >= limit) this.#around.onMoved()
      if (estimate * 2 > limit) this.#around.onHot()
    }
    return estimate
  }

  peek(key: string): number {
    const row = this.#table.find(boundedKey(key))
    if (row === undefined) return 0
    const now = this.#around.steadyNow()
    const slot = Math.floor(now / this.#slotMs)
    return this.#table.estimate(row, slot, now / this.#slotMs - slot)
  }

  top(count: number): readonly { readonly key: string; readonly estimate: number }[] {
    const now = this.#around.steadyNow()
    const slot = Math.floor(now / this.#slotMs)
    const found: { key: string; estimate: number }[] = []
    for (let row = 0; row < this.#table.size; row++) {
      const estimate = this.#table.estimate(row, slot, now / this.#slotMs - slot)
      if (estimate > 0) found.push({ key: this.#table.keyOf(row), estimate })
    }
    return found.sort((a, b) => b.estimate - a.estimate).slice(0, count)
  }

  /** What others should know: keys counted here at least a twentieth of the limit divided by the nodes. */
  report(nodes: number): CounterReport {
    const slot = Math.floor(this.#around.steadyNow() / this.#slotMs)
    const keys = this.#table.report(slot, this.spec.limit / (20 * nodes))
    this.#uncountedMoves = false
    return { name: this.spec.name, windowMs: this.windowMs, slotStartedAt: this.#slotStartedAt(slot), keys }
  }

  /** Replaces what is known of the others' counts. Reports of another window are passed over. */
  takeOthers(reports: readonly CounterReport[]): void {
    const slot = Math.floor(this.#around.steadyNow() / this.#slotMs)
    const startedAt = this.#slotStartedAt(slot)
    this.#table.clearOthers()
    for (const report of reports) {
      if (report.windowMs !== this.windowMs) continue
      // A report from the future (a clock was set back) counts as of now.
      const age = Math.max(0, Math.round((startedAt - report.slotStartedAt) / this.#slotMs))
      for (const [key, perSlot] of report.keys) this.#table.addOthers(boundedKey(key), slot, age, perSlot)
    }
  }

  #slotStartedAt(slot: number): number {
    return this.#around.wallNow() - (this.#around.steadyNow() - slot * this.#slotMs)
  }
}

function checkedSpec(spec: RateSpec): Required<RateSpec> {
  const { name, limit, windowSeconds, maxKeys = DEFAULT_MAX_KEYS } = spec
  const problem = !(limit > 0 && limit < Infinity)
    ? `limit ${limit}; expected a positive number`
    : !(windowSeconds >= 1 && windowSeconds <= 86_400)
      ? `windowSeconds ${windowSeconds}; expected 1 to 86400`
      : !(Number.isInteger(maxKeys) && maxKeys >= 1 && maxKeys <= MAX_KEYS)
        ? `maxKeys ${maxKeys}; expected 1 to ${MAX_KEYS}`
        : undefined
  if (problem !== undefined) throw new SeamError('invalid', `the rate counter "${name}" has ${problem}`)
  return Object.freeze({ name, limit, windowSeconds, maxKeys })
}

function boundedKey(key: string): string {
  return key.length <= MAX_KEY_CHARACTERS
    ? key
    : `sha256:${createHash('sha256').update(key).digest('base64url')}`
}
