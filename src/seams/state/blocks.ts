import { z } from 'zod'
import { HandleSource } from '../handle.ts'
import type { Journal } from '../journal.ts'
import { SeamError } from '../seam-error.ts'
import { checkText, openPart } from './part.ts'
import type { PartOptions } from './part.ts'
import type { Block, BlockTable, Blocks } from './state.ts'

/** Blocks held at most unless told otherwise: as many as one AWS WAF IP set has addresses. */
export const MAX_BLOCKS = 10_000

const blockSchema = z.strictObject({
  actor: z.string(),
  until: z.number(),
  reason: z.string(),
  source: z.enum(['manual', 'automatic', 'feed']),
  since: z.number(),
})
const recordSchema = z.union([z.strictObject({ put: blockSchema }), z.strictObject({ lifted: z.string() })])
type BlockRecord = z.infer<typeof recordSchema>

/** Blocks in a journal; see Blocks. */
export class EmbeddedBlocks implements Blocks {
  /** Replaced, never changed: the table in `current` reads it. */
  #blocks: ReadonlyMap<string, Block> = new Map()
  readonly #table: HandleSource<BlockTable>
  readonly #options: PartOptions
  readonly #maxBlocks: number
  #journal!: Journal<BlockRecord>

  private constructor(options: PartOptions, maxBlocks: number) {
    this.#options = options
    this.#maxBlocks = maxBlocks
    this.#table = new HandleSource(tableOf(this.#blocks), options.report)
  }

  static async open(options: PartOptions, maxBlocks = MAX_BLOCKS): Promise<EmbeddedBlocks> {
    const blocks = new EmbeddedBlocks(options, maxBlocks)
    blocks.#journal = await openPart<BlockRecord>(options, {
      name: 'blocks',
      schema: recordSchema,
      apply: (records, fromScratch) => blocks.#apply(records, fromScratch),
      snapshot: () => [...blocks.#blocks.values()].map((put) => ({ put })),
    })
    return blocks
  }

  get current(): BlockTable {
    return this.#table.current
  }

  subscribe(listener: (table: BlockTable) => void): () => void {
    return this.#table.subscribe(listener)
  }

  async put(blocks: readonly Omit<Block, 'since'>[]): Promise<void> {
    for (const block of blocks) {
      checkText('the actor of a block', block.actor, 512)
      checkText(`the reason of the block of ${block.actor}`, block.reason, 1_024)
      if (!Number.isSafeInteger(block.until)) {
        throw new SeamError(
          'invalid',
          `the block of ${block.actor} ends at ${block.until}; expected milliseconds since 1970`,
        )
      }
    }
    await this.#journal.transact(() => {
      const now = this.#options.clock.now()
      const after = new Map(this.#blocks)
      const records: BlockRecord[] = []
      for (const { actor, until, reason, source } of blocks) {
        const before = after.get(actor)
        const since = before !== undefined && before.until > now ? before.since : now
        const put = { actor, until, reason, source, since }
        after.set(actor, put)
        records.push({ put })
      }
      for (const actor of actorsToDrop(after, this.#maxBlocks, now)) records.push({ lifted: actor })
      return { records, result: undefined }
    })
  }

  async lift(actors: readonly string[]): Promise<number> {
    return await this.#journal.transact(() => {
      const now = this.#options.clock.now()
      const held = new Set(actors).intersection(new Set(this.#blocks.keys()))
      const inForce = [...held].filter((actor) => (this.#blocks.get(actor)?.until ?? 0) > now)
      return { records: [...held].map((lifted) => ({ lifted })), result: inForce.length }
    })
  }

  async refresh(): Promise<void> {
    await this.#journal.refresh()
  }

  async close(): Promise<void> {
    await this.#journal.close()
  }

  #apply(records: readonly BlockRecord[], fromScratch: boolean): void {
    const blocks = new Map(fromScratch ? undefined : this.#blocks)
    for (const record of records) {
      if ('put' in record) blocks.set(record.put.actor, Object.freeze(record.put))
      else blocks.delete(record.lifted)
    }
    this.#blocks = blocks
    this.#table.set(tableOf(blocks))
  }
}

function tableOf(blocks: ReadonlyMap<string, Block>): BlockTable {
  return Object.freeze({
    find(actor: string, nowMs: number): Block | undefined {
      const block = blocks.get(actor)
      return block !== undefined && block.until > nowMs ? block : undefined
    },
    get all() {
      return [...blocks.values()]
    },
  })
}

/** Who has to go so that at most `max` blocks are left: what is over, then what ends first and is not manual. */
function actorsToDrop(blocks: ReadonlyMap<string, Block>, max: number, now: number): string[] {
  const surplus = blocks.size - max
  if (surplus <= 0) return []
  const over: string[] = []
  const inForce: Block[] = []
  for (const block of blocks.values()) {
    if (block.until <= now) over.push(block.actor)
    else if (block.source !== 'manual') inForce.push(block)
  }
  if (over.length >= surplus) return over
  const missing = surplus - over.length
  if (inForce.length < missing) {
    throw new SeamError(
      'limit',
      `there are ${max} blocks, which is the limit, and all are manual: lift some first`,
    )
  }
  inForce.sort((a, b) => a.until - b.until)
  for (let i = 0; i < missing; i++) over.push(inForce[i]!.actor)
  return over
}
