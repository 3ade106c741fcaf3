import type { Clock } from '../../../base/clock.ts'
import type { NameSelector } from '../../../http/name-selector.ts'
import type { Objects } from '../../../seams/objects/objects.ts'
import { asError, isSeamError } from '../../../seams/seam-error.ts'
import { RecentWrites } from './recent-writes.ts'
import { allVariants, Room } from './room.ts'
import {
  type KeptVariant,
  type NewVariant,
  newShelfCounts,
  type Purged,
  type Shelf,
  type SourceSelection,
} from './shelf.ts'
import { type VariantFacts, writeFacts } from './variant-facts.ts'
import type { VariantKey } from './variant-key.ts'
import { type DatedVariant, factsOf, headOf, purgeObjects, readVariant } from './variant-objects.ts'
import { WorkQueue } from './work-queue.ts'

export interface ObjectShelfOptions {
  /** Of the store, for reports. */
  readonly name: string
  readonly open: () => Promise<Objects>
  readonly clock: Clock
  readonly maxBytes: number
  readonly report: (problem: string) => void
}

/** S3 bounds names and values of metadata together to 2 KB. */
const MAX_FACTS_CHARACTERS = 2_000
/** How many bytes may wait to be written; more are not kept. */
const MAX_WAITING_BYTES = 64 << 20
/** Work beyond this that may as well be left is left. */
const MAX_WAITING_WORK = 1_000
/** A store that has failed, or does not answer, is left alone for a while: pictures are not to wait for it. */
const REST_MS = 10_000
const PATIENCE_MS = 2_000
const MAX_REMEMBERED_USES = 10_000

/** Variants in a store of objects, for all who use it: other processes, other nodes, and whoever starts later. */
export class ObjectShelf implements Shelf {
  readonly keepsAll = true
  readonly counts = newShelfCounts()
  readonly #options: ObjectShelfOptions
  readonly #queue: WorkQueue
  readonly #written: RecentWrites
  readonly #usedAt = new Map<string, number>()
  #maxBytes: number
  #opened: { readonly objects: Objects; readonly room: Room } | undefined
  #restUntil = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(options: ObjectShelfOptions) {
    this.#options = options
    this.#maxBytes = options.maxBytes
    this.#written = new RecentWrites(options.clock)
    this.#queue = new WorkQueue((error) => this.#failed('written', error))
  }

  get bytes(): number {
    return this.#opened?.room.bytes ?? 0
  }

  async find(key: string, tags: readonly string[]): Promise<KeptVariant | undefined> {
    if (this.#isResting || this.#isClosed) return undefined
    try {
      const kept = await this.#inTime((objects) => readVariant(objects, key))
      if (kept === undefined) {
        this.counts.missing++
        return undefined
      }
      this.#use(key)
      // It is open: something was read from it.
      const { room } = this.#opened!
      if (room.wantsRenewal(key, kept.lastModified)) this.#renew(key, kept.facts, tags)
      if (room.wantsLook(key)) this.#later('look', 0, [], async () => room.look(key))
      return kept
    } catch (error) {
      this.#failed('read', error)
      return undefined
    }
  }

  async peek(key: string): Promise<VariantFacts | undefined> {
    try {
      const { objects } = await this.#open()
      const head = await objects.head(key)
      return head && factsOf(head)
    } catch {
      return undefined
    }
  }

  keep({ key, prefix }: VariantKey, { bytes, facts, replaces, tags }: NewVariant): void {
    if (this.#queue.bytes + bytes.length > MAX_WAITING_BYTES || this.#isResting) {
      this.counts.skipped++
      return
    }
    this.#later(key, bytes.length, tags, async ({ objects, room }) => {
      // From now on it can be taken back, but not be kept from being written.
      this.#written.note(key, tags)
      const stated = await facts
      const text = writeFacts(stated)
      if (text.length > MAX_FACTS_CHARACTERS || !(await room.makeFor(key, bytes.length))) {
        this.counts.skipped++
        return
      }
      await objects.put(key, bytes, { ...headOf(stated, text), length: bytes.length })
      room.wrote(key, bytes.length)
      this.#use(key)
      this.counts.stored++
      if (replaces) await this.#forget(objects, prefix, stated.inputs[0]?.hash)
    })
  }

  restate(key: string, facts: VariantFacts, tags: readonly string[]): void {
    const text = writeFacts(facts)
    if (text.length > MAX_FACTS_CHARACTERS) return
    this.#later(`restate ${key}`, 0, tags, async ({ objects }) => {
      this.#written.note(key, tags)
      const read = await objects.get(key)
      // Facts say what they are true of, so whatever was put there meanwhile may be replaced.
      if (read !== undefined)
        await objects.put(key, read.body, { ...headOf(facts, text), length: read.length })
    })
  }

  /** Puts a variant anew as it is: others see that it is used by when it was put. */
  #renew(key: string, facts: VariantFacts, tags: readonly string[]): void {
    // Newer facts go before.
    if (this.#queue.size >= MAX_WAITING_WORK || this.#queue.has(`restate ${key}`)) return
    this.counts.renewed++
    this.restate(key, facts, tags)
  }

  forget({ prefix }: Pick<VariantKey, 'prefix'>): void {
    this.#later(`forget ${prefix}`, 0, [], ({ objects }) => this.#forget(objects, prefix, undefined))
  }

  async purge(selection: SourceSelection | undefined, tags: NameSelector): Promise<Purged> {
    this.#queue.turnAway(tags)
    // It is all looked through now.
    this.#written.take(tags)
    // What is being written now is purged as well.
    await this.flush()
    const { objects } = await this.#open()
    const purged = await purgeObjects(objects, selection)
    this.counts.removed += purged.variants
    return purged
  }

  async takeBack(selected: NameSelector): Promise<readonly string[]> {
    this.#queue.turnAway(selected)
    const written = this.#written.take(selected)
    if (written.length === 0) return []
    const gone = new Set<string>()
    // After what is being written now.
    this.#later(`take back ${crypto.randomUUID()}`, 0, [], async ({ objects }) => {
      for (const { key, tags } of written) {
        if ((await objects.head(key)) === undefined) continue
        await objects.delete(key)
        this.counts.removed++
        for (const tag of tags) gone.add(tag)
      }
    })
    await this.flush()
    return [...gone]
  }

  /** Another bound: the store is looked through once. */
  resize(maxBytes: number): void {
    if (maxBytes === this.#maxBytes) return
    this.#maxBytes = maxBytes
    this.#opened?.room.resize(maxBytes)
    this.sweep()
  }

  /** Looks through the whole store, group by group between other work, and lets go of what is more than the bound. */
  sweep(from = 0): void {
    this.#later('sweep', 0, [], async ({ room }) => {
      if (await room.sweep(from)) this.sweep(from + 1)
    })
  }

  async flush(): Promise<void> {
    await this.#queue.flush()
  }

  /** What waits to be kept is written first. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.flush()
  }

  /** Variants of other versions of a source than the one with this hash. */
  async #forget(objects: Objects, prefix: string, current: string | undefined): Promise<void> {
    for await (const { key } of allVariants(objects, prefix)) {
      const head = current === undefined ? undefined : await objects.head(key)
      const facts = head && factsOf(head)
      if (facts !== undefined && facts.inputs[0]?.hash === current) continue
      await objects.delete(key)
      this.counts.removed++
    }
  }

  get #isResting(): boolean {
    return this.#options.clock.monotonic() < this.#restUntil
  }

  #later(
    key: string,
    bytes: number,
    tags: readonly string[],
    work: (opened: { objects: Objects; room: Room }) => Promise<void>,
  ): void {
    if (!this.#isClosed) this.#queue.add(key, bytes, tags, async () => work(await this.#open()))
  }

  async #open(): Promise<{ readonly objects: Objects; readonly room: Room }> {
    const objects = await this.#options.open()
    this.#opened ??= {
      objects,
      room: new Room(
        {
          objects,
          now: () => this.#options.clock.now(),
          usedAt: (key) => this.#usedAt.get(key),
          evicted: () => void this.counts.evicted++,
        },
        this.#maxBytes,
      ),
    }
    return this.#opened
  }

  /** What the store answers, or a rejection when it takes longer than making the picture would. */
  async #inTime(
    ask: (objects: Objects) => Promise<DatedVariant | undefined>,
  ): Promise<DatedVariant | undefined> {
    let isLate = false
    const late = Promise.withResolvers<never>()
    const timer = this.#options.clock.after(PATIENCE_MS, () => {
      isLate = true
      late.reject(new Error(`no answer in ${PATIENCE_MS} ms`))
    })
    const answer = this.#open()
      .then(({ objects }) => ask(objects))
      .then((kept) => {
        if (isLate) kept?.body.discard()
        return kept
      })
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      timer.cancel()
      // Whichever comes second has nobody who hears it.
      answer.catch(ignore)
    }
  }

  #use(key: string): void {
    this.#usedAt.delete(key)
    this.#usedAt.set(key, this.#options.clock.now())
    if (this.#usedAt.size > MAX_REMEMBERED_USES) this.#usedAt.delete(this.#usedAt.keys().next().value!)
  }

  #failed(what: 'read' | 'written', error: unknown): void {
    // Another process was quicker, or this one is ending.
    if (isSeamError(error, 'conflict', 'not-found', 'closed')) return
    if (isSeamError(error, 'limit', 'invalid')) {
      this.counts.skipped++
      return
    }
    this.counts.failed++
    const { clock, name, report } = this.#options
    // Once for each rest, not once for each picture.
    if (!this.#isResting)
      report(
        `stored variants cannot be ${what} in ${name}, which is left alone for ${REST_MS / 1000} s: ${asError(error).message}`,
      )
    // One bad object says nothing of the others.
    if (!isSeamError(error, 'corrupt')) this.#restUntil = clock.monotonic() + REST_MS
  }
}

function ignore(): void {
  // Told elsewhere.
}
