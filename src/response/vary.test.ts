import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderList } from '../http/header-list.ts'
import { passageOf, type PassageParts } from './passage.fixture.ts'
import { addToVary, filterVary } from './vary.ts'

test('Vary keeps only what the edge tells responses apart by', () => {
  const listed = { forwarding: { headers: new Set(['accept-language', 'origin']) } }
  const device = { forwarding: { cloudFrontHeaders: ['cloudfront-is-mobile-viewer'] } }
  const cases: readonly (readonly [PassageParts, string | readonly string[], string | undefined])[] = [
    [{}, 'Accept-Encoding', 'Accept-Encoding'],
    [{}, 'accept-encoding', 'accept-encoding'],
    [{}, 'Cookie', 'Cookie'],
    [{}, 'Origin', undefined],
    [{}, 'Accept-Encoding, Origin, Cookie', 'Accept-Encoding, Cookie'],
    [{}, 'User-Agent', undefined],
    [{}, '*', undefined],
    [{ cachePolicy: { minTtlSeconds: 0 } }, '*', '*'],
    [{}, ['Origin', 'Accept-Encoding'], 'Accept-Encoding'],
    [{}, ['Cookie', 'Accept-Encoding'], 'Cookie, Accept-Encoding'],
    [{}, ' , ', undefined],
    [listed, 'Origin, Accept-Language, Referer', 'Origin, Accept-Language'],
    [device, 'User-Agent, Accept', 'User-Agent'],
    [{ forwarding: { cloudFrontHeaders: ['cloudfront-viewer-country'] } }, 'User-Agent', undefined],
    [{ forwarding: { headers: new Set(['user-agent']) } }, 'User-Agent', 'User-Agent'],
    [{ forwarding: { headerMode: 'all' } }, 'X-Anything', 'X-Anything'],
    [{ forwarding: { headerMode: 'all-except', headers: new Set(['x-not']) } }, 'X-Any, X-Not', 'X-Any'],
  ]
  for (const [parts, value, expected] of cases) {
    const headers = HeaderList.of({ Vary: value })
    filterVary(headers, passageOf(parts).behavior)
    assert.equal(headers.getJoined('vary'), expected, JSON.stringify(value))
  }
})

test('a name is added to Vary once', () => {
  const cases = [
    [[], 'Origin'],
    [['Vary', 'Accept-Encoding'], 'Accept-Encoding, Origin'],
    [['vary', 'origin'], 'origin'],
    [['Vary', 'Cookie', 'Vary', 'Accept'], 'Cookie, Accept, Origin'],
    [['Vary', '*'], '*'],
    [['Vary', ''], 'Origin'],
  ] as const
  for (const [raw, expected] of cases) {
    const headers = new HeaderList([...raw])
    addToVary(headers, 'Origin')
    assert.equal(headers.getJoined('vary'), expected)
  }
})
