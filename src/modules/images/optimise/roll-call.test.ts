import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bareName } from './record.ts'
import { NobodyThere, RollCall } from './roll-call.ts'

async function missing(
  originals: readonly string[],
  /** Originals by the base of their record. */
  records: Readonly<Record<string, string | undefined>>,
) {
  const read: string[] = []
  const roll = new RollCall()
  for (const key of originals) roll.present(key)
  const found: string[] = []
  const { signal } = new AbortController()
  async function* bases() {
    yield* Object.keys(records)
    await Promise.resolve()
  }
  const originalOf = (base: string) => {
    read.push(base)
    return Promise.resolve(records[base])
  }
  for await (const key of roll.missing({ bases, originalOf }, signal)) found.push(key)
  return { found, read }
}

test('records whose originals are gone are found by their names, and only those are read that may be of one', async () => {
  const cases = [
    { originals: ['a.jpg', 'd/b.png'], records: { a: 'a.jpg', 'd/b': 'd/b.png' }, found: [], read: [] },
    { originals: ['a.jpg'], records: { a: 'a.jpg', b: 'b.jpg' }, found: ['b.jpg'], read: ['b'] },
    // Two of one name, of which one is gone: either may be it.
    {
      originals: ['a.png'],
      records: { a: 'a.jpg', 'a.png': 'a.png' },
      found: ['a.jpg', 'a.png'],
      read: ['a', 'a.png'],
    },
    { originals: ['a.png', 'a.jpg'], records: { a: 'a.jpg', 'a.png': 'a.png' }, found: [], read: [] },
    // Made under another name than its own, which is that of a picture too.
    { originals: ['x.png.jpg'], records: { 'x.png': 'x.png.jpg' }, found: [], read: [] },
    { originals: ['a.jpg'], records: { a: 'a.jpg', theirs: undefined }, found: [], read: ['theirs'] },
    { originals: [], records: { a: 'a.jpg' }, found: ['a.jpg'], read: ['a'] },
  ]
  for (const { originals, records, ...expected } of cases)
    assert.deepEqual(await missing(originals, records), expected, JSON.stringify(records))
})

test('a place without any original is not believed where much was made', async () => {
  const records = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`p${i}`, `p${i}.jpg`]))
  await assert.rejects(missing([], records), NobodyThere)
  assert.equal((await missing(['other.jpg'], records)).found.length, 17)
})

test('whatever there is, no original that is gone is passed over', async () => {
  const name = fc.constantFrom('a', 'b', 'a.png', 'd/a', 'b.jpg')
  const key = fc.tuple(name, fc.constantFrom('.jpg', '.png', '.webp')).map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key), fc.uniqueArray(key), async (stayed, gone) => {
      // Records as the optimiser calls them: without the ending where nobody has that name yet.
      const records: Record<string, string> = {}
      for (const each of [...gone, ...stayed]) {
        if (Object.values(records).includes(each)) continue
        const bare = bareName(each)
        const base = Object.hasOwn(records, bare) ? each : bare
        if (!Object.hasOwn(records, base)) records[base] = each
      }
      const done = new Set(Object.values(records))
      const left = gone.filter((each) => !stayed.includes(each) && done.has(each))
      const { found } = await missing(
        stayed.filter((each) => done.has(each)),
        records,
      )
      for (const each of left) assert.ok(found.includes(each), each)
    }),
  )
})
