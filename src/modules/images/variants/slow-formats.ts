import { HeaderList } from '../../../http/header-list.ts'
import type { EdgeResponse } from '../../../visit.ts'
import type { Pool } from '../engine/pool.ts'
import type { Asked, ImageService } from '../service.ts'
import type { Edit, ImageRequest, ImageTask } from '../task.ts'
import type { Transformed } from '../transform.ts'
import { mayKeep } from './keep-variant.ts'
import { recallAt, tagsOf } from './place.ts'
import { shortenLifetime, STOPGAP_SECONDS, withoutFormat } from './stopgap.ts'
import type { Upgrades } from './upgrades.ts'
import type { VariantFacts } from './variant-facts.ts'
import { stopgapTag, type VariantKey } from './variant-key.ts'

/** The making of slow formats in the background, in a process of its own that gives way to all others. */
export interface SlowFormats {
  readonly upgrades: Upgrades
  readonly pool: Pool
  readonly timeoutSeconds: number
  /** Lets go of the answers that stood in. */
  readonly done: (distributionId: string, tag: string) => Promise<void>
}

/** A variant in a slow format. */
export interface SlowVariant {
  readonly task: ImageTask
  readonly edits: readonly Edit[]
  readonly place: VariantKey
}

/** How the service answers a task, and makes this variant. */
export interface SlowWork {
  readonly obtain: (request: ImageRequest, quick: ImageTask) => Promise<EdgeResponse>
  readonly make: (
    service: ImageService,
    pool: Pool,
    asked: Asked,
    before: VariantFacts | undefined,
  ) => Promise<Transformed>
}

/**
 * The next best format of those that the viewer takes, for a short time, while the slow one is made; undefined when the
 * dialect has no other.
 */
export async function standIn(
  service: ImageService,
  asked: Asked,
  variant: SlowVariant,
  work: SlowWork,
): Promise<EdgeResponse | undefined> {
  const { task, place } = variant
  const { format } = task.output
  const request = { ...asked.request, accept: withoutFormat(asked.request.accept, format!) }
  const quick = service.dialect.decode(request)
  if (quick.output.format === format) return undefined
  asked.tag([...tagsOf(service, task), stopgapTag(place.key)])
  const response = await work.obtain(request, quick)
  const waitMs = service.slow!.upgrades.ask(place.key, (signal) =>
    upgrade(service, { ...asked, signal, headers: new HeaderList() }, variant, work),
  )
  shortenLifetime(response.headers, Math.max(STOPGAP_SECONDS, Math.ceil(waitMs / 1000)))
  return response
}

/** Makes the slow format in whose place a viewer took another one. */
async function upgrade(
  service: ImageService,
  asked: Asked,
  { task, edits, place }: SlowVariant,
  { make }: SlowWork,
): Promise<'made' | 'there' | 'nothing'> {
  // `ask` is only reached where both are.
  const shelf = service.shelf!
  const { pool, timeoutSeconds, done } = service.slow!
  const found = await recallAt(service, asked.signal, task, edits, place)
  const isThere = found?.kind === 'current'
  if (isThere) {
    // Another process was quicker, or this one while the viewer was being answered.
    found.kept.body.discard()
  } else {
    const made = await make({ ...service, timeoutSeconds }, pool, asked, found?.facts)
    const { headers, body } = made.response
    body.discard()
    // An original stays what it is, and what may not be kept cannot be waited for.
    const cacheControl = headers.getJoined('cache-control')
    if (made.isOriginal || !mayKeep([{ cacheControl }])) return 'nothing'
    await shelf.flush()
    const kept = await shelf.peek(place.key)
    if (kept?.etag !== headers.get('etag')) throw new Error('there was no room to keep it')
  }
  await done(service.distributionId, stopgapTag(place.key))
  return isThere ? 'there' : 'made'
}
