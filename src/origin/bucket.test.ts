import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { Secret } from '../base/secret.ts'
import { Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import type { BucketOrigin } from '../plan.ts'
import { type Ask, credentials, originOf, requestOf } from './bucket.fixture.ts'
import { signBucketRequest } from './bucket.ts'
import type { SignedRequest } from './origin.ts'
import { EMPTY_SHA256, sha256 } from './sign-v4.ts'

/** The moment of AWS's examples for S3. */
const NOW = Date.UTC(2013, 4, 24)

function sign(ask: Ask = {}, changes: Partial<BucketOrigin> = {}, nowMs = NOW): SignedRequest {
  const origin = originOf(changes)
  return signBucketRequest(requestOf(origin, ask), origin, nowMs)
}

const addresses: readonly [
  endpoint: string,
  pathStyle: boolean,
  protocol: string,
  hostname: string,
  port: number,
  host: string,
  target: string,
][] = [
  [
    'https://s3.eu-central-1.amazonaws.com',
    false,
    'https',
    'examplebucket.s3.eu-central-1.amazonaws.com',
    443,
    'examplebucket.s3.eu-central-1.amazonaws.com',
    '/k',
  ],
  [
    'https://s3.amazonaws.com',
    true,
    'https',
    's3.amazonaws.com',
    443,
    's3.amazonaws.com',
    '/examplebucket/k',
  ],
  ['http://127.0.0.1:9000', true, 'http', '127.0.0.1', 9000, '127.0.0.1:9000', '/examplebucket/k'],
  ['http://storage.local', true, 'http', 'storage.local', 80, 'storage.local', '/examplebucket/k'],
  ['https://storage.local:443', true, 'https', 'storage.local', 443, 'storage.local', '/examplebucket/k'],
  [
    'https://storage.local:9443',
    false,
    'https',
    'examplebucket.storage.local',
    9443,
    'examplebucket.storage.local:9443',
    '/k',
  ],
  ['http://[::1]:9000', true, 'http', '::1', 9000, '[::1]:9000', '/examplebucket/k'],
]

for (const [endpoint, pathStyle, protocol, hostname, port, host, target] of addresses) {
  test(`a bucket at ${endpoint}, ${pathStyle ? 'named in the path' : 'named in the host'}, is asked at ${host}${target}`, () => {
    const signed = sign({ path: '/k' }, { endpoint, pathStyle })
    assert.deepEqual(
      [signed.protocol, signed.hostname, signed.port, signed.target],
      [protocol, hostname, port, target],
    )
    assert.equal(signed.headers.get('host'), host)
    assert.equal(signed.headers.count('host'), 1)
  })
}

test('the signature of a list of objects is the one AWS publishes', () => {
  const signed = sign({ path: '/', query: 'prefix=J&max-keys=2' })
  assert.equal(signed.target, '/?max-keys=2&prefix=J')
  assert.equal(
    signed.headers.get('authorization'),
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=host;x-amz-content-sha256;x-amz-date, ' +
      'Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  )
  assert.equal(signed.headers.get('x-amz-date'), '20130524T000000Z')
  assert.equal(signed.headers.get('x-amz-content-sha256'), EMPTY_SHA256)
})

test('signing leaves the request and its headers as they were', () => {
  const origin = originOf()
  const request = requestOf(origin, { headers: { Range: 'bytes=0-9' } })
  signBucketRequest(request, origin, NOW)
  assert.deepEqual(request.headers.raw, ['Host', 'viewer.example', 'Range', 'bytes=0-9'])
})

test('the signature changes with the second and with the day', () => {
  const origin = originOf()
  const dayMs = 86_400_000
  const seen = [NOW, NOW + 1000, NOW + dayMs, NOW].map((nowMs) =>
    signBucketRequest(requestOf(origin, {}), origin, nowMs).headers.get('authorization'),
  )
  assert.equal(new Set(seen).size, 3)
  assert.equal(seen[0], seen[3])
  assert.match(seen[2]!, /\/20130525\/us-east-1\/s3\//)
})

test('what tells S3 about the object is signed, and nothing that a hop may change', () => {
  const headers = {
    'If-None-Match': '"x"',
    Range: 'bytes=0-9',
    Via: '1.1 edge',
    'X-Amz-Cf-Id': 'id',
    'x-amz-meta-b': [' two ', 'lines'],
    'Content-Type': 'image/png',
  }
  const signed = sign({ method: 'PUT', headers, body: Body.bytes('Welcome to Amazon S3.') })
  assert.match(
    signed.headers.get('authorization')!,
    /SignedHeaders=content-type;host;x-amz-cf-id;x-amz-content-sha256;x-amz-date;x-amz-meta-b,/,
  )
  assert.equal(signed.headers.get('if-none-match'), '"x"')
  assert.equal(signed.headers.get('range'), 'bytes=0-9')
  assert.equal(signed.headers.get('via'), '1.1 edge')
})

type Expectation = 'signed' | 'viewer' | 'none'
const signings: readonly [
  signing: BucketOrigin['signing'],
  hasKeys: boolean,
  viewerSigns: boolean,
  expected: Expectation,
][] = [
  ['always', true, false, 'signed'],
  ['always', true, true, 'signed'],
  ['always', false, false, 'none'],
  ['always', false, true, 'viewer'],
  ['never', true, false, 'none'],
  ['never', true, true, 'viewer'],
  ['no-override', true, false, 'signed'],
  ['no-override', true, true, 'viewer'],
  ['no-override', false, false, 'none'],
]

for (const [signing, hasKeys, viewerSigns, expected] of signings) {
  test(`signing ${signing} ${hasKeys ? 'with' : 'without'} credentials, Authorization ${viewerSigns ? '' : 'not '}sent: ${expected}`, () => {
    const headers: Record<string, string> = viewerSigns ? { Authorization: 'viewer' } : {}
    const signed = sign(
      { headers, query: 'b&a' },
      { signing, credentials: hasKeys ? credentials : undefined },
    )
    const authorization = signed.headers.getAll('authorization')
    if (expected === 'signed') assert.match(authorization.join(), /^AWS4-HMAC-SHA256 Credential=AKIA/)
    else assert.deepEqual(authorization, expected === 'viewer' ? ['viewer'] : [])
    assert.equal(signed.headers.has('x-amz-date'), expected === 'signed')
    // What is not signed keeps its query to the letter.
    assert.equal(signed.target, expected === 'signed' ? '/test.txt?a=&b=' : '/test.txt?b&a')
  })
}

test('a viewer cannot put its own date or token under the signature', () => {
  const headers = { 'X-Amz-Date': '19990101T000000Z', 'x-amz-security-token': 'theirs' }
  const signed = sign({ headers })
  assert.deepEqual(signed.headers.getAll('x-amz-date'), ['20130524T000000Z'])
  assert.equal(signed.headers.has('x-amz-security-token'), false)
  const own = sign({ headers }, { credentials: { ...credentials, sessionToken: new Secret('ours') } })
  assert.deepEqual(own.headers.getAll('x-amz-security-token'), ['ours'])
  assert.match(own.headers.get('authorization')!, /x-amz-security-token,/)
})

const declared = 'a'.repeat(64)
const payloads: readonly [about: string, body: () => Body, header: string | undefined, hash: string][] = [
  ['no body', () => Body.none(), undefined, EMPTY_SHA256],
  ['no body, whatever is declared', () => Body.none(), declared, EMPTY_SHA256],
  ['bytes', () => Body.bytes('abc'), undefined, sha256('abc')],
  ['bytes whose hash was declared', () => Body.bytes('abc'), declared, declared],
  ['bytes declared unsigned', () => Body.bytes('abc'), 'UNSIGNED-PAYLOAD', sha256('abc')],
  ['a stream', () => Body.stream(new PassThrough(), 3), undefined, 'UNSIGNED-PAYLOAD'],
  ['a stream whose hash was declared', () => Body.stream(new PassThrough(), 3), declared, declared],
  [
    'a stream with nonsense declared',
    () => Body.stream(new PassThrough(), 3),
    'nonsense',
    'UNSIGNED-PAYLOAD',
  ],
  [
    'a stream with a trailer',
    () => Body.stream(new PassThrough()),
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  ],
]

for (const [about, body, header, hash] of payloads) {
  test(`the payload hash of ${about} is ${hash.slice(0, 40)}`, () => {
    const made = body()
    const headers: Record<string, string> = header === undefined ? {} : { 'x-amz-content-sha256': header }
    const signed = sign({ method: 'PUT', body: made, headers })
    assert.deepEqual(signed.headers.getAll('x-amz-content-sha256'), [hash])
    assert.equal(made.isTaken, false)
    made.discard()
  })
}

test('custom headers of the origin are in place before it is signed', () => {
  const customHeaders = [
    { name: 'Content-Type', value: 'text/plain' },
    { name: 'X-Origin-Verify', value: new Secret('s3cret') },
  ]
  const { headers } = sign({ headers: { 'content-type': 'text/html' } }, { customHeaders })
  assert.deepEqual(headers.getAll('content-type'), ['text/plain'])
  assert.equal(headers.get('x-origin-verify'), 's3cret')
  assert.match(headers.get('authorization')!, /SignedHeaders=content-type;host;/)
  const plain = sign({ headers: { 'content-type': 'text/plain' } })
  assert.equal(headers.get('authorization'), plain.headers.get('authorization'))
})

for (const path of ['/../other/key', '/a/..', '/%2e%2e/other', '/a%2f..%2fb']) {
  test(`the key ${path} is refused, signed or not`, () => {
    for (const signing of ['always', 'never'] as const) {
      assert.throws(
        () => sign({ path }, { signing, pathStyle: true }),
        (error) => error instanceof Fault && error.code === 'AccessDenied',
      )
    }
  })
}
