import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import type { Clock } from '../../base/clock.ts'
import { isSeamError } from '../seam-error.ts'
import type { SeamErrorCode } from '../seam-error.ts'
import { AWKWARD_KEYS } from './awkward-keys.ts'
import type { ListObjectsOptions, ObjectRange, Objects } from './objects.ts'

/**
 * What a store, or the server it is tried on, lacks, each with the reason. Keys with `dotSegments` are left out of
 * the case then; every other case must fail where it is lacking, so that a gap that was closed does not stay listed.
 */
export type Lacking = Partial<
  Record<'dotSegments' | 'clock' | 'keyOrder' | 'prefixPages' | 'longSuffix' | 'conditions', string>
>

/** What a driver gives the contract: an empty installation, and stores that open it. */
export interface ObjectsUnderTest extends AsyncDisposable {
  /** The clock of all stores. */
  readonly clock: Clock
  open(): Promise<Objects>
}

const rejects = (promise: Promise<unknown>, code: SeamErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isSeamError(error, code))

const md5 = (bytes: string | Uint8Array): string => `"${createHash('md5').update(bytes).digest('hex')}"`
const hasDots = (key: string): boolean =>
  key.split('/').some((segment) => segment === '.' || segment === '..')
const byUtf8 = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

async function textOf(objects: Objects, key: string, range?: ObjectRange): Promise<string | undefined> {
  const read = await objects.get(key, range === undefined ? {} : { range })
  if (read === undefined) return undefined
  const bytes = await buffer(read.body)
  assert.equal(bytes.length, read.length)
  return bytes.toString()
}

/** Every page of a listing: keys, prefixes and the number of pages. */
async function listAll(
  objects: Objects,
  options: ListObjectsOptions,
): Promise<{ keys: string[]; prefixes: string[]; pages: number }> {
  const all = { keys: [] as string[], prefixes: [] as string[], pages: 0 }
  let continuation: string | undefined
  do {
    const page = await objects.list(continuation === undefined ? options : { ...options, continuation })
    all.keys.push(...page.objects.map(({ key }) => key))
    all.prefixes.push(...page.prefixes)
    all.pages++
    continuation = page.continuation
  } while (continuation !== undefined)
  return all
}

/** The contract of the objects seam. Every driver runs it, with `install` making a fresh installation. */
export function objectsContract(
  driver: string,
  install: () => Promise<ObjectsUnderTest>,
  lacking: Lacking = {},
): void {
  const unless = (what: keyof Lacking): { expectFailure?: string } =>
    lacking[what] === undefined ? {} : { expectFailure: lacking[what] }

  async function withObjects(
    work: (objects: Objects, clock: Clock, again: () => Promise<Objects>) => Promise<void>,
  ): Promise<void> {
    await using installation = await install()
    await using objects = await installation.open()
    await work(objects, installation.clock, () => installation.open())
  }

  describe(`objects contract: ${driver}`, () => {
    test('an object comes back with its bytes, ETag, time, headers and metadata', unless('clock'), () =>
      withObjects(async (objects, clock, again) => {
        const headers = {
          contentType: 'image/jpeg',
          cacheControl: 'max-age=60',
          contentDisposition: 'inline; filename="é"',
        }
        const put = await objects.put('photos/a.jpg', 'bytes', {
          headers,
          metadata: { 'X-Owner': 'größe', plain: '' },
        })
        const expected = {
          key: 'photos/a.jpg',
          size: 5,
          etag: md5('bytes'),
          lastModified: clock.now(),
          headers,
          metadata: { 'x-owner': 'größe', plain: '' },
        }
        assert.deepEqual(put, expected)
        assert.deepEqual(await objects.head('photos/a.jpg'), expected)
        await using other = await again()
        const read = await other.get('photos/a.jpg')
        assert.deepEqual([read?.head, read?.range, read?.length], [expected, undefined, 5])
        assert.equal((await buffer(read!.body)).toString(), 'bytes')
      }),
    )

    test('what is not there is undefined, and deleting it is no error', () =>
      withObjects(async (objects) => {
        assert.deepEqual([await objects.get('a'), await objects.head('a')], [undefined, undefined])
        await objects.delete('a')
        await objects.put('a', 'x')
        await objects.delete('a')
        assert.equal(await objects.head('a'), undefined)
      }))

    test('every awkward key is a key of its own and comes back in the listing', unless('keyOrder'), () =>
      withObjects(async (objects) => {
        const keys =
          lacking.dotSegments === undefined ? AWKWARD_KEYS : AWKWARD_KEYS.filter((key) => !hasDots(key))
        for (const key of keys) await objects.put(key, `body of ${key}`, { ifNoneMatch: '*' })
        for (const key of keys) assert.equal(await textOf(objects, key), `body of ${key}`)
        const sorted = keys.toSorted(byUtf8)
        assert.deepEqual((await listAll(objects, { limit: 7 })).keys, sorted)
        for (const key of keys) await objects.delete(key)
        assert.deepEqual(await objects.list(), { objects: [], prefixes: [], continuation: undefined })
      }),
    )

    test('a key is 1 to 1,024 bytes of well-formed Unicode', () =>
      withObjects(async (objects) => {
        for (const key of ['', 'x'.repeat(1_025), 'é'.repeat(513), 'a\ud800', '\udc00']) {
          await rejects(objects.put(key, 'x'), 'invalid')
          await rejects(objects.get(key), 'invalid')
          await rejects(objects.head(key), 'invalid')
          await rejects(objects.delete(key), 'invalid')
        }
      }))

    const ranges: readonly { range: ObjectRange; gives: string; of?: string }[] = [
      { range: { start: 0 }, gives: '0123456789' },
      { range: { start: 3, end: 5 }, gives: '345' },
      { range: { start: 9, end: 9 }, gives: '9' },
      { range: { start: 5, end: 99 }, gives: '56789' },
      { range: { suffix: 3 }, gives: '789' },
      { range: { suffix: 99 }, gives: '0123456789' },
      { range: { start: 10 }, gives: 'range' },
      { range: { suffix: 0 }, gives: 'range' },
      { range: { start: 0 }, gives: 'range', of: '' },
      { range: { suffix: 1 }, gives: 'range', of: '' },
      { range: { start: 5, end: 4 }, gives: 'invalid' },
      { range: { start: -1 }, gives: 'invalid' },
      { range: { start: 0.5 }, gives: 'invalid' },
      { range: { suffix: Number.NaN }, gives: 'invalid' },
    ]
    for (const { range, gives, of = '0123456789' } of ranges) {
      const isLong = 'suffix' in range && range.suffix > of.length && of.length > 0
      test(
        `the range ${JSON.stringify(range)} of ${of.length} bytes gives ${gives}`,
        isLong ? unless('longSuffix') : {},
        () =>
          withObjects(async (objects) => {
            await objects.put('a', of)
            if (gives === 'range' || gives === 'invalid') await rejects(objects.get('a', { range }), gives)
            else assert.equal(await textOf(objects, 'a', range), gives)
          }),
      )
    }

    test('a stream of any size is stored as it is, an empty one too', () =>
      withObjects(async (objects) => {
        const chunks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(50_000, i))
        const head = await objects.put('big', Readable.from(chunks), { length: 2_000_000 })
        assert.deepEqual([head.size, head.etag], [2_000_000, md5(Buffer.concat(chunks))])
        const read = await objects.get('big')
        assert.ok((await buffer(read!.body)).equals(Buffer.concat(chunks)))
        assert.equal((await objects.put('empty', Readable.from([]))).etag, md5(''))
        assert.equal(await textOf(objects, 'empty'), '')
      }))

    test('a stream that fails, or is shorter or longer than announced, leaves what was there', () =>
      withObjects(async (objects) => {
        await objects.put('a', 'before')
        async function* failing(): AsyncGenerator<Buffer> {
          yield Buffer.from('half')
          throw new Error('the sender went away')
        }
        await assert.rejects(objects.put('a', Readable.from(failing())), /the sender went away/)
        await rejects(objects.put('a', Readable.from(['1234']), { length: 5 }), 'invalid')
        await rejects(objects.put('a', Readable.from(['123456']), { length: 5 }), 'invalid')
        await rejects(objects.put('a', Readable.from([{ not: 'bytes' }])), 'invalid')
        assert.equal(await textOf(objects, 'a'), 'before')
        assert.equal((await objects.list()).objects.length, 1)
      }))

    test('a refused put destroys the stream it was given', () =>
      withObjects(async (objects) => {
        const body = Readable.from(['x'])
        await rejects(objects.put('', body), 'invalid')
        assert.equal(body.destroyed, true)
      }))

    test('a reader keeps the object it began with while others replace and delete it', () =>
      withObjects(async (objects) => {
        await objects.put('a', 'x'.repeat(500_000))
        const read = await objects.get('a')
        await objects.put('a', 'new')
        await objects.delete('a')
        assert.equal((await buffer(read!.body)).toString(), 'x'.repeat(500_000))
      }))

    test(
      'conditions hold: only where there is nothing, and only over the object that was read',
      unless('conditions'),
      () =>
        withObjects(async (objects) => {
          await rejects(objects.put('a', 'x', { ifMatch: md5('x') }), 'not-found')
          const first = await objects.put('a', 'one', { ifNoneMatch: '*' })
          await rejects(objects.put('a', 'two', { ifNoneMatch: '*' }), 'conflict')
          await objects.put('a', 'two', { ifMatch: first.etag })
          await rejects(objects.put('a', 'three', { ifMatch: first.etag }), 'conflict')
          assert.equal(await textOf(objects, 'a'), 'two')
        }),
    )

    test('of many conditional puts exactly one wins, from whatever store', unless('conditions'), () =>
      withObjects(async (objects, _clock, again) => {
        await using other = await again()
        for (const condition of [{ ifNoneMatch: '*' }, { ifMatch: md5('base') }] as const) {
          if ('ifMatch' in condition) await objects.put('dir/a', 'base')
          const puts = Array.from({ length: 20 }, (_, i) =>
            (i % 2 ? objects : other).put('dir/a', `${i}`, condition),
          )
          const results = await Promise.allSettled(puts)
          assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
          for (const result of results)
            if (result.status === 'rejected') assert.ok(isSeamError(result.reason, 'conflict'))
        }
      }),
    )

    test('puts and deletes that cross in one folder lose nothing', () =>
      withObjects(async (objects, _clock, again) => {
        await using other = await again()
        for (let round = 0; round < 10; round++) {
          await objects.put('dir/sub/a', 'x')
          await Promise.all([
            objects.delete('dir/sub/a'),
            other.put('dir/sub/b', 'y'),
            objects.put('dir/c', 'z'),
          ])
          assert.equal(await textOf(objects, 'dir/sub/b'), 'y')
          await Promise.all([objects.delete('dir/sub/b'), other.delete('dir/c')])
        }
        assert.deepEqual(await objects.list({ delimiter: '/' }), {
          objects: [],
          prefixes: [],
          continuation: undefined,
        })
      }))

    const tree = [
      'a',
      'a-b',
      'a.b',
      'a/1',
      'a/2',
      'a/b/1',
      'a0',
      'b/1',
      'b/2',
      'c',
      'photos/2026/x',
      'photos/2026/y',
      'photos/z',
    ]
    const listings: readonly {
      options: ListObjectsOptions
      keys: readonly string[]
      prefixes: readonly string[]
    }[] = [
      { options: {}, keys: tree, prefixes: [] },
      {
        options: { delimiter: '/' },
        keys: ['a', 'a-b', 'a.b', 'a0', 'c'],
        prefixes: ['a/', 'b/', 'photos/'],
      },
      { options: { prefix: 'a' }, keys: ['a', 'a-b', 'a.b', 'a/1', 'a/2', 'a/b/1', 'a0'], prefixes: [] },
      { options: { prefix: 'a', delimiter: '/' }, keys: ['a', 'a-b', 'a.b', 'a0'], prefixes: ['a/'] },
      { options: { prefix: 'a/', delimiter: '/' }, keys: ['a/1', 'a/2'], prefixes: ['a/b/'] },
      { options: { prefix: 'photos/20', delimiter: '/' }, keys: [], prefixes: ['photos/2026/'] },
      { options: { prefix: 'photos/2026/' }, keys: ['photos/2026/x', 'photos/2026/y'], prefixes: [] },
      {
        options: { delimiter: 'b' },
        keys: ['a', 'a/1', 'a/2', 'a0', 'c', 'photos/2026/x', 'photos/2026/y', 'photos/z'],
        prefixes: ['a-b', 'a.b', 'a/b', 'b'],
      },
      { options: { prefix: 'nothing/here' }, keys: [], prefixes: [] },
      { options: { prefix: 'a/1/' }, keys: [], prefixes: [] },
      { options: { prefix: '../' }, keys: [], prefixes: [] },
      { options: { prefix: 'x'.repeat(2_000) }, keys: [], prefixes: [] },
    ]
    test('a listing is right for every prefix, delimiter and page size', unless('prefixPages'), () =>
      withObjects(async (objects) => {
        for (const key of tree.toReversed()) await objects.put(key, key)
        for (const { options, keys, prefixes } of listings) {
          for (const limit of [1, 2, 3, 5, 1_000]) {
            const all = await listAll(objects, { ...options, limit })
            assert.deepEqual([all.keys, all.prefixes], [keys, prefixes], JSON.stringify({ options, limit }))
            assert.equal(all.pages, Math.max(1, Math.ceil((keys.length + prefixes.length) / limit)))
          }
        }
        const [first] = (await objects.list({ limit: 1 })).objects
        const { key, size, etag, lastModified } = (await objects.head('a'))!
        assert.deepEqual(first, { key, size, etag, lastModified })
      }),
    )

    test('a listing goes on behind where it stopped although objects came and went', () =>
      withObjects(async (objects) => {
        for (const key of ['a', 'b', 'd', 'e']) await objects.put(key, key)
        const page = await objects.list({ limit: 2 })
        await objects.delete('b')
        await objects.delete('d')
        for (const key of ['aa', 'c']) await objects.put(key, key)
        const rest = await objects.list({ limit: 10, continuation: page.continuation! })
        assert.deepEqual(
          rest.objects.map(({ key }) => key),
          ['c', 'e'],
        )
      }))

    test('a listing refuses impossible limits and continuations', () =>
      withObjects(async (objects) => {
        for (const limit of [0, -1, 1.5, 1_001, Number.NaN]) await rejects(objects.list({ limit }), 'invalid')
        for (const continuation of ['', '!', 'eHg', 'x'.repeat(40)])
          await rejects(objects.list({ continuation }), 'invalid')
      }))

    test('metadata and headers are bounded and carry no control characters', () =>
      withObjects(async (objects) => {
        await objects.put('a', 'x', { metadata: { k: 'v'.repeat(2_047) } })
        await rejects(objects.put('a', 'x', { metadata: { k: 'v'.repeat(2_048) } }), 'limit')
        await rejects(objects.put('a', 'x', { headers: { cacheControl: 'x'.repeat(1_025) } }), 'limit')
        for (const value of ['a\r\nSet-Cookie: x', 'a\0', '\u007f', '\ud800']) {
          await rejects(objects.put('a', 'x', { metadata: { k: value } }), 'invalid')
          await rejects(objects.put('a', 'x', { headers: { contentType: value } }), 'invalid')
        }
        for (const name of ['', 'a b', 'a:b', 'é'])
          await rejects(objects.put('a', 'x', { metadata: { [name]: 'v' } }), 'invalid')
        assert.equal((await objects.head('a'))?.metadata['k']?.length, 2_047)
      }))

    test('after close everything is refused, and closing twice is harmless', () =>
      withObjects(async (objects) => {
        await objects.close()
        await objects.close()
        await rejects(objects.put('a', 'x'), 'closed')
        await rejects(objects.get('a'), 'closed')
        await rejects(objects.delete('a'), 'closed')
        await rejects(objects.list(), 'closed')
      }))
  })
}
