import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Awaitable } from '../base/promise.ts'
import { replaceFile } from '../seams/replace-file.ts'
import type { Invalidation, InvalidationItem, InvalidationLog } from '../seams/state/state.ts'
import type { Selection } from './store/store.ts'

/** What is to be invalidated, in the words of users. */
export interface InvalidationRequest {
  readonly distributionId: string
  /** Paths with query as in the key; `*` at the end stands for everything that begins so. */
  readonly paths?: readonly string[]
  /** `*` at the end stands for all tags that begin so. */
  readonly tags?: readonly string[]
  /** Everything of the distribution. */
  readonly all?: boolean
  /** Mark stale instead of removing. */
  readonly soft?: boolean
  /** The caller's reference: the same with the same items is done once. Made up unless given. */
  readonly id?: string
  /** Who asks, for the log. */
  readonly by: string
}

export interface InvalidationFollowerOptions {
  readonly log: (distributionId: string) => InvalidationLog
  /** Invalidates in the cache of this process; gives how many entries. */
  readonly apply: (
    selection: Selection & { readonly distributionId: string },
    options: { readonly soft: boolean },
  ) => Awaitable<number>
  /** Where it is kept what was applied; undefined when what is stored does not outlive the process. */
  readonly positionFile: string | undefined
  readonly report: (problem: string) => void
}

const positionsSchema = z.record(
  z.string(),
  z.strictObject({ epoch: z.string(), seq: z.number().int().min(0) }),
)
type Positions = z.infer<typeof positionsSchema>

/**
 * Follows the invalidation logs of distributions: whatever any process logs is applied here, in order, and counts as
 * done when it is applied. What was logged while this process was not running is caught up with at the start; where the
 * log cannot tell any more what it was, everything stored of the distribution goes.
 */
export class InvalidationFollower {
  readonly #options: InvalidationFollowerOptions
  readonly #followed = new Map<string, () => void>()
  /** By id of the invalidation: how many entries each part of it concerned here. */
  readonly #counts = new Map<string, Awaitable<number>[]>()
  #positions: Positions = {}
  #saving: Promise<void> = Promise.resolve()
  /** Invalidations that are going through the store. */
  readonly #underWay = new Set<Promise<number>>()

  private constructor(options: InvalidationFollowerOptions) {
    this.#options = options
  }

  static async open(options: InvalidationFollowerOptions): Promise<InvalidationFollower> {
    const follower = new InvalidationFollower(options)
    if (options.positionFile !== undefined) follower.#positions = await readPositions(options.positionFile)
    return follower
  }

  /** Follows these distributions, and no others. */
  async follow(distributionIds: readonly string[]): Promise<void> {
    for (const [id, stop] of this.#followed) {
      if (distributionIds.includes(id)) continue
      stop()
      this.#followed.delete(id)
    }
    for (const id of distributionIds) if (!this.#followed.has(id)) await this.#begin(id)
  }

  /** Logs an invalidation and gives how many entries it concerned in this process. */
  async append(request: InvalidationRequest): Promise<{ readonly id: string; readonly count: number }> {
    const id = request.id ?? crypto.randomUUID()
    const log = this.#options.log(request.distributionId)
    if (!this.#followed.has(request.distributionId)) await this.#begin(request.distributionId)
    await log.append({ id, items: itemsOf(request), by: request.by })
    let count = 0
    for (const each of this.#counts.get(id) ?? []) count += await each
    this.#counts.delete(id)
    return { id, count }
  }

  async close(): Promise<void> {
    for (const stop of this.#followed.values()) stop()
    this.#followed.clear()
    await this.#saving
  }

  async #begin(id: string): Promise<void> {
    const log = this.#options.log(id)
    this.#followed.set(
      id,
      log.subscribe((records, reset) => this.#apply(id, log, records, reset)),
    )
    const { positionFile } = this.#options
    const position = this.#positions[id]
    // Nothing is stored that is older than a process without a store of its own.
    if (positionFile !== undefined && log.seq > 0) {
      const { records, complete } = log.since(position?.seq ?? 0, position?.epoch)
      this.#apply(id, log, records, !complete)
    }
    this.#note(id, log)
  }

  #apply(
    distributionId: string,
    log: InvalidationLog,
    records: readonly Invalidation[],
    reset: boolean,
  ): void {
    if (reset) void this.#do({ distributionId }, false)
    else {
      for (const batch of batchesOf(records))
        this.#count(batch.id, this.#do({ distributionId, ...batch.selection }, batch.soft))
    }
    this.#note(distributionId, log)
  }

  #do(selection: Selection & { readonly distributionId: string }, soft: boolean): Awaitable<number> {
    const done = this.#options.apply(selection, { soft })
    if (!(done instanceof Promise)) return done
    const work = done.catch((error: unknown) => {
      this.#options.report(`an invalidation: ${String(error)}`)
      return 0
    })
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
    return work
  }

  #count(id: string, count: Awaitable<number>): void {
    const counts = this.#counts.get(id)
    if (counts !== undefined) counts.push(count)
    else this.#counts.set(id, [count])
    if (this.#counts.size > MOST_COUNTS) this.#counts.delete(this.#counts.keys().next().value!)
  }

  #note(id: string, log: InvalidationLog): void {
    const { positionFile } = this.#options
    if (positionFile === undefined) return
    this.#positions[id] = { epoch: log.epoch, seq: log.seq }
    const text = JSON.stringify(this.#positions)
    // Not before the store has done it for good: a process that is killed in between does it again.
    const before = [...this.#underWay]
    this.#saving = this.#saving
      .then(async () => {
        await Promise.all(before)
        await mkdir(dirname(positionFile), { recursive: true })
        await replaceFile(positionFile, text, 0o600)
      })
      .catch((error: unknown) =>
        this.#options.report(
          `${positionFile} cannot be written (${String(error)}): after a restart invalidations are applied again`,
        ),
      )
  }
}

const MOST_COUNTS = 1000

/** The items of a request for the log. Without any it is refused there. */
export function itemsOf(request: InvalidationRequest): InvalidationItem[] {
  const soft = request.soft ?? false
  const items: InvalidationItem[] = []
  if (request.all === true) items.push({ kind: 'all', value: '', soft })
  for (const path of request.paths ?? []) {
    if (path === '*' || path === '/*') items.push({ kind: 'all', value: '', soft })
    else if (path.endsWith('*')) items.push({ kind: 'prefix', value: path.slice(0, -1), soft })
    else items.push({ kind: 'path', value: path, soft })
  }
  for (const tag of request.tags ?? []) items.push({ kind: 'tag', value: tag, soft })
  return items
}

interface Batch {
  readonly id: string
  readonly soft: boolean
  readonly selection: Selection
}

/** Records as selections, so that three thousand paths of one invalidation are one pass through the store. */
function* batchesOf(records: readonly Invalidation[]): Generator<Batch> {
  const groups = new Map<
    string,
    { id: string; soft: boolean; paths: string[]; tags: string[]; all: boolean }
  >()
  for (const { id, soft, kind, value } of records) {
    const name = `${soft} ${id}`
    let group = groups.get(name)
    if (group === undefined) groups.set(name, (group = { id, soft, paths: [], tags: [], all: false }))
    if (kind === 'all') group.all = true
    else if (kind === 'tag') group.tags.push(value)
    else group.paths.push(kind === 'prefix' ? `${value}*` : value)
  }
  for (const { id, soft, paths, tags, all } of groups.values()) {
    if (all) yield { id, soft, selection: {} }
    if (paths.length > 0) yield { id, soft, selection: { paths } }
    if (tags.length > 0) yield { id, soft, selection: { tags } }
  }
}

async function readPositions(file: string): Promise<Positions> {
  try {
    const read = positionsSchema.safeParse(JSON.parse(await readFile(file, 'utf8')))
    return read.success ? read.data : {}
  } catch {
    // Without positions everything that is logged is applied again, which is never wrong.
    return {}
  }
}
