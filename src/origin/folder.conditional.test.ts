import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { MODIFIED_TEXT, readBody, Site } from './folder.fixture.ts'

const site = new Site()
after(() => site.remove())

const OLDER = 'Thu, 01 Oct 2026 08:29:59 GMT'
const NEWER = 'Thu, 01 Oct 2026 08:30:01 GMT'
const conditions: readonly [about: string, headers: Record<string, string>, status: number][] = [
  ['the same tag is not modified', { 'If-None-Match': 'ETAG' }, 304],
  ['the same tag, weakened by compression, is not modified', { 'If-None-Match': 'W/ETAG' }, 304],
  ['the same tag in a list is not modified', { 'If-None-Match': '"a,b", W/"c" , ETAG' }, 304],
  ['any tag is not modified', { 'If-None-Match': '*' }, 304],
  ['another tag is modified', { 'If-None-Match': '"other"' }, 200],
  ['a tag outranks the date', { 'If-None-Match': '"other"', 'If-Modified-Since': NEWER }, 200],
  ['the same date is not modified', { 'If-Modified-Since': MODIFIED_TEXT }, 304],
  ['a later date is not modified', { 'If-Modified-Since': NEWER }, 304],
  ['an earlier date is modified', { 'If-Modified-Since': OLDER }, 200],
  ['a date of RFC 850 counts', { 'If-Modified-Since': 'Thursday, 01-Oct-26 08:30:00 GMT' }, 304],
  ['a date of asctime counts', { 'If-Modified-Since': 'Thu Oct  1 08:30:00 2026' }, 304],
  ['a date that is none is ignored', { 'If-Modified-Since': 'yesterday' }, 200],
  ['If-Match with the tag passes', { 'If-Match': '"x", ETAG' }, 200],
  ['If-Match with any tag passes', { 'If-Match': '*' }, 200],
  ['If-Match with another tag fails', { 'If-Match': '"other"' }, 412],
  ['If-Match compares strongly', { 'If-Match': 'W/ETAG' }, 412],
  ['If-Match outranks the date', { 'If-Match': 'ETAG', 'If-Unmodified-Since': OLDER }, 200],
  ['If-Match comes before If-None-Match', { 'If-Match': '"other"', 'If-None-Match': 'ETAG' }, 412],
  ['If-Match that passes leaves If-None-Match', { 'If-Match': 'ETAG', 'If-None-Match': 'ETAG' }, 304],
  ['unmodified since the same date passes', { 'If-Unmodified-Since': MODIFIED_TEXT }, 200],
  ['unmodified since an earlier date fails', { 'If-Unmodified-Since': OLDER }, 412],
  ['a condition comes before the range', { 'If-None-Match': 'ETAG', Range: 'bytes=0-1' }, 304],
  ['a condition comes before an unsatisfiable range', { 'If-Match': '"other"', Range: 'bytes=99-' }, 412],
]

for (const [about, headers, status] of conditions) {
  test(about, async () => {
    const { etag, headers: fields } = await site.withTag('/hello.txt', headers)
    for (const method of ['GET', 'HEAD']) {
      const response = await site.ask('/hello.txt', { method, headers: fields })
      assert.equal(response.status, status, method)
      if (status === 304) {
        assert.deepEqual(response.headers.raw, ['ETag', etag, 'Last-Modified', MODIFIED_TEXT])
        assert.equal(response.body.kind, 'none')
      }
    }
  })
}

const ranges: readonly [
  headers: Record<string, string>,
  status: number,
  body: string,
  contentRange?: string,
][] = [
  [{ Range: 'bytes=0-3' }, 206, '0123', 'bytes 0-3/10'],
  [{ Range: 'bytes=0-0' }, 206, '0', 'bytes 0-0/10'],
  [{ Range: 'bytes=4-' }, 206, '456789', 'bytes 4-9/10'],
  [{ Range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
  [{ Range: 'bytes=-99' }, 206, '0123456789', 'bytes 0-9/10'],
  [{ Range: 'bytes=8-99999999999999999999' }, 206, '89', 'bytes 8-9/10'],
  [{ Range: 'BYTES=9-9' }, 206, '9', 'bytes 9-9/10'],
  [{ Range: 'bytes=10-' }, 416, '', 'bytes */10'],
  [{ Range: 'bytes=99-100' }, 416, '', 'bytes */10'],
  [{ Range: 'bytes=-0' }, 416, '', 'bytes */10'],
  [{ Range: 'bytes=0-1,4-5' }, 200, '0123456789'],
  [{ Range: 'bytes=5-4' }, 200, '0123456789'],
  [{ Range: 'bytes=-' }, 200, '0123456789'],
  [{ Range: 'bytes=a-b' }, 200, '0123456789'],
  [{ Range: 'lines=0-1' }, 200, '0123456789'],
  [{ Range: 'bytes=0-1', 'If-Range': 'ETAG' }, 206, '01', 'bytes 0-1/10'],
  [{ Range: 'bytes=0-1', 'If-Range': 'W/ETAG' }, 200, '0123456789'],
  [{ Range: 'bytes=0-1', 'If-Range': '"other"' }, 200, '0123456789'],
  [{ Range: 'bytes=99-', 'If-Range': '"other"' }, 200, '0123456789'],
  [{ Range: 'bytes=0-1', 'If-Range': MODIFIED_TEXT }, 206, '01', 'bytes 0-1/10'],
  [{ Range: 'bytes=0-1', 'If-Range': NEWER }, 200, '0123456789'],
]

for (const [headers, status, body, contentRange] of ranges) {
  test(`${JSON.stringify(headers)} of ten bytes is answered with ${status}`, async () => {
    const { etag, headers: fields } = await site.withTag('/hello.txt', headers)
    const response = await site.ask('/hello.txt', { headers: fields })
    assert.equal(response.status, status)
    assert.equal(response.headers.get('content-range'), contentRange)
    if (status === 416) return
    assert.equal(response.headers.get('content-length'), String(body.length))
    assert.equal(response.headers.get('etag'), etag)
    assert.equal(await readBody(response), body)
  })
}

test('HEAD ignores Range', async () => {
  const response = await site.ask('/hello.txt', { method: 'HEAD', headers: { Range: 'bytes=0-1' } })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-length'), '10')
})
