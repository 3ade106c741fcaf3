import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBucketAddress } from '../http/bucket-address.ts'
import { parseEndpoint, parseOriginUrl } from './address.ts'

/** Url; protocol, name to show, name to connect to, port, path; or what is wrong. */
const urls: readonly (readonly [url: string, expected: string | RegExp])[] = [
  ['http://127.0.0.1:9001', 'http 127.0.0.1 127.0.0.1 9001 '],
  ['https://API.example.org/', 'https api.example.org api.example.org - '],
  ['https://api.example.org:443/v1/', 'https api.example.org api.example.org - /v1'],
  ['http://api.example.org:443', 'http api.example.org api.example.org 443 '],
  ['HTTP://[::1]:80/a//b', 'http [::1] ::1 - /a//b'],
  ['127.0.0.1:9001', /is no url; write it with its protocol/],
  ['localhost:9001', /is no url; write it with its protocol/],
  ['http://', /is no url/],
  ['http://a b', /is no url/],
  ['ws://a', /speaks http or https, not ws/],
  ['file:///etc', /speaks http or https, not file/],
  ['http://user:pass@a', /has no user and password/],
  ['http://a?b', /no query string and no fragment/],
  ['http://a#b', /no query string and no fragment/],
]

for (const [url, expected] of urls) {
  test(`origin url ${url}`, () => {
    const parsed = parseOriginUrl(url)
    if (typeof expected !== 'string') assert.match(String(parsed), expected)
    else {
      assert.ok(typeof parsed !== 'string', String(parsed))
      const { protocol, domainName, hostname, port, path } = parsed
      assert.equal(`${protocol} ${domainName} ${hostname} ${port ?? '-'} ${path}`, expected)
    }
  })
}

const buckets: readonly (readonly [address: string, expected: object | RegExp])[] = [
  ['s3://photos', { bucket: 'photos', path: '' }],
  ['s3://photos/', { bucket: 'photos', path: '' }],
  ['s3://a.photos/2026/best/', { bucket: 'a.photos', path: '/2026/best' }],
  ['photos', /is no bucket; write it like s3:\/\/name/],
  ['s3://', /is no bucket/],
  ['s3://Photos', /is no bucket name/],
  ['s3://ab', /is no bucket name/],
  ['s3://photos?x', /is no bucket/],
]

for (const [address, expected] of buckets) {
  test(`bucket ${address}`, () => {
    const parsed = parseBucketAddress(address)
    if (expected instanceof RegExp) assert.match(String(parsed), expected)
    else assert.deepEqual(parsed, expected)
  })
}

test('an endpoint is a url without path', () => {
  assert.equal(typeof parseEndpoint('http://127.0.0.1:9000/'), 'object')
  assert.match(String(parseEndpoint('http://127.0.0.1:9000/bucket')), /an endpoint has no path/)
  assert.match(String(parseEndpoint('http://u:p@x')), /an endpoint url has no user/)
})
