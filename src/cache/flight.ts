import type { Readable } from 'node:stream'
import { Fault } from '../faults.ts'
import type { NameSelector } from '../http/name-selector.ts'
import type { Lookup } from '../rooms.ts'
import type { CacheFacts, Passage } from '../visit.ts'
import type { Entry } from './entry.ts'
import type { Fill } from './fill.ts'
import type { Found } from './store/store.ts'

/** Somebody who waits for the answer that another request is fetching. */
export interface Waiter {
  readonly passage: Passage
  readonly facts: CacheFacts
  readonly bits: number
  readonly settle: (lookup: Lookup) => void
}

/**
 * One fetch of the cache: who asked for it, who waits for it, and what has come of it. It survives the leaving of
 * whoever began it as long as somebody waits.
 */
export class Flight {
  readonly key: string
  /** On which the origin is asked. */
  readonly passage: Passage
  /** Of the request that began it. */
  readonly facts: CacheFacts
  readonly bits: number
  /** What is validated by it, or served instead when the origin fails. */
  readonly stale: Found | undefined
  readonly requestedAt: number
  /** Whether others may wait for it. */
  readonly isShared: boolean
  /** It renews in the background what is served stale meanwhile. */
  readonly isRefresh: boolean
  /** A stored part that this fetch completes. */
  readonly part: Found | undefined
  readonly waiters: Waiter[] = []
  /** Set when the answer may be kept: from then on it is read while it arrives. */
  arriving: Arriving | undefined = undefined
  /** Tags that were invalidated while nothing was known of the answer. */
  invalidatedTags: NameSelector[] | undefined = undefined
  /** Invalidated under way: whatever comes of it is not kept. */
  isDead = false
  /** The answer has come: who leaves now leaves its body, not the request. */
  isAnswered = false
  /** Told when nobody wants the answer any more, before it has come. */
  onAbandoned: (() => void) | undefined = undefined
  #interested: number

  constructor(begin: {
    readonly key: string
    readonly passage: Passage
    readonly facts: CacheFacts
    readonly bits: number
    readonly stale: Found | undefined
    readonly part: Found | undefined
    readonly requestedAt: number
    readonly isShared: boolean
    readonly isRefresh: boolean
    /** False for a refresh in the background, which nobody's leaving ends. */
    readonly hasViewer: boolean
  }) {
    this.key = begin.key
    this.passage = begin.passage
    this.facts = begin.facts
    this.bits = begin.bits
    this.stale = begin.stale
    this.part = begin.part
    this.requestedAt = begin.requestedAt
    this.isShared = begin.isShared
    this.isRefresh = begin.isRefresh
    this.#interested = begin.hasViewer ? 1 : Number.POSITIVE_INFINITY
  }

  /** Lets another request wait for the answer. */
  wait(passage: Passage, facts: CacheFacts, bits: number): Promise<Lookup> {
    return new Promise((settle) => {
      this.#interested++
      const waiter: Waiter = { passage, facts, bits, settle }
      this.waiters.push(waiter)
      passage.onDepart(() => {
        const at = this.waiters.indexOf(waiter)
        if (at === -1) return
        this.waiters.splice(at, 1)
        settle({ kind: 'fault', fault: new Fault('ClientHungUp'), facts })
        this.leave()
      })
    })
  }

  /** One of those who want the answer has gone; with the last of them the request to the origin ends. */
  leave(): void {
    if (this.isAnswered || --this.#interested > 0) return
    this.onAbandoned?.()
    this.passage.depart()
  }

  /** Takes everybody who waits, once; they do not follow the flight any more. */
  takeWaiters(): Waiter[] {
    const all = this.waiters.splice(0)
    for (const waiter of all) waiter.passage.onDepart(undefined)
    return all
  }
}

/** An answer that is kept, while it arrives: it can be read from its beginning as if it were stored. */
export class Arriving implements Found {
  readonly entry: Entry
  readonly bytes: Buffer | undefined
  readonly fill: Fill | undefined

  constructor(entry: Entry, body: Buffer | Fill) {
    this.entry = entry
    this.bytes = Buffer.isBuffer(body) ? body : undefined
    this.fill = Buffer.isBuffer(body) ? undefined : body
  }

  get isReadable(): boolean {
    return this.fill === undefined || this.fill.isOpenToReaders
  }

  open(first: number, last: number): Readable {
    return this.fill!.read(first, last)
  }
}
