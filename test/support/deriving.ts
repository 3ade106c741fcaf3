import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import { imagesSchema } from '../../src/modules/images/config.ts'
import { type Derived, readDerived } from '../../src/modules/images/engine/derived.ts'
import type { Ask, Derive, Job } from '../../src/modules/images/engine/job.ts'
import { Pool } from '../../src/modules/images/engine/pool.ts'

/** What the tests of derivatives share. */

/** A pool of one process, which complains of nothing. */
export function quietPool(program?: string): Pool {
  return new Pool({
    clock: systemClock,
    processes: 1,
    timeoutMs: 60_000,
    maxMemoryBytes: 1 << 30,
    renewAboveBytes: 1 << 30,
    niceness: 0,
    idleMs: 60_000,
    report: assert.ifError,
    ...(program !== undefined && { program }),
  })
}

/** Limits of a behavior that says nothing of them. */
export const { limits } = imagesSchema.parse({ dialect: 'sih' })

/** Has a process make derivatives of a source, as the upload optimiser does. */
export async function deriveIn(
  pool: Pool,
  source: Buffer,
  derive: Pick<Derive, 'derivatives'> & Partial<Derive>,
  {
    job = {},
    ask = unasked,
  }: { readonly job?: Partial<Job> | undefined; readonly ask?: Ask | undefined } = {},
): Promise<Derived> {
  const whole: Job = {
    edits: [{ name: 'rotate', value: 'auto' }],
    format: undefined,
    options: {},
    isAnimatedByDefault: false,
    metadata: 'copyright',
    limits,
    isStrict: false,
    faces: 'attention',
    timeoutSeconds: 60,
    derive: { minSide: 1, types: undefined, moderation: undefined, ...derive },
    ...job,
  }
  return readDerived((await pool.run(whole, [source], ask, new AbortController().signal)).bytes)
}

export function unasked(): Promise<unknown> {
  return Promise.reject(new Error('nobody is to be asked'))
}
