import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderList } from '../../../http/header-list.ts'
import { shortenLifetime, withoutFormat } from './stopgap.ts'

const lifetimes: readonly [given: string | undefined, becomes: string][] = [
  ['max-age=31536000,public', 'public, max-age=10'],
  [undefined, 'public, max-age=10'],
  ['public, max-age=600, s-maxage=86400, immutable, stale-while-revalidate=60', 'public, max-age=10'],
  ['max-age=3', 'public, max-age=3'],
  ['max-age=600, s-maxage=0', 'public, max-age=0'],
  ['max-age=nonsense', 'public, max-age=0'],
  ['private, max-age=600', 'private, max-age=10'],
  ['no-store', 'no-store'],
  ['no-cache', 'no-cache'],
]
for (const [given, becomes] of lifetimes) {
  test(`what stands in for ${given ?? 'an answer without Cache-Control'} has ${becomes}`, () => {
    const headers = new HeaderList(['Expires', 'Tue, 24 Nov 2026 10:00:00 GMT'])
    if (given !== undefined) headers.append('Cache-Control', given)
    shortenLifetime(headers, 10)
    assert.deepEqual([headers.get('cache-control'), headers.get('expires')], [becomes, undefined])
  })
}

test('a format is taken out of an Accept header, with its weight, and nothing else', () => {
  const cases: readonly [string | undefined, string | undefined][] = [
    ['image/avif,image/webp,*/*;q=0.8', 'image/webp,*/*;q=0.8'],
    ['text/html, IMAGE/AVIF ;q=0.9, image/avif-sequence', 'text/html, image/avif-sequence'],
    ['image/avif', ''],
    [undefined, undefined],
  ]
  for (const [given, becomes] of cases) assert.equal(withoutFormat(given, 'avif'), becomes)
})
