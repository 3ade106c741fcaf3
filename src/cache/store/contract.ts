import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  bodyOf,
  bytes,
  type InstallStore,
  NOW,
  putText,
  ROOMY,
  textOf,
  withBodyFile,
  withStoreOf,
} from './contract-harness.ts'
import type { Entry } from '../entry.ts'
import { testInvalidation } from './contract-invalidation.ts'
import { bytesFor, entryFor } from './entry.fixture.ts'
import type { CacheStore } from './store.ts'

/** The contract of cache stores. Every driver runs it, with `install` making a fresh store. */
export function storeContract(driver: string, install: InstallStore): void {
  const withStore = withStoreOf(install)

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

    testInvalidation(withStore)

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
