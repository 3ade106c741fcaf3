import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Journal } from '../journal.ts'
import { SeamError, asError } from '../seam-error.ts'
import { checkText, openPart } from './part.ts'
import type { PartOptions } from './part.ts'
import type {
  Invalidation,
  InvalidationBatch,
  InvalidationLog,
  Invalidations,
  InvalidationsSince,
} from './state.ts'

/** Records kept per distribution unless told otherwise. */
export const MAX_RECORDS = 10_000
/** CloudFront quota: 3,000 file paths of invalidations in progress. */
export const MAX_BATCH_ITEMS = 3_000
const MAX_LOGS = 1_000
const MAX_VALUE_CHARACTERS = 4_096

const invalidationSchema = z.strictObject({
  kind: z.enum(['path', 'prefix', 'tag', 'all']),
  value: z.string(),
  soft: z.boolean(),
  seq: z.number().int().positive(),
  id: z.string(),
  at: z.number(),
  by: z.string(),
})
const recordSchema = z.union([
  z.strictObject({ distribution: z.string(), entry: invalidationSchema }),
  // What a compacted file says of the records that are no longer in it.
  z.strictObject({ distribution: z.string(), floor: z.number().int().nonnegative() }),
])
type InvalidationRecord = z.infer<typeof recordSchema>
type Listener = (records: readonly Invalidation[], reset: boolean) => void

/** What is known of one distribution; `entries[i].seq` is `floor + 1 + i`. */
interface LogState {
  floor: number
  entries: Invalidation[]
}

/** Invalidation logs in a journal; see Invalidations. */
export class EmbeddedInvalidations implements Invalidations {
  #states = new Map<string, LogState>()
  #appliedEpoch = ''
  readonly #logs = new Map<string, EmbeddedLog>()
  readonly #options: PartOptions
  readonly #maxRecords: number
  #journal: Journal<InvalidationRecord> | undefined

  private constructor(options: PartOptions, maxRecords: number) {
    this.#options = options
    this.#maxRecords = maxRecords
  }

  static async open(options: PartOptions, maxRecords = MAX_RECORDS): Promise<EmbeddedInvalidations> {
    const invalidations = new EmbeddedInvalidations(options, maxRecords)
    const journal = await openPart<InvalidationRecord>(options, {
      name: 'invalidations',
      schema: recordSchema,
      apply: (records, fromScratch) => invalidations.#apply(records, fromScratch),
      snapshot: () => invalidations.#snapshot(),
    })
    invalidations.#journal = journal
    invalidations.#appliedEpoch = journal.epoch
    return invalidations
  }

  log(distributionId: string): InvalidationLog {
    let log = this.#logs.get(distributionId)
    if (log === undefined) {
      log = new EmbeddedLog(this, distributionId)
      this.#logs.set(distributionId, log)
    }
    return log
  }

  get epoch(): string {
    return this.#appliedEpoch
  }

  /** What is known of a distribution, or undefined before its first record. */
  stateOf(distribution: string): LogState | undefined {
    return this.#states.get(distribution)
  }

  async append(distribution: string, batch: InvalidationBatch): Promise<readonly Invalidation[]> {
    checkText('the id of a distribution', distribution, 128)
    checkBatch(batch)
    return await this.#openJournal().transact(() => {
      const state = this.#states.get(distribution)
      const known = state?.entries.filter((entry) => entry.id === batch.id) ?? []
      if (known.length > 0) {
        const items = known.map(({ kind, value, soft }) => ({ kind, value, soft }))
        const asked = batch.items.map(({ kind, value, soft }) => ({ kind, value, soft }))
        // CloudFront: the same CallerReference with other paths is an error, with the same paths it is a retry.
        if (isDeepStrictEqual(items, asked)) return { records: [], result: known }
        throw new SeamError('conflict', `the invalidation ${batch.id} exists with other items: use a new id`)
      }
      if (state === undefined && this.#states.size >= MAX_LOGS) {
        throw new SeamError(
          'limit',
          `there are invalidation logs of ${MAX_LOGS} distributions, which is the limit`,
        )
      }
      let seq = state === undefined ? 0 : seqOf(state)
      const at = this.#options.clock.now()
      const result = batch.items.map(({ kind, value, soft }) =>
        Object.freeze({ kind, value, soft, seq: ++seq, id: batch.id, at, by: batch.by }),
      )
      return { records: result.map((entry) => ({ distribution, entry })), result }
    })
  }

  async refresh(): Promise<void> {
    await this.#openJournal().refresh()
  }

  async close(): Promise<void> {
    await this.#openJournal().close()
  }

  #openJournal(): Journal<InvalidationRecord> {
    if (this.#journal === undefined)
      throw new SeamError('closed', 'the invalidations were used before they were open')
    return this.#journal
  }

  *#snapshot(): Iterable<InvalidationRecord> {
    for (const [distribution, { floor, entries }] of this.#states) {
      yield { distribution, floor }
      for (const entry of entries) yield { distribution, entry }
    }
  }

  #apply(records: readonly InvalidationRecord[], fromScratch: boolean): void {
    const before = new Map<string, number>()
    for (const [distribution, state] of this.#states) before.set(distribution, seqOf(state))
    const epoch = this.#journal?.epoch ?? ''
    const isNewEpoch = epoch !== this.#appliedEpoch
    this.#appliedEpoch = epoch
    if (fromScratch) this.#states = new Map()
    const touched = new Set<string>()
    for (const record of records) {
      touched.add(record.distribution)
      this.#take(record)
    }
    if (isNewEpoch) for (const distribution of before.keys()) touched.add(distribution)
    for (const distribution of touched) {
      const log = this.#logs.get(distribution)
      if (log === undefined) continue
      const since = log.since(before.get(distribution) ?? 0)
      const reset = isNewEpoch || !since.complete
      const fresh = reset ? (this.#states.get(distribution)?.entries.slice() ?? []) : since.records
      if (reset || fresh.length > 0) log.tell(fresh, reset, this.#options.report)
    }
  }

  #take(record: InvalidationRecord): void {
    let state = this.#states.get(record.distribution)
    if (state === undefined) {
      state = { floor: 0, entries: [] }
      this.#states.set(record.distribution, state)
    }
    if ('floor' in record) {
      state.floor = record.floor
      state.entries = []
      return
    }
    state.entries.push(Object.freeze(record.entry))
    // Trimmed a tenth at a time, so that a full log does not move its records with every append.
    const surplus = state.entries.length - this.#maxRecords
    if (surplus > 0) {
      const count = Math.max(surplus, Math.floor(this.#maxRecords / 10))
      state.entries.splice(0, count)
      state.floor += count
    }
  }
}

/** The view of one distribution's log. */
class EmbeddedLog implements InvalidationLog {
  readonly #owner: EmbeddedInvalidations
  readonly #distribution: string
  readonly #listeners = new Set<{ readonly listener: Listener }>()

  constructor(owner: EmbeddedInvalidations, distribution: string) {
    this.#owner = owner
    this.#distribution = distribution
  }

  get epoch(): string {
    return this.#owner.epoch
  }

  get seq(): number {
    const state = this.#owner.stateOf(this.#distribution)
    return state === undefined ? 0 : seqOf(state)
  }

  get floor(): number {
    return this.#owner.stateOf(this.#distribution)?.floor ?? 0
  }

  since(seq: number, epoch = this.epoch): InvalidationsSince {
    const entries = this.#owner.stateOf(this.#distribution)?.entries ?? []
    // A position ahead of the log is one the log has lost, for example to a restored backup.
    const complete = epoch === this.epoch && seq >= this.floor && seq <= this.seq
    return { records: complete ? entries.slice(seq - this.floor) : entries.slice(), complete }
  }

  async append(batch: InvalidationBatch): Promise<readonly Invalidation[]> {
    return await this.#owner.append(this.#distribution, batch)
  }

  subscribe(listener: Listener): () => void {
    const entry = { listener }
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  tell(records: readonly Invalidation[], reset: boolean, report: PartOptions['report']): void {
    for (const { listener } of this.#listeners) {
      try {
        listener(records, reset)
      } catch (error) {
        report(asError(error))
      }
    }
  }
}

function seqOf(state: LogState): number {
  return state.floor + state.entries.length
}

function checkBatch(batch: InvalidationBatch): void {
  checkText('the id of an invalidation', batch.id, 128)
  checkText('who asks for an invalidation', batch.by, 256)
  if (batch.items.length === 0)
    throw new SeamError('invalid', `the invalidation ${batch.id} names nothing to invalidate`)
  if (batch.items.length > MAX_BATCH_ITEMS) {
    throw new SeamError(
      'limit',
      `the invalidation ${batch.id} has ${batch.items.length} items; ${MAX_BATCH_ITEMS} is the limit: split it, or use a prefix`,
    )
  }
  for (const { kind, value } of batch.items) {
    if (kind !== 'all') checkText(`a ${kind} of the invalidation ${batch.id}`, value, MAX_VALUE_CHARACTERS)
    else if (value !== '')
      throw new SeamError('invalid', `"all" in the invalidation ${batch.id} takes no value`)
  }
}
