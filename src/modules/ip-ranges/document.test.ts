import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rangesOf } from './contract.ts'
import { readDocument, type Selection } from './document.ts'
import { judgeDocument } from './judge.ts'
import { aggregateRanges, countAddresses, coverOf, parseRange } from './ranges.ts'

const all: Selection = { services: [], regions: [], families: ['ipv4', 'ipv6'], aggregate: false }
const textsOf = (ranges: readonly { readonly text: string }[]): string[] => ranges.map(({ text }) => text)
const document = (more: object = {}): string =>
  JSON.stringify({
    syncToken: '1717201989',
    createDate: '2024-06-01-00-33-09',
    prefixes: [
      { ip_prefix: '10.0.1.0/24', region: 'GLOBAL', service: 'CLOUDFRONT', network_border_group: 'GLOBAL' },
      { ip_prefix: '10.0.0.0/24', region: 'GLOBAL', service: 'CLOUDFRONT', network_border_group: 'GLOBAL' },
      { ip_prefix: '10.9.0.0/16', region: 'eu-central-1', service: 'EC2', network_border_group: 'x' },
      { ip_prefix: '10.0.0.0/24', region: 'GLOBAL', service: 'AMAZON', network_border_group: 'GLOBAL' },
    ],
    ipv6_prefixes: [
      { ipv6_prefix: '2001:DB8::/32', region: 'GLOBAL', service: 'CLOUDFRONT', network_border_group: 'x' },
    ],
    ...more,
  })

test('ranges are chosen by service, region and family, sorted, each once', () => {
  const cases: readonly (readonly [Partial<Selection>, readonly string[]])[] = [
    [{}, ['10.0.0.0/24', '10.0.1.0/24', '10.9.0.0/16', '2001:db8::/32']],
    [{ services: ['CLOUDFRONT'] }, ['10.0.0.0/24', '10.0.1.0/24', '2001:db8::/32']],
    [{ services: ['CLOUDFRONT'], aggregate: true }, ['10.0.0.0/23', '2001:db8::/32']],
    [{ regions: ['eu-central-1'] }, ['10.9.0.0/16']],
    [{ services: ['AMAZON', 'EC2'], families: ['ipv4'] }, ['10.0.0.0/24', '10.9.0.0/16']],
    [{ families: ['ipv6'] }, ['2001:db8::/32']],
  ]
  for (const [selection, expected] of cases) {
    const { publishedAt, ranges } = readDocument(document(), 'aws', { ...all, ...selection })
    assert.deepEqual(textsOf(ranges), expected)
    assert.equal(publishedAt, 1_717_201_989)
  }
})

test('a plain list has one range a line; comments, blank lines and single addresses are fine', () => {
  const text = '# ours\r\n192.0.2.0/24\n\n 198.51.100.7 ; the office\n2001:db8::/32 # new\n192.0.2.9/24\n'
  assert.deepEqual(textsOf(readDocument(text, 'list', all).ranges), [
    '192.0.2.0/24',
    '198.51.100.7/32',
    '2001:db8::/32',
  ])
})

test('what cannot be read says why', () => {
  const cases: readonly (readonly [string, 'aws' | 'list', Partial<Selection>, RegExp])[] = [
    ['<html>', 'aws', {}, /^it is not JSON$/],
    ['[]', 'aws', {}, /not in the format of ip-ranges\.json/],
    [document({ syncToken: 'now' }), 'aws', {}, /syncToken: is no publication time/],
    [document({ prefixes: [{ ip_prefix: '10.0.0.0/24' }] }), 'aws', {}, /prefixes\.0\.region/],
    [
      document({ prefixes: [{ ip_prefix: '10.0.0.0/33', region: 'r', service: 's' }] }),
      'aws',
      {},
      /prefix length from 0 to 32/,
    ],
    [document(), 'aws', { services: ['CLOUDFRNT'] }, /^it has no service CLOUDFRNT$/],
    [document(), 'aws', { regions: ['mars-1'] }, /^it has no region mars-1$/],
    ['192.0.2.0/24\nhello\n', 'list', {}, /"hello" is no address range such as/],
    ['0.0.0.0/0\n', 'list', {}, /0\.0\.0\.0\/0 is wider than \/8/],
    ['::/0\n', 'list', {}, /::\/0 is wider than \/16/],
    ['192.0.2.0/24/1\n', 'list', {}, /no address range/],
    ['192.0.2.0/08\n', 'list', {}, /needs a prefix length/],
  ]
  for (const [text, format, selection, says] of cases)
    assert.throws(() => readDocument(text, format, { ...all, ...selection }), {
      name: 'DocumentError',
      message: says,
    })
})

test('whatever bytes come, a document is read or refused by name', () => {
  const broken = fc
    .tuple(fc.nat(document().length - 1), fc.string({ maxLength: 3 }))
    .map(([at, text]) => document().slice(0, at) + text + document().slice(at + 1))
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.json(), broken),
      fc.constantFrom('aws' as const, 'list' as const),
      (text, format) => {
        try {
          readDocument(text, format, all)
        } catch (error) {
          assert.equal((error as Error).name, 'DocumentError')
        }
      },
    ),
  )
})

test('an aggregate holds the same addresses in the fewest blocks', () => {
  const block = fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 20, max: 32 }))
    .map(([part, length]) => `10.0.${part >> 2}.${(part & 3) * 64}/${length}`)
  fc.assert(
    fc.property(fc.array(block, { maxLength: 30 }), (texts) => {
      const ranges = rangesOf(...texts)
      const aggregate = aggregateRanges(ranges)
      const [before, after] = [coverOf(ranges), coverOf(aggregate)]
      for (const range of ranges) assert.ok(after.contains(range))
      // Every /28 of the space is in both or in neither.
      for (let part = 0; part < 4096; part += 7) {
        const probe = parseRange(`10.0.${part >> 8}.${part & 255}/32`)
        assert.ok(typeof probe !== 'string')
        const isIn = ranges.some((range) => range.first <= probe.first && probe.last <= range.last)
        assert.equal(after.contains(probe), isIn)
        assert.equal(before.overlaps(probe), isIn)
      }
      assert.deepEqual(aggregateRanges(aggregate), aggregate)
      assert.ok(aggregate.length <= ranges.length)
      assert.equal(countAddresses(ranges, 4), countAddresses(aggregate, 4))
    }),
  )
})

test('a document that is empty, older or shrinks too much is refused; other ones are taken', () => {
  const ten = rangesOf(...Array.from({ length: 10 }, (_, index) => `10.${index}.0.0/16`))
  const ipv6 = rangesOf('2001:db8::/32', '2001:db9::/32')
  const last = { publishedAt: 1000, ranges: [...ten, ...ipv6] }
  const cases: readonly (readonly [string, Parameters<typeof judgeDocument>[0], string])[] = [
    ['the same', { publishedAt: 1000, ranges: last.ranges }, 'take'],
    ['a fifth less', { publishedAt: 1001, ranges: [...ten.slice(2), ...ipv6] }, 'take'],
    ['more than a fifth less', { publishedAt: 1001, ranges: [...ten.slice(3), ...ipv6] }, 'shrinks'],
    ['half of the other family', { publishedAt: 1001, ranges: [...ten, ipv6[0]!] }, 'shrinks'],
    [
      'fewer blocks for the same addresses',
      { publishedAt: 1001, ranges: aggregateRanges(last.ranges) },
      'take',
    ],
    ['older', { publishedAt: 999, ranges: last.ranges }, 'older'],
    ['without a time', { publishedAt: undefined, ranges: last.ranges }, 'take'],
    ['empty', { publishedAt: 1001, ranges: [] }, 'empty'],
  ]
  for (const [name, next, expected] of cases) {
    const judgement = judgeDocument(next, last, 0.2)
    assert.equal(judgement.kind === 'refuse' ? judgement.why : 'take', expected, name)
  }
  assert.equal(judgeDocument({ publishedAt: 1, ranges: ten }, undefined, 0).kind, 'take')
})
