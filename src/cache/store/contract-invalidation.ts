import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { NOW, putText, textOf, withBodyFile, type WithStore } from './contract-harness.ts'
import { bytesFor, entryFor } from './entry.fixture.ts'
import type { CacheStore, Selection } from './store.ts'

/** The part of the contract that is about invalidation. */
export function testInvalidation(withStore: WithStore): void {
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
}
