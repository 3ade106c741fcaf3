import type { Handle } from '../handle.ts'

/**
 * Shared state of an installation. Everything a request needs is read synchronously from a local snapshot; writes
 * are promises, kept when they resolve. Every node that opens the same place sees the same state, at the latest
 * after the store's refresh interval. Reading counts and changes nothing, so explain reads what a request reads.
 */
export interface State extends AsyncDisposable {
  readonly counters: RateCounters
  readonly ipSets: IpSets
  readonly blocks: Blocks
  readonly invalidations: Invalidations
  readonly values: Values
  /** Takes in at once what other nodes have written and counted. Rejects with `unavailable` or `corrupt`. */
  refresh(): Promise<void>
  /** Milliseconds since the snapshots were last known to be true; a metric, and a reason for alarm when it grows. */
  readonly ageMs: number
  close(): Promise<void>
}

// ---------------------------------------------------------------- rate counters

/** What a counter counts against. Changing limit or window resets it, as AWS WAF documents for rate rules. */
export interface RateSpec {
  /** One name per counted rule in the installation, for example `web-acl/rule`. */
  readonly name: string
  /** Additions per window above which the caller acts. It decides how often nodes tell each other, nothing else. */
  readonly limit: number
  /** 1 to 86,400 seconds. */
  readonly windowSeconds: number
  /** Keys told apart at most; 10,000 unless given, which is AWS WAF's bound for a rate rule. */
  readonly maxKeys?: number
}

/** Counters of additions per key over a sliding window, approximately the same on every node. */
export interface RateCounters {
  /** The counter of this name; the same object as before when limit, window and bound are the same, else a new one. */
  open(spec: RateSpec): RateCounter
  /** Forgets a counter, for example of a rule that a reload took away. */
  drop(name: string): void
  /** Tells the other nodes what was counted here and takes in what they counted, now. */
  flush(): Promise<void>
}

/**
 * One counter. The estimate is the additions within the window, exact but for one slot (a sixth of a window up to a
 * minute, ten seconds up to ten minutes, a sixtieth above), of which the part still inside is taken. It falls short
 * by what other nodes have not told yet, and by at most `e * additions / maxKeys` when more than `maxKeys` keys are
 * seen in a window; no addition is ever counted for another key.
 */
export interface RateCounter {
  readonly spec: RateSpec
  /** Counts `amount` (1) for `key` and gives the estimate for the window that ends now. */
  add(key: string, amount?: number): number
  /** The estimate, counting nothing. */
  peek(key: string): number
  /** The keys with the highest estimates, highest first; for people and the control plane, not for a request. */
  top(count: number): readonly { readonly key: string; readonly estimate: number }[]
  /** Keys held now. */
  readonly size: number
}

// ---------------------------------------------------------------- IP sets

export interface IpSet {
  readonly name: string
  readonly description: string
  /** `any` mixes both; an AWS WAF IP set holds one family. */
  readonly family: 'ipv4' | 'ipv6' | 'any'
  /** CIDR blocks in the order given. */
  readonly addresses: readonly string[]
  /** Counts up by one with each update. */
  readonly version: number
  /** Names this version; an update must bring it (AWS WAF's LockToken). */
  readonly lockToken: string
}

/** What an IP set is made from. At most 10,000 addresses, each in CIDR notation and none of them /0 (WAFV2 IPSet). */
export interface IpSetContent {
  readonly family: IpSet['family']
  readonly addresses: readonly string[]
  readonly description?: string
}

export interface IpSets {
  /** The set of this name, followed through every update; `current` is undefined while there is none. */
  handle(name: string): Handle<IpSet | undefined>
  /** All sets by name, as they are known here. */
  list(): readonly IpSet[]
  /** Rejects with `exists`, `invalid` or `limit`. */
  create(name: string, content: IpSetContent): Promise<IpSet>
  /** Replaces the addresses. Rejects with `not-found`, `conflict` when `lockToken` is not current, `invalid`, `limit`. */
  update(name: string, lockToken: string, addresses: readonly string[], description?: string): Promise<IpSet>
  /** Rejects with `not-found` or `conflict`. */
  delete(name: string, lockToken: string): Promise<void>
}

// ---------------------------------------------------------------- blocks

export interface Block {
  /** Who is blocked and where, in the words of whoever blocks: `ip:192.0.2.7`, `ja4:…@shop`. 1 to 512 characters. */
  readonly actor: string
  /** Milliseconds since the Unix epoch; the block is over at this moment. */
  readonly until: number
  /** For people, up to 1,024 characters. */
  readonly reason: string
  readonly source: 'manual' | 'automatic' | 'feed'
  readonly since: number
}

/** The blocks at one moment. */
export interface BlockTable {
  /** The block in force for `actor` at `nowMs`, or undefined. */
  find(actor: string, nowMs: number): Block | undefined
  /** Every block that was in force when the table was made. */
  readonly all: readonly Block[]
}

/**
 * Actors to refuse. Bounded: when it is full, blocks that are over go first, then the automatic or feed block that
 * would end first; a manual block is only removed by `lift`, and where all are manual, `put` rejects with `limit`.
 */
export interface Blocks extends Handle<BlockTable> {
  /** Adds blocks; one for an actor already blocked replaces it and keeps its `since`. All of them or none. */
  put(blocks: readonly Omit<Block, 'since'>[]): Promise<void>
  /** Ends blocks early; gives the number that were in force. */
  lift(actors: readonly string[]): Promise<number>
}

// ---------------------------------------------------------------- invalidations

/** One thing to invalidate. `soft` ends freshness only; otherwise a match must not be served in any way. */
export interface InvalidationItem {
  readonly kind: 'path' | 'prefix' | 'tag' | 'all'
  /** The path, the prefix, the tag; empty for `all`. Up to 4,096 characters. */
  readonly value: string
  readonly soft: boolean
}

export interface Invalidation extends InvalidationItem {
  /** 1, 2, 3, … without a gap within a distribution and epoch. */
  readonly seq: number
  /** The caller's reference; the same for all items of a batch. */
  readonly id: string
  readonly at: number
  readonly by: string
}

export interface InvalidationBatch {
  /** CloudFront's CallerReference: the same id with the same items is answered with what was logged the first time. */
  readonly id: string
  readonly items: readonly InvalidationItem[]
  readonly by: string
}

/** What was logged after a position, in order. */
export interface InvalidationsSince {
  readonly records: readonly Invalidation[]
  /**
   * False when the log cannot tell any more what came right after the asked position: it was trimmed (`floor` is
   * above it) or it belongs to another epoch. The caller must then treat everything born before as invalid.
   */
  readonly complete: boolean
}

export interface InvalidationLog {
  /** Random, made with the log. Positions of another epoch mean nothing. */
  readonly epoch: string
  /** The newest sequence number known here; 0 before the first. Read synchronously when a fill starts. */
  readonly seq: number
  /** Records up to and including this number have been trimmed. */
  readonly floor: number
  since(seq: number, epoch?: string): InvalidationsSince
  /** Rejects with `conflict` for a known id with other items, and with `invalid` or `limit`. */
  append(batch: InvalidationBatch): Promise<readonly Invalidation[]>
  /**
   * Told of new records in order, wherever they were appended. `reset` is true when the log began anew or this node
   * fell behind its trimmed end: then everything known before is void.
   */
  subscribe(listener: (records: readonly Invalidation[], reset: boolean) => void): () => void
}

export interface Invalidations {
  /** The log of one distribution, by its id. Bounded; the oldest records are trimmed. */
  log(distributionId: string): InvalidationLog
}

// ---------------------------------------------------------------- values

export interface VersionedValue {
  readonly key: string
  readonly value: string
  /** Never used twice for a key, not even after a delete. */
  readonly version: number
}

/** What must be true of a key for a write to happen. */
export type ValueCondition = { readonly ifVersion: number } | { readonly ifAbsent: true }

/** Small values under compare-and-set: leases, due times, challenge answers. Not for data that grows with traffic. */
export interface Values {
  get(key: string): VersionedValue | undefined
  handle(key: string): Handle<VersionedValue | undefined>
  /** Values whose key begins with `prefix`, by key. */
  list(prefix: string): readonly VersionedValue[]
  /** Rejects with `conflict` when the condition does not hold, and with `invalid` or `limit`. */
  put(key: string, value: string, condition?: ValueCondition): Promise<VersionedValue>
  /** Gives whether there was one. Rejects with `conflict`. */
  delete(key: string, ifVersion?: number): Promise<boolean>
}
