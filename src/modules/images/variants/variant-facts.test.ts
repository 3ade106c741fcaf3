import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inputsOf, readFacts, renamed, type VariantFacts, writeFacts } from './variant-facts.ts'

const plain = { noNullPrototype: true }
const text = fc.string({ unit: 'binary', maxLength: 40 })
const optional = fc.option(text, { nil: undefined })
const facts: fc.Arbitrary<VariantFacts> = fc.record(
  {
    contentType: text,
    etag: text,
    inputs: fc.array(
      fc.record(
        {
          hash: text,
          known: fc.array(fc.record({ etag: optional, lastModified: optional }, plain), { maxLength: 4 }),
        },
        plain,
      ),
      { minLength: 1, maxLength: 4 },
    ),
    rendered: fc.record({ format: text, width: fc.nat(), height: fc.nat(), frames: fc.nat() }, plain),
  },
  plain,
)

test('what is written of a variant is read back, and any header of an object can carry it', () => {
  fc.assert(
    fc.property(facts, (each) => {
      const written = writeFacts(each)
      assert.match(written, /^[\x20-\x7e]*$/)
      assert.deepEqual(readFacts(written, each.contentType), each)
    }),
  )
})

test('what was not written by this version is as good as nothing, and never throws', () => {
  const type = 'image/webp'
  const good = {
    v: 1,
    etag: '"a"',
    inputs: [['hash', ['"1"', null]]],
    rendered: ['webp', 1, 1, 1],
  }
  assert.notEqual(readFacts(JSON.stringify(good), type), undefined)
  assert.equal(readFacts(JSON.stringify(good), undefined), undefined)
  const broken: unknown[] = [
    'text',
    null,
    [],
    { ...good, v: 2 },
    { ...good, etag: 1 },
    { ...good, inputs: [] },
    { ...good, inputs: ['x'] },
    { ...good, inputs: [[1]] },
    { ...good, inputs: [['hash', 'x']] },
    { ...good, inputs: [['hash', [1, 2]]] },
    { ...good, rendered: ['webp', '1', 1, 1] },
    { ...good, rendered: undefined },
  ]
  for (const each of broken)
    assert.equal(readFacts(JSON.stringify(each), type), undefined, JSON.stringify(each))
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (each) => assert.equal(readFacts(each, type), undefined)),
  )
})

test('names of the same bytes are remembered, the newest four; other bytes are another matter', () => {
  const named = (etag: string) => [{ hash: 'h', known: [{ etag, lastModified: undefined }] }]
  const [first] = fc.sample(facts, 1)
  let known: VariantFacts = { ...first!, inputs: named('"0"') }
  for (const etag of ['"1"', '"2"', '"3"', '"0"', '"4"']) known = renamed(known, named(etag))!
  assert.deepEqual(
    known.inputs[0]!.known.map(({ etag }) => etag),
    ['"2"', '"3"', '"0"', '"4"'],
  )
  assert.equal(renamed(known, [{ hash: 'other', known: [] }]), undefined)
  assert.equal(renamed(known, []), undefined)
})

test('a date alone is a name when it is a minute old, an ETag always', async () => {
  const nowMs = Date.UTC(2026, 10, 24, 12, 0, 0)
  const cases: readonly [etag: string | undefined, lastModified: string | undefined, isName: boolean][] = [
    ['"1"', undefined, true],
    ['"1"', 'Tue, 24 Nov 2026 12:00:00 GMT', true],
    [undefined, 'Tue, 24 Nov 2026 11:59:00 GMT', true],
    [undefined, 'Tue, 24 Nov 2026 11:59:01 GMT', false],
    [undefined, 'yesterday', false],
    [undefined, undefined, false],
  ]
  for (const [etag, lastModified, isName] of cases) {
    const picture = {
      etag,
      lastModified,
      contentType: undefined,
      cacheControl: undefined,
      expires: undefined,
    }
    const bytes = Buffer.from('abc')
    const hashing = inputsOf([{ ...picture, bytes }], nowMs)
    // The bytes of a source are used again for the next.
    bytes.fill(0)
    const [input] = await hashing
    assert.deepEqual(input, {
      // SHA-256 of abc, FIPS 180-2 appendix B.1.
      hash: Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex').toString(
        'base64url',
      ),
      known: isName ? [{ etag, lastModified }] : [],
    })
  }
})
