import assert from 'node:assert/strict'
import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import { chooseCoding, compressResponse } from './compress.ts'
import { createErrorPage } from './errors.ts'
import { type PassageParts, passageOf, responseOf } from './passage.fixture.ts'

const BOTH = { 'Accept-Encoding': 'gzip, deflate, br' }

/** What is chosen for a plain compressible response with the given changes. */
function chosen(parts: PassageParts, headers: Readonly<Record<string, string>> = {}, status = 200) {
  const response = responseOf(
    status,
    { 'Content-Type': 'text/html', 'Content-Length': '5000', ...headers },
    Body.bytes(Buffer.alloc(5000)),
  )
  return chooseCoding(passageOf({ headers: BOTH, ...parts }), response)
}

test('compression needs a length from 1,000 to 10,000,000 bytes', () => {
  const cases = [
    ['999', undefined],
    ['1000', 'br'],
    ['10000000', 'br'],
    ['10000001', undefined],
    ['', undefined],
    ['-5000', undefined],
    ['5e3', undefined],
    ['5000, 5000', undefined],
  ] as const
  for (const [length, expected] of cases)
    assert.equal(chosen({}, { 'Content-Length': length }), expected, length)
  const chunked = responseOf(
    200,
    { 'Content-Type': 'text/html' },
    Body.stream(Readable.from([Buffer.alloc(5000)])),
  )
  assert.equal(chooseCoding(passageOf({ headers: BOTH }), chunked), undefined)
})

test('only 200, 403 and 404 are compressed', () => {
  for (const status of [200, 403, 404]) assert.equal(chosen({}, {}, status), 'br', String(status))
  for (const status of [201, 204, 206, 301, 302, 304, 400, 405, 410, 500, 502]) {
    assert.equal(chosen({}, {}, status), undefined, String(status))
  }
})

test('the media type decides, without its parameters', () => {
  const cases = [
    ['text/html', 'br'],
    ['text/html; charset=utf-8', 'br'],
    ['Text/HTML ;charset=utf-8', 'br'],
    ['application/json', 'br'],
    ['application/javascript', 'br'],
    ['application/wasm', 'br'],
    ['application/pdf', 'br'],
    ['image/svg+xml', 'br'],
    ['font/ttf', 'br'],
    ['application/vnd.ms-fontobject', 'br'],
    ['vnd.apple.mpegurl', 'br'],
    ['font/woff2', undefined],
    ['text/markdown', undefined],
    ['application/ld+json', undefined],
    ['application/manifest+json', undefined],
    ['image/jpeg', undefined],
    ['text/event-stream', undefined],
    ['', undefined],
  ] as const
  for (const [type, expected] of cases) assert.equal(chosen({}, { 'Content-Type': type }), expected, type)
})

test('brotli is preferred, and what is off or not accepted is not used', () => {
  const accept = (value: string): PassageParts => ({ headers: { 'Accept-Encoding': value } })
  const cases: readonly (readonly [PassageParts, 'br' | 'gzip' | undefined])[] = [
    [accept('gzip'), 'gzip'],
    [accept('br'), 'br'],
    [accept('br;q=0, gzip'), 'gzip'],
    [accept('deflate, zstd'), undefined],
    [{ headers: {} }, undefined],
    [{ headers: { 'Accept-Encoding': ['deflate', 'gzip'] } }, 'gzip'],
    [{ cachePolicy: { brotli: false } }, 'gzip'],
    [{ cachePolicy: { gzip: false } }, 'br'],
    [{ cachePolicy: { gzip: false, brotli: false } }, undefined],
    [{ cachePolicy: { isLegacy: true } }, 'gzip'],
    [{ cachePolicy: { headers: ['accept-encoding'] } }, undefined],
    [{ cachePolicy: { minTtlSeconds: 0, defaultTtlSeconds: 0, maxTtlSeconds: 0 } }, undefined],
    [{ behavior: { compress: false } }, undefined],
    [{ request: { httpVersion: '1.0' } }, undefined],
    [{ request: { httpVersion: '2.0' } }, 'br'],
    [{ request: { method: 'HEAD' } }, undefined],
  ]
  for (const [parts, expected] of cases) assert.equal(chosen(parts), expected, JSON.stringify(parts))
})

test('what is encoded already stays as it is', () => {
  for (const coding of ['gzip', 'br', 'identity'])
    assert.equal(chosen({}, { 'Content-Encoding': coding }), undefined)
})

test('no-transform is obeyed under the rfc profile only', () => {
  const headers = { 'Cache-Control': 'public, No-Transform' }
  assert.equal(chosen({}, headers), 'br')
  assert.equal(chosen({ behavior: { cacheProfile: 'rfc' } }, headers), undefined)
})

test('pages that the edge generates are not compressed', () => {
  const passage = passageOf({ headers: BOTH })
  const page = createErrorPage(() => '')(passage, new Fault('AccessDenied'))
  page.headers.set('Content-Length', '5000')
  assert.equal(chooseCoding(passage, page), undefined)
})

test('a compressed response says so, loses its length and keeps its content', async () => {
  const text = 'a line of text\n'.repeat(1000)
  const cases = [
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ] as const
  for (const [coding, decode] of cases) {
    const passage = passageOf({ headers: { 'Accept-Encoding': coding } })
    const headers = { 'Content-Type': 'text/plain', 'Content-Length': String(text.length), Vary: 'Cookie' }
    const response = compressResponse(passage, responseOf(200, headers, Body.bytes(text)))
    assert.deepEqual(
      [...response.headers],
      [
        ['Content-Type', 'text/plain'],
        ['Vary', 'Cookie, Accept-Encoding'],
        ['Content-Encoding', coding],
      ],
    )
    assert.equal(response.body.kind, 'stream')
    assert.equal(response.body.length, undefined)
    const stream = response.body.take()
    assert.ok(stream instanceof Readable)
    assert.equal(decode(await buffer(stream)).toString(), text)
  }
})

test('the ETag of a compressed response is weak, or gone if it was not valid', () => {
  const cases = [
    ['"abc"', 'W/"abc"'],
    ['W/"abc"', 'W/"abc"'],
    ['abc', undefined],
    ['w/"abc"', undefined],
    [undefined, undefined],
  ] as const
  for (const [etag, expected] of cases) {
    const headers: Record<string, string> = { 'Content-Type': 'text/plain', 'Content-Length': '5000' }
    if (etag !== undefined) headers['ETag'] = etag
    const response = responseOf(200, headers, Body.bytes(Buffer.alloc(5000)))
    compressResponse(passageOf({ headers: BOTH }), response)
    assert.equal(response.headers.get('etag'), expected, String(etag))
    assert.equal(response.headers.get('content-encoding'), 'br')
    response.body.discard()
  }
})

test('a response that is not compressed is not touched', () => {
  const response = responseOf(301, { 'Content-Type': 'text/html', 'Content-Length': '5000', ETag: '"abc"' })
  const { body } = response
  const before = JSON.stringify(response.headers)
  assert.equal(compressResponse(passageOf({ headers: BOTH }), response), response)
  assert.equal(JSON.stringify(response.headers), before)
  assert.equal(response.body, body)
})
