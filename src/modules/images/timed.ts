import type { Job } from './engine/job.ts'
import type { Pool } from './engine/pool.ts'
import type { RenderResult } from './engine/worker.ts'
import type { Asked, Engine, ImageService } from './service.ts'
import type { Picture } from './source/picture.ts'
import type { SourceAddress } from './task.ts'

/** The steps that an answer waits for, each with what it took. */

/** Runs `work` when it is the turn of whoever asks. */
export function inTurn<T>({ gate }: Engine, asked: Asked, work: () => Promise<T>): Promise<T> {
  const { client, signal, spent } = asked
  const startedAt = spent.now()
  return gate.run(client, signal, () => {
    spent.since('img-queue', startedAt)
    return work()
  })
}

/** Runs `use` with a source. */
export function withSource<T>(
  { sources }: ImageService,
  { signal, spent }: Asked,
  address: SourceAddress,
  use: (picture: Picture) => Promise<T>,
): Promise<T> {
  const startedAt = spent.now()
  return sources.using(address, signal, (picture) => {
    spent.since('img-fetch', startedAt)
    return use(picture)
  })
}

/** Has a process do a job; waiting for one is a part of the queue. */
export async function render(
  pool: Pool,
  service: ImageService,
  { signal, spent }: Asked,
  job: Job,
  inputs: readonly Buffer[],
): Promise<RenderResult> {
  const startedAt = spent.now()
  const result = await pool.run(job, inputs, service.ask, signal)
  spent.add('img-queue', result.waitedMs)
  spent.since('img-transform', startedAt, result.waitedMs)
  return result
}
