import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../../base/clock.ts'
import { ManualClock } from '../../../../test/support/manual-clock.ts'
import { ImageError } from '../image-error.ts'
import type { Job } from './job.ts'
import { Pool, type PoolOptions } from './pool.ts'

function open(options: Partial<PoolOptions> = {}): Pool & { readonly said: string[] } {
  const said: string[] = []
  const pool = new Pool({
    clock: systemClock,
    processes: 1,
    timeoutMs: 60_000,
    maxMemoryBytes: 0,
    renewAboveBytes: 2 ** 30,
    niceness: 0,
    idleMs: 60_000,
    report: (message) => said.push(message),
    program: join(import.meta.dirname, 'pool.fixture.ts'),
    ...options,
  })
  return Object.assign(pool, { said })
}

const never = new AbortController().signal
const ask = () => Promise.reject(new Error('nobody asks'))

/** The process id that did it, or status and code of the error. */
async function run(pool: Pool, name: string, signal = never): Promise<number | string> {
  const job: Job = {
    edits: [{ name, value: true }],
    format: undefined,
    options: {},
    isAnimatedByDefault: false,
    metadata: 'keep',
    limits: { maxPixels: 0, maxFrames: 1, maxOutputPixels: 1, maxOutputSide: 1 },
    isStrict: false,
    faces: 'attention',
    timeoutSeconds: 1,
  }
  try {
    const { rendered, bytes } = await pool.run(job, [Buffer.alloc(100_000)], ask, signal)
    assert.equal(bytes.toString(), 'bytes')
    return rendered.width
  } catch (error) {
    assert.ok(error instanceof ImageError)
    return `${error.status} ${error.code}`
  }
}

test('a process is kept for the next job', async () => {
  await using pool = open()
  assert.equal(await run(pool, 'good'), await run(pool, 'good'))
})

const misfortunes = [
  {
    name: 'crash',
    gives: '500 ProcessingFailure',
    count: 'crashed',
    says: /ended in the middle of a job .*SIGSEGV/,
  },
  { name: 'memory', gives: '413 TooLargeImageException', count: 'outOfMemory', says: /reached its limit/ },
  // It says that its result is where nothing was written.
  { name: 'scratch', gives: '500 ProcessingFailure', count: 'crashed', says: /ended in the middle/ },
  { name: 'nonsense', gives: '500 ProcessingFailure', count: 'crashed', says: /ended in the middle/ },
] as const
for (const { name, gives, count, says } of misfortunes) {
  test(`${name} costs the one request that caused it, and the process is replaced`, async () => {
    await using pool = open()
    const before = await run(pool, 'good')
    const [bad, after] = await Promise.all([run(pool, name), run(pool, 'good')])
    assert.equal(bad, gives)
    assert.notEqual(after, before)
    assert.equal(typeof after, 'number')
    assert.equal(pool.counts[count], 1)
    assert.match(pool.said.join('\n'), says)
  })
}

test('an endless job is killed when its time is over', async () => {
  const clock = new ManualClock()
  await using pool = open({ clock, timeoutMs: 5_000 })
  await run(pool, 'good')
  const hanging = run(pool, 'hang')
  clock.advance(5_000)
  assert.equal(await hanging, '503 TimeoutException')
  assert.equal(typeof (await run(pool, 'good')), 'number')
})

test('a job that nobody waits for any more is killed, and one that has not begun is dropped', async () => {
  await using pool = open()
  await run(pool, 'good')
  const gone = new AbortController()
  const running = run(pool, 'hang', gone.signal)
  const waiting = run(pool, 'hang', gone.signal)
  gone.abort()
  assert.equal(await running, '499 ClientClosedRequest')
  assert.equal(await waiting, '499 ClientClosedRequest')
  assert.equal(typeof (await run(pool, 'good')), 'number')
  assert.deepEqual(pool.said, [])
})

test('a process that has grown is replaced after its job', async () => {
  await using pool = open()
  const first = await run(pool, 'grow')
  assert.notEqual(await run(pool, 'good'), first)
  assert.deepEqual(pool.said, [])
})

test('idle processes go, and a closed pool takes nothing', async () => {
  const clock = new ManualClock()
  await using pool = open({ clock, idleMs: 1_000 })
  const first = await run(pool, 'good')
  clock.advance(1_000)
  assert.notEqual(await run(pool, 'good'), first)
  const hanging = run(pool, 'hang')
  await pool.close()
  assert.equal(await hanging, '503 ServiceUnavailable')
  assert.equal(await run(pool, 'good'), '503 ServiceUnavailable')
  assert.equal(pool.processes, 0)
})
