import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import type { Entry } from '../entry.ts'
import { openDiskStore, type DiskStore } from './disk.ts'
import { FAST_FOLDER } from './disk.fixture.ts'
import { dyingIo } from './disk-io.fixture.ts'
import type { DiskIo } from './disk-io.ts'
import { bytesFor, entryFor } from './entry.fixture.ts'

/** What a life of a store has promised when it ended. */
interface Promised {
  /** For each key what may be served: everything that was put and not invalidated since. */
  readonly allowed: Map<string, Map<string, Buffer>>
  /** What was flushed before the end, so that it must still be there. */
  readonly kept: Map<string, string>
}

/** The same bodies come up at every death. */
const bodies = new Map<string, Buffer>()

function bodyFor(version: string, length: number): Buffer {
  const body = bodies.get(version) ?? bytesFor(version, length)
  bodies.set(version, body)
  return body
}

const nothing = (): Promised => ({ allowed: new Map(), kept: new Map() })

/** A life: puts, new heads, deletes and invalidations, each with what it promises. Ends early when its disk does. */
async function live(store: DiskStore, promised: Promised): Promise<void> {
  const put = (key: string, length: number): Promise<boolean> => {
    const version = `${key}.${length}`
    const body = bodyFor(version, length)
    const versions = promised.allowed.get(key) ?? new Map<string, Buffer>()
    promised.allowed.set(key, versions.set(version, body))
    promised.kept.delete(key)
    const entry = entryFor(key, length, { lastModified: version, tags: [key] })
    return Promise.resolve(store.put(entry, { kind: 'bytes', bytes: body }))
  }
  const flushed = async (...keys: string[]): Promise<void> => {
    await store.flush()
    for (const key of keys) promised.kept.set(key, [...promised.allowed.get(key)!.keys()].at(-1)!)
  }
  void put('a', 10)
  void put('b', 70_000)
  await put('c', 200_000)
  await flushed('a', 'b', 'c')
  // The same key again: the older one may not come back once this is flushed.
  await put('a', 100_000)
  await flushed('a')
  promised.allowed.set('a', new Map([[...promised.allowed.get('a')!].at(-1)!]))
  const gone = store.invalidate({ tags: ['b'] }, { soft: false, now: 1 })
  promised.kept.delete('b')
  await gone
  promised.allowed.delete('b')
  await put('b', 30)
  await flushed('b')
  promised.kept.delete('c')
  const version = [...promised.allowed.get('c')!.keys()].at(-1)!
  await store.replaceHead(entryFor('c', 200_000, { lastModified: version, revision: 2, tags: ['c'] }))
  await flushed('c')
  const deleted = store.delete('c', 'expired')
  promised.kept.delete('c')
  await deleted
  promised.allowed.delete('c')
  await put('d', 150_000)
  await flushed('d')
}

/** What a store does that begins with what another has left: it replaces one entry and invalidates another. */
async function goOn(store: DiskStore, promised: Promised): Promise<void> {
  const body = bodyFor('after', 50)
  await store.put(entryFor('a', 50, { lastModified: 'after' }), { kind: 'bytes', bytes: body })
  await store.invalidate({ tags: ['b'] }, { soft: false, now: 2 })
  await store.flush()
  promised.allowed.set('a', new Map([['after', body]]))
  promised.kept.set('a', 'after')
  promised.allowed.delete('b')
  promised.kept.delete('b')
}

function open(folder: string, io?: DiskIo): Promise<DiskStore> {
  const problems: string[] = []
  return openDiskStore({
    folder,
    maxBytes: 8 << 20,
    clock: new ManualClock(),
    report: (problem) => problems.push(problem),
    ...(io === undefined ? {} : { io }),
  })
}

/** Everything served is what was put under its key, whole, and nothing that was flushed is missing. */
async function judge(store: DiskStore, { allowed, kept }: Promised): Promise<void> {
  for (const key of ['a', 'b', 'c', 'd']) {
    const found = await store.get(key)
    if (found === undefined) {
      assert.equal(kept.get(key), undefined, `${key} had been flushed and is gone`)
      continue
    }
    const version: Entry['lastModified'] = found.entry.lastModified
    const body = allowed.get(key)?.get(version ?? '')
    assert.ok(body !== undefined, `${key} as ${version} should not be there any more`)
    const served = await buffer(found.open(0, found.entry.bodyBytes - 1))
    assert.ok(served.equals(body), `${key} as ${version} is not what was put`)
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'bodies'), { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

/** Kills a life of a store at a call, and lets another go on with what it left. Says whether it came that far. */
async function killAt(outer: string, at: number, share: number): Promise<'survived' | keyof DiskIo> {
  const first = join(outer, `${at}-${share}-first`)
  const second = join(outer, `${at}-${share}-second`)
  const promised = nothing()
  const io = dyingIo(at, share)
  const life = (async () => {
    const store = await open(first, io)
    await live(store, promised)
    return store
  })()
  const survivor = await Promise.race([life, io.died])
  // A process that is killed holds its lock no longer; here it is left behind with the folder.
  const isLeft = (path: string): boolean => !path.includes('writer.lock')
  if (existsSync(first)) await cp(first, second, { recursive: true, filter: isLeft })
  {
    await using store = await open(second)
    assert.equal(store.role, 'writer')
    await judge(store, promised)
    await goOn(store, promised)
    await judge(store, promised)
    // What the killed process left is cleaned away in the background: one file stays for each entry.
    while ((await filesIn(second)).length > store.stats().entries) await setImmediate()
  }
  {
    await using store = await open(second)
    await judge(store, promised)
  }
  await rm(second, { recursive: true })
  if (survivor === undefined) return io.lastCall()
  // Closing makes calls too, and may die of them.
  await Promise.race([survivor.close(), io.died])
  return 'survived'
}

test('killed at any call, with any part of a write done, a store serves only what is whole and current', async () => {
  const outer = await mkdtemp(join(FAST_FOLDER, 'edgeward-crash-'))
  try {
    let deaths = 0
    for (let at = 1; ; at++) {
      const call = await killAt(outer, at, 0.4)
      if (call === 'survived') break
      deaths++
      if (call !== 'write') continue
      for (const share of [0, 1]) await killAt(outer, at, share)
    }
    assert.ok(deaths > 50, `only ${deaths} calls were there to die at`)
  } finally {
    await rm(outer, { recursive: true })
  }
})
