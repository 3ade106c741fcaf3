import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readQuery } from './read-query.ts'
import { readWatermark } from './watermark.ts'

const read = (text: string) =>
  readWatermark(readQuery(new URLSearchParams([['watermark', text]]).toString())[0]?.value)

const cases: readonly (readonly [text: string, expected: Readonly<Record<string, unknown>> | undefined])[] = [
  [
    '[https://a.test/x.png,[1,2,0.5,0.25,0.75]]',
    { url: 'https://a.test/x.png', top: 1, left: 2, alpha: 0.5, width: 0.25, height: 0.75 },
  ],
  [
    'http://a.test/x.png,[-1,10p,0,0.5]',
    { url: 'https://a.test/x.png', top: -1, left: '10p', alpha: 0, width: 0.5, height: undefined },
  ],
  [
    '[a.test/x.png,[-5p,0,1,1]]',
    { url: 'https://a.test/x.png', top: '-5p', left: 0, alpha: 1, width: 1, height: undefined },
  ],
  ['https://a.test/x.png', undefined],
  ['[https://a.test/x.png,[0,0,0]]', undefined],
  ['[https://a.test/x.png,[0,0,2,0.5]]', undefined],
  ['[https://a.test/x.png,[0,0,0,0]]', undefined],
  ['[https://a.test/x.png,[0,0,0,1.1]]', undefined],
  ['[https://a.test/x.png,[0.5,0,0,0.5]]', undefined],
  ['[https://a.test/x.png,[5%,0,0,0.5]]', undefined],
  ['[https://a.test/x.png,[0,0,0,0.5,0.5,0.5]]', undefined],
  ['[7,[0,0,0,0.5]]', undefined],
  ['[,[0,0,0,0.5]]', undefined],
]
for (const [text, expected] of cases) {
  test(`${text} is ${expected === undefined ? 'no watermark' : 'a watermark'}`, () => {
    const found = read(text)
    assert.deepEqual(found && { ...found, url: found.url.href }, expected)
  })
}

test('no text does anything but give a watermark with shares and places in their bounds, or none', () => {
  const number = fc.oneof(fc.integer().map(String), fc.double().map(String), fc.string())
  const text = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.webUrl(), fc.array(number, { maxLength: 7 }))
      .map(([url, place]) => `[${url},[${place.join(',')}]]`),
  )
  fc.assert(
    fc.property(text, (given) => {
      const found = read(given)
      if (found === undefined) return
      const { url, alpha, width, height } = found
      assert.equal(url.protocol, 'https:')
      assert.ok(alpha >= 0 && alpha <= 1)
      for (const share of [width, height]) assert.ok(share === undefined || (share > 0 && share <= 1))
    }),
  )
})
