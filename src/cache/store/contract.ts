import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Entry } from '../entry.ts'
import { bytesFor, entryFor } from './entry.fixture.ts'
import type { CacheStore, FinishedBody, Found, Selection } from './store.ts'

export interface StoreUnderTestOptions {
  readonly maxBytes: number
  readonly maxObjectBytes?: number
  readonly maxTagsPerEntry?: number
  readonly maxKeysPerBaseKey?: number
}

/** What a driver gives the contract: an empty store that lives until it is disposed of. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly store: CacheStore
  /** What it has complained of. */
  readonly problems: readonly string[]
}

export type InstallStore = (options: StoreUnderTestOptions) => Promise<StoreUnderTest>

const ROOMY: StoreUnderTestOptions = { maxBytes: 64 << 20, maxObjectBytes: 16 << 20 }
const NOW = 500_000

const bytes = (body: string | Buffer): FinishedBody => ({
  kind: 'bytes',
  bytes: typeof body === 'string' ? Buffer.from(body) : body,
})

async function bodyOf(found: Found, first = 0, last = found.entry.bodyBytes - 1): Promise<Buffer> {
  const streamed = await buffer(found.open(first, last))
  if (found.bytes !== undefined) assert.ok(found.bytes.subarray(first, last + 1).equals(streamed))
  return streamed
}

async function textOf(store: CacheStore, key: string): Promise<string | undefined> {
  const found = await store.get(key)
  return found === undefined ? undefined : (await bodyOf(found)).toString()
}

function putText(store: CacheStore, key: string, text: string, more: Partial<Entry> = {}): Promise<boolean> {
  return Promise.resolve(store.put(entryFor(key, Buffer.byteLength(text), more), bytes(text)))
}

/** The contract of cache stores. Every driver runs it, with `install` making a fresh store. */
export function storeContract(driver: string, install: InstallStore): void {
  async function withStore(
    work: (store: CacheStore, problems: readonly string[]) => Promise<void>,
    options: StoreUnderTestOptions = ROOMY,
  ): Promise<void> {
    await using installed = await install(options)
    await work(installed.store, installed.problems)
  }

  /** A file with a body, as a fill hands one over. */
  async function withBodyFile(
    store: CacheStore,
    body: Buffer,
    work: (file: FinishedBody & { readonly kind: 'file' }) => Promise<void>,
  ): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'edgeward-body-'))
    try {
      const path = join(store.spoolFolder ?? folder, 'fill-1')
      await writeFile(path, body)
      await work({ kind: 'file', path, bytes: body.length })
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  describe(`cache store contract: ${driver}`, () => {
    test('an entry comes back as it was put, head and body', () =>
      withStore(async (store) => {
        const entry = entryFor('k', 5, {
          baseKey: 'base',
          fields: ['Content-Type', 'text/html; charset=utf-8', 'X-Ö', 'größe', 'Set-Cookie', 'a=1'],
          lastModified: 'Tue, 24 Nov 2026 10:00:00 GMT',
          etag: undefined,
          tags: ['a', 'b'],
          vary: [['accept-language', 'de']],
          part: { first: 5, last: 9, size: undefined },
          mustRevalidate: true,
          initialAgeSeconds: 7,
        })
        assert.equal(await store.put(entry, bytes('hello')), true)
        const found = await store.get('k')
        assert.deepEqual(found?.entry, entry)
        assert.equal((await bodyOf(found)).toString(), 'hello')
        assert.equal(store.has('k'), true)
        assert.equal(await store.get('other'), undefined)
        assert.equal(store.has('other'), false)
      }))

    for (const length of [0, 1, 65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 3_000_001]) {
      test(`a body of ${length} bytes comes back whole and in ranges, from bytes and from a file`, () =>
        withStore(async (store, problems) => {
          const body = bytesFor('body', length)
          assert.equal(await store.put(entryFor('bytes', length), bytes(body)), true)
          await withBodyFile(store, body, async (file) => {
            assert.equal(await store.put(entryFor('file', length), file), true)
            assert.equal(existsSync(file.path), false, 'the file belongs to the store')
          })
          await store.flush()
          for (const key of ['bytes', 'file']) {
            const found = await store.get(key)
            assert.ok(found !== undefined)
            assert.ok((await bodyOf(found)).equals(body))
            for (const [first, last] of rangesIn(length)) {
              assert.ok((await bodyOf(found, first, last)).equals(body.subarray(first, last + 1)))
            }
          }
          assert.deepEqual(problems, [])
        }))
    }

    test('an entry that was found stays as it is when another takes its place', () =>
      withStore(async (store) => {
        const long = bytesFor('long', 2_500_000)
        await store.put(entryFor('k', long.length), bytes(long))
        await store.flush()
        const before = await store.get('k')
        await putText(store, 'k', 'second')
        await store.flush()
        assert.ok((await bodyOf(before!)).equals(long))
        assert.equal(await textOf(store, 'k'), 'second')
      }))

    test('the bytes of the caller may come from a larger buffer, which is not kept', () =>
      withStore(async (store) => {
        const large = Buffer.alloc(100_000, 'x')
        await store.put(entryFor('k', 3), bytes(large.subarray(10, 13)))
        const found = await store.get('k')
        assert.equal((await bodyOf(found!)).toString(), 'xxx')
        assert.ok((found?.bytes?.buffer.byteLength ?? 0) < 10_000)
      }))

    test('a body that is not as long as its head says is refused', () =>
      withStore(async (store) => {
        await putText(store, 'k', 'before')
        assert.equal(await store.put(entryFor('k', 4), bytes('hello')), false)
        await withBodyFile(store, Buffer.from('hello'), async (file) => {
          assert.equal(await store.put(entryFor('k2', 4), file), false)
          assert.equal(existsSync(file.path), false)
        })
        await store.flush()
        assert.equal(
          await store.get('k'),
          undefined,
          'what was there before is not newer than what was refused',
        )
        assert.equal(await store.get('k2'), undefined)
        assert.equal(store.absence('k'), 'evicted')
      }))

    test('an object over the limit and an entry with too many tags are refused and leave nothing', () =>
      withStore(
        async (store) => {
          await putText(store, 'large', 'before')
          const large = bytesFor('large', 200_000)
          assert.equal(await store.put(entryFor('large', large.length), bytes(large)), false)
          await withBodyFile(store, large, async (file) => {
            assert.equal(await store.put(entryFor('large', large.length), file), false)
            assert.equal(existsSync(file.path), false)
          })
          assert.equal(await store.get('large'), undefined)
          assert.equal(await putText(store, 'tagged', 'x', { tags: ['1', '2', '3'] }), true)
          assert.equal(await putText(store, 'tagged', 'x', { tags: ['1', '2', '3', '4'] }), false)
          assert.equal(await store.get('tagged'), undefined)
          assert.equal(store.absence('tagged'), 'evicted')
          assert.equal(store.absence('large'), 'evicted')
        },
        { maxBytes: 8 << 20, maxObjectBytes: 100_000, maxTagsPerEntry: 3 },
      ))

    test('peek gives what get gives', () =>
      withStore(async (store) => {
        await putText(store, 'k', 'hello')
        const found = await store.peek('k')
        assert.equal((await bodyOf(found!)).toString(), 'hello')
        assert.equal(await store.peek('other'), undefined)
      }))

    test('a new head takes the place of an older one only, and leaves the body', () =>
      withStore(async (store) => {
        await putText(store, 'k', 'hello', { revision: 4, tags: ['old'] })
        const head = entryFor('k', 5, { revision: 5, freshUntil: 9_000_000, tags: ['new'] })
        assert.equal(await store.replaceHead(head), true)
        await store.flush()
        assert.deepEqual((await store.get('k'))?.entry, head)
        assert.equal(await textOf(store, 'k'), 'hello')
        for (const revision of [4, 5]) {
          assert.equal(await store.replaceHead({ ...head, revision, freshUntil: 1 }), false)
        }
        assert.deepEqual((await store.get('k'))?.entry, head)
        assert.equal(await store.replaceHead(entryFor('missing', 5)), false)
        assert.equal(await store.invalidate({ tags: ['old'] }, { soft: false, now: NOW }), 0)
        assert.equal(await store.invalidate({ tags: ['new'] }, { soft: false, now: NOW }), 1)
      }))

    test('a head that has grown far beyond the old one is kept with its body', () =>
      withStore(async (store) => {
        for (const length of [5, 2_000_000]) {
          const body = bytesFor('grown', length)
          await store.put(entryFor('k', length), bytes(body))
          await store.flush()
          const fields = Array.from({ length: 400 }, (_, i) => `value ${i} of a long head`)
          const head = entryFor('k', length, { revision: 2, fields })
          assert.equal(await store.replaceHead(head), true)
          await store.flush()
          const found = await store.get('k')
          assert.deepEqual(found?.entry, head)
          assert.ok((await bodyOf(found)).equals(body))
        }
      }))

    test('many new heads one after the other leave the last', () =>
      withStore(async (store) => {
        await putText(store, 'k', 'hello')
        const results = await Promise.all(
          Array.from({ length: 50 }, async (_, i) => {
            return await store.replaceHead(entryFor('k', 5, { revision: i + 2 }))
          }),
        )
        await store.flush()
        assert.equal(results.at(-1), true)
        assert.equal((await store.get('k'))?.entry.revision, 51)
      }))

    test('a deleted entry is gone, and why is remembered', () =>
      withStore(async (store) => {
        assert.equal(store.absence('k'), 'never-stored')
        await putText(store, 'k', 'hello')
        assert.equal(await store.delete('k', 'expired'), true)
        assert.equal(await store.delete('k', 'expired'), false)
        assert.equal(await store.get('k'), undefined)
        assert.equal(store.has('k'), false)
        assert.equal(store.absence('k'), 'expired')
        assert.deepEqual(store.keysOf('k'), [])
      }))

    const SELECTIONS: readonly {
      readonly what: string
      readonly selection: Selection
      readonly gone: readonly string[]
    }[] = [
      { what: 'everything', selection: {}, gone: ['a1', 'a2', 'b1', 'c1'] },
      { what: 'an exact path', selection: { paths: ['/a/x'] }, gone: ['a1', 'c1'] },
      { what: 'a path with query', selection: { paths: ['/a/y?q=1'] }, gone: ['a2'] },
      { what: 'a path without its query', selection: { paths: ['/a/y'] }, gone: [] },
      { what: 'a prefix', selection: { paths: ['/a/*'] }, gone: ['a1', 'a2', 'c1'] },
      { what: 'a prefix inside a name', selection: { paths: ['/a/y*'] }, gone: ['a2'] },
      { what: 'a star that is not last', selection: { paths: ['/*/x'] }, gone: [] },
      { what: 'several paths', selection: { paths: ['/b', '/a/y*'] }, gone: ['a2', 'b1'] },
      { what: 'a distribution', selection: { distributionId: 'E2' }, gone: ['c1'] },
      { what: 'an unknown distribution', selection: { distributionId: 'E3' }, gone: [] },
      { what: 'a tag', selection: { tags: ['red'] }, gone: ['a1', 'b1'] },
      { what: 'several tags', selection: { tags: ['red', 'blue'] }, gone: ['a1', 'b1', 'c1'] },
      { what: 'the beginning of a tag', selection: { tags: ['bl*'] }, gone: ['b1', 'c1'] },
      {
        what: 'beginnings and a whole tag',
        selection: { tags: ['x*', 'bl*', 'red'] },
        gone: ['a1', 'b1', 'c1'],
      },
      { what: 'every tag', selection: { tags: ['*'] }, gone: ['a1', 'b1', 'c1'] },
      { what: 'a tag with a star that is not last', selection: { tags: ['*d', 're*d'] }, gone: [] },
      {
        what: 'the beginning of a tag within a distribution',
        selection: { distributionId: 'E1', tags: ['b*'] },
        gone: ['b1'],
      },
      {
        what: 'a tag within a distribution',
        selection: { distributionId: 'E2', tags: ['blue'] },
        gone: ['c1'],
      },
      {
        what: 'a path within a distribution',
        selection: { distributionId: 'E1', paths: ['/a/x'] },
        gone: ['a1'],
      },
      { what: 'a tag and a path that differ', selection: { tags: ['red'], paths: ['/a/y*'] }, gone: [] },
      { what: 'no path at all', selection: { paths: [] }, gone: [] },
      { what: 'no tag at all', selection: { tags: [] }, gone: [] },
    ]

    async function putFour(store: CacheStore): Promise<void> {
      const later = { staleWhileRevalidateUntil: 3_601_030, staleIfErrorUntil: 3_601_070 }
      await putText(store, 'a1', 'one', { path: '/a/x', tags: ['red'], ...later })
      await putText(store, 'a2', 'two', { path: '/a/y?q=1' })
      await putText(store, 'b1', 'three', { path: '/b', tags: ['red', 'blue'] })
      await putText(store, 'c1', 'four', { path: '/a/x', distributionId: 'E2', tags: ['blue'] })
    }

    for (const { what, selection, gone } of SELECTIONS) {
      test(`invalidating ${what} removes ${gone.length === 0 ? 'nothing' : gone.join(', ')}`, () =>
        withStore(async (store) => {
          await putFour(store)
          assert.equal(await store.invalidate(selection, { soft: false, now: NOW }), gone.length)
          for (const key of ['a1', 'a2', 'b1', 'c1']) {
            assert.equal((await store.get(key)) === undefined, gone.includes(key), key)
            if (gone.includes(key)) assert.equal(store.absence(key), 'invalidated')
          }
        }))
    }

    test('a soft invalidation leaves entries that are stale from then on and outrank their old head', () =>
      withStore(async (store) => {
        await putFour(store)
        await store.flush()
        assert.equal(await store.invalidate({ tags: ['red'] }, { soft: true, now: NOW }), 2)
        const { entry } = (await store.get('a1'))!
        assert.equal(entry.freshUntil, NOW)
        // What the origin allowed while it is refreshed counts from now on.
        assert.equal(entry.staleWhileRevalidateUntil, NOW + 30)
        assert.equal(entry.staleIfErrorUntil, 3_601_070)
        assert.equal(entry.revision, 2)
        assert.equal((await store.get('a2'))?.entry.freshUntil, 3_601_000)
        // A 304 that was asked for before the purge was made of revision 1.
        assert.equal(await store.replaceHead({ ...entryFor('a1', 3), revision: 2 }), false)
        assert.equal(await store.replaceHead({ ...entryFor('a1', 3), revision: 3 }), true)
        await store.flush()
        assert.equal((await store.get('a1'))?.entry.freshUntil, 3_601_000)
        assert.equal(await textOf(store, 'a1'), 'one')
      }))

    test('what an entry in two places is worth is counted once, and asked once', () =>
      withStore(async (store) => {
        await putFour(store)
        const asked: string[] = []
        const count = await store.invalidate(
          { tags: ['red'] },
          { soft: false, now: NOW, counts: (key) => asked.push(key) > 0 && key !== 'b1' },
        )
        assert.equal(count, 1)
        assert.deepEqual(asked.toSorted(), ['a1', 'b1'])
      }))

    test('what is invalidated while it is being written is not kept', () =>
      withStore(async (store) => {
        const body = bytesFor('spooled', 700_000)
        await withBodyFile(store, body, async (file) => {
          const put = store.put(entryFor('k', body.length, { tags: ['t'] }), file)
          const count = store.invalidate({ tags: ['t'] }, { soft: false, now: NOW })
          assert.equal(await store.get('k'), undefined)
          assert.equal(await put, false)
          assert.equal(await count, 1)
          await store.flush()
          assert.equal(await store.get('k'), undefined)
          assert.equal(existsSync(file.path), false)
        })
        await withBodyFile(store, body, async (file) => {
          const put = store.put(entryFor('k', body.length, { tags: ['t'] }), file)
          assert.equal(await store.invalidate({ tags: ['t'] }, { soft: true, now: NOW }), 1)
          assert.equal(await put, true)
          assert.equal((await store.get('k'))?.entry.freshUntil, NOW)
        })
      }))

    test('of two entries put under a key at once the second stays', () =>
      withStore(async (store) => {
        const body = bytesFor('first', 900_000)
        await withBodyFile(store, body, async (file) => {
          const first = store.put(entryFor('k', body.length), file)
          const second = store.put(entryFor('k', 6), bytes('second'))
          await Promise.all([first, second])
        })
        await store.flush()
        assert.equal(await textOf(store, 'k'), 'second')
      }))

    test('an invalidation of very many entries holds from the call on, spares what comes later, counts right', () =>
      withStore(async (store) => {
        const count = 1500
        for (let i = 0; i < count; i++) {
          void putText(store, `k${i}`, `${i}`, { path: `/p/${i}` })
          if (i % 500 === 499) await store.flush()
        }
        const invalidated = store.invalidate({ paths: ['/p/*'] }, { soft: false, now: NOW })
        const after = putText(store, 'k7', 'new', { path: '/p/7' })
        assert.equal(await store.get(`k${count - 1}`), undefined)
        assert.equal(store.has(`k${count - 2}`), false)
        assert.equal(await invalidated, count)
        assert.equal(await after, true)
        await store.flush()
        assert.equal(await textOf(store, 'k7'), 'new')
        assert.equal(await store.get('k8'), undefined)
      }))

    test('what answers an older request than all others of its base key comes behind them, whenever it arrives', () =>
      withStore(async (store) => {
        for (const at of [5, 7, 3, 6, 1]) {
          await putText(store, `v${at}`, `${at}`, { baseKey: 'base', requestedAt: at })
          await store.flush()
        }
        assert.deepEqual(store.keysOf('base'), ['v7', 'v6', 'v5', 'v3', 'v1'])
        await store.delete('v1', 'expired')
        await store.delete('v7', 'expired')
        assert.deepEqual(store.keysOf('base'), ['v6', 'v5', 'v3'])
      }))

    test('keys of a base key are told newest first, and the oldest give way beyond the limit', () =>
      withStore(
        async (store) => {
          for (let i = 0; i < 100; i++) {
            await putText(store, `v${i}`, `${i}`, { baseKey: 'base', requestedAt: i })
            assert.ok(store.keysOf('base').length <= 10)
          }
          await store.flush()
          assert.deepEqual(
            store.keysOf('base'),
            Array.from({ length: 10 }, (_, i) => `v${99 - i}`),
          )
          assert.equal(await store.get('v89'), undefined)
          assert.equal(store.absence('v89'), 'evicted')
          await store.delete('v95', 'expired')
          assert.equal(store.keysOf('base').includes('v95'), false)
          assert.deepEqual(store.keysOf('unknown'), [])
        },
        { ...ROOMY, maxKeysPerBaseKey: 10 },
      ))

    test('filled with a hundred times its limit, a store stays within it at every step', () =>
      withStore(
        async (store) => {
          for (let i = 0; i < 2000; i++) {
            const length = 1 + ((i * 7919) % 60_000)
            await store.put(
              entryFor(`k${i}`, length, { tags: [`t${i}`] }),
              bytes(Buffer.allocUnsafeSlow(length)),
            )
            for (const { bytes: used, maxBytes } of tiersOf(store)) assert.ok(used <= maxBytes)
          }
          await store.flush()
          const { evictions, entries } = store.stats()
          assert.ok(evictions > 1500)
          assert.ok(entries > 10)
          // What is left in the lists of tags is what is kept.
          let tagged = 0
          for (let i = 0; i < 2000; i++) tagged += store.has(`k${i}`) ? 1 : 0
          assert.equal(await store.invalidate({}, { soft: false, now: NOW }), tagged)
          for (const tier of tiersOf(store)) assert.equal(tier.bytes, 0)
        },
        { maxBytes: 1 << 20, maxObjectBytes: 128 << 10 },
      ))

    test('a closed store answers as an empty one and keeps nothing', () =>
      withStore(async (store) => {
        await putText(store, 'k', 'hello')
        await store.close()
        assert.equal(await store.get('k'), undefined)
        assert.equal(await store.peek('k'), undefined)
        assert.equal(store.has('k'), false)
        assert.equal(await putText(store, 'k', 'again'), false)
        assert.equal(await store.replaceHead(entryFor('k', 5, { revision: 9 })), false)
        assert.equal(await store.delete('k', 'expired'), false)
        assert.equal(await store.invalidate({}, { soft: false, now: NOW }), 0)
        await store.flush()
        await store.close()
      }))

    test('whatever happens in whatever order, a key gives what was last put there, or nothing', async () => {
      const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
      const step = fc.oneof(
        { weight: 5, arbitrary: fc.record({ do: fc.constant('put' as const), key, size: fc.nat(3000) }) },
        {
          weight: 1,
          arbitrary: fc.record({ do: fc.constant('put' as const), key, size: fc.nat(1_500_000) }),
        },
        { weight: 4, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('head' as const), key }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('hard' as const), key }) },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('soft' as const), key }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), key }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          await withStore(
            async (store, problems) => {
              const model = new Map<string, { entry: Entry; body: Buffer }>()
              const work: Promise<unknown>[] = []
              const check = async (asked: string, wanted: { entry: Entry; body: Buffer } | undefined) => {
                const found = await store.get(asked)
                if (found === undefined) return
                assert.ok(wanted !== undefined, `${asked} should be gone`)
                assert.equal(found.entry.lastModified, wanted.entry.lastModified)
                assert.ok(found.entry.freshUntil <= wanted.entry.freshUntil)
                assert.ok((await bodyOf(found)).equals(wanted.body))
              }
              for (const [i, each] of steps.entries()) {
                const kept = model.get(each.key)
                if (each.do === 'put') {
                  const body = bytesFor(`${i}`, each.size)
                  const entry = entryFor(each.key, each.size, { lastModified: `put ${i}`, tags: [each.key] })
                  model.set(each.key, { entry, body })
                  work.push(Promise.resolve(store.put(entry, bytes(body))))
                } else if (each.do === 'head' && kept !== undefined) {
                  const entry = { ...kept.entry, revision: kept.entry.revision + 1, etag: `"${i}"` }
                  model.set(each.key, { ...kept, entry })
                  work.push(Promise.resolve(store.replaceHead(entry)))
                } else if (each.do === 'delete') {
                  model.delete(each.key)
                  work.push(Promise.resolve(store.delete(each.key, 'expired')))
                } else if (each.do === 'hard') {
                  model.delete(each.key)
                  work.push(
                    Promise.resolve(store.invalidate({ tags: [each.key] }, { soft: false, now: NOW })),
                  )
                } else if (each.do === 'soft') {
                  if (kept !== undefined) {
                    const { entry } = kept
                    model.set(each.key, {
                      ...kept,
                      entry: { ...entry, freshUntil: NOW, revision: entry.revision + 1 },
                    })
                  }
                  work.push(Promise.resolve(store.invalidate({ tags: [each.key] }, { soft: true, now: NOW })))
                } else if (each.do === 'flush') await store.flush()
                else if (each.do === 'get') await check(each.key, kept)
              }
              await Promise.all(work)
              await store.flush()
              for (const asked of ['a', 'b', 'c', 'd', 'e']) await check(asked, model.get(asked))
              assert.deepEqual(problems, [])
            },
            { maxBytes: 4 << 20, maxObjectBytes: 2 << 20 },
          )
        }),
        { numRuns: 40 },
      )
    })
  })
}

function tiersOf(store: CacheStore): readonly { readonly bytes: number; readonly maxBytes: number }[] {
  const stats = store.stats()
  return stats.tiers?.map((tier) => tier.stats) ?? [stats]
}

/** First and last byte of some ranges of a body, on and beside the borders of blocks. */
function rangesIn(length: number): [number, number][] {
  const borders = [0, 1, 9, 65_535, 65_536, 131_071, 131_072, length - 1].filter(
    (at) => at >= 0 && at < length,
  )
  return borders.flatMap((first) =>
    borders.filter((last) => last >= first).map((last): [number, number] => [first, last]),
  )
}
