import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../base/secret.ts'
import { HeaderList } from '../../http/header-list.ts'
import { originOf, originRequestOf, passageOf, responseOf } from '../passage.fixture.ts'
import type { FunctionEventName } from '../../planned-functions.ts'
import { Problems } from '../problems.ts'
import {
  disallowedHeaders,
  disallowedPrefixes,
  readOnlyForLambda,
  readOnlyHeaders,
} from '../restricted-headers.ts'
import { deriveOrigin } from './derive-origin.ts'
import {
  originRequestEvent,
  originResponseEvent,
  viewerRequestEvent,
  viewerResponseEvent,
  type LambdaEvent,
} from './event.ts'
import { returnedLimits } from './limits.ts'
import { readRequestResult, readResponseResult } from './result.ts'

const events = ['viewer-request', 'origin-request', 'origin-response', 'viewer-response'] as const

interface Given {
  readonly headers?: HeaderList
  readonly status?: number
  readonly customHeaders?: readonly { readonly name: string; readonly value: string | Secret }[]
}

/** The message a function changes, in the event it is given at. */
function given(
  event: FunctionEventName,
  parts: Given = {},
): { readonly cf: LambdaEvent; readonly original: HeaderList } {
  const passage = passageOf(parts.headers === undefined ? {} : { headers: parts.headers })
  const request = originRequestOf(passage, {
    ...(parts.headers === undefined ? {} : { headers: parts.headers }),
    origin: originOf({ customHeaders: parts.customHeaders ?? [] }),
  })
  const response = responseOf({
    status: parts.status ?? 200,
    ...(parts.headers === undefined ? {} : { headers: parts.headers }),
  })
  switch (event) {
    case 'viewer-request':
      return { cf: viewerRequestEvent(passage, undefined), original: passage.request.headers }
    case 'origin-request':
      return { cf: originRequestEvent(passage, request, undefined), original: request.headers }
    case 'origin-response':
      return { cf: originResponseEvent(passage, request, response), original: response.headers }
    case 'viewer-response':
      return { cf: viewerResponseEvent(passage, response), original: response.headers }
  }
}

/* What a handler returns is data of any shape. */
// oxlint-disable-next-line typescript/no-explicit-any -- cases hold what functions may return, which is anything
type Loose = any

/** Runs `change` as a handler would run on the event, and reads its result. */
function run(event: FunctionEventName, change: (message: Loose) => unknown, parts: Given = {}) {
  const { cf, original } = given(event, parts)
  const copy = JSON.parse(JSON.stringify(cf)) as Loose
  const returned: unknown = change(cf.response === undefined ? copy.request : copy.response)
  const problems = new Problems('lambda-edge', event)
  const result =
    cf.response === undefined
      ? readRequestResult(returned, cf.request, original, problems)
      : readResponseResult(returned, cf.response, original, problems)
  return {
    result,
    problems: problems.list,
    sentences: problems.list.map((problem) => problem.sentence),
    original,
  }
}

const setHeader =
  (name: string, value = 'x') =>
  (message: Loose) => {
    message.headers[name] = [{ key: name, value }]
    return message
  }

for (const event of events) {
  test(`at ${event} a function that changes nothing leaves the very same headers`, () => {
    const { result, problems, original } = run(event, (message) => message)
    assert.deepEqual(problems, [])
    assert.equal(result.headers, original)
  })

  for (const name of [...disallowedHeaders, ...disallowedPrefixes.map((prefix) => `${prefix}anything`)]) {
    test(`at ${event} the disallowed header ${name} is hidden and cannot be added`, () => {
      const headers = new HeaderList([name as string, 'before', 'Accept', 'a'])
      const hidden = run(event, (message) => message, { headers })
      assert.deepEqual(hidden.problems, [])
      assert.equal(hidden.result.headers.get(name), 'before')
      const { problems, sentences } = run(event, setHeader(name))
      assert.equal(problems[0]?.code, 'LambdaValidationError')
      for (const said of [`["${name}"]`, event, 'https://']) assert.ok(sentences[0]?.includes(said), said)
    })
  }

  const readOnly: readonly string[] = [
    ...readOnlyHeaders[event],
    ...(event === 'viewer-response' ? readOnlyForLambda : []),
  ]
  for (const name of readOnly) {
    const headers = new HeaderList([name, 'before'])
    const cases: readonly (readonly [string, (message: Loose) => unknown, Given])[] = [
      ['added', setHeader(name), { headers: new HeaderList(['Accept', 'a']) }],
      ['changed', setHeader(name, 'after'), { headers }],
      [
        'deleted',
        (message) => {
          delete message.headers[name]
          return message
        },
        { headers },
      ],
    ]
    for (const [attempt, change, parts] of cases) {
      test(`at ${event} the read-only header ${name} cannot be ${attempt}`, () => {
        const { problems, sentences } = run(event, change, parts)
        assert.equal(problems.length, 1)
        assert.match(sentences[0] ?? '', /read-only header: the function tried to (add|change|delete) it/)
      })
    }
  }
}

test('Host may be changed at origin-request', () => {
  const { result, problems } = run('origin-request', setHeader('host', 'other.example.org'))
  assert.deepEqual(problems, [])
  assert.equal(result.headers.get('host'), 'other.example.org')
})

test('headers are added, changed, removed and repeated in place', () => {
  const headers = new HeaderList(['X-A', '1', 'X-B', '2', 'X-A', '3', 'Connection', 'keep', 'X-C', '4'])
  const { result, problems } = run(
    'origin-response',
    (message) => {
      message.headers['x-a'] = [{ key: 'x-A', value: 'n' }, { value: 'm' }]
      delete message.headers['x-c']
      message.headers['x-new-one'] = [{ value: 'caf\u00e9' }]
      return message
    },
    { headers },
  )
  assert.deepEqual(problems, [])
  const utf8 = Buffer.from('caf\u00e9').toString('latin1')
  assert.deepEqual(result.headers.raw, [
    'x-A',
    'n',
    'X-A',
    'm',
    'X-B',
    '2',
    'Connection',
    'keep',
    'X-New-One',
    utf8,
  ])
})

const refusals: readonly (readonly [
  event: FunctionEventName,
  change: (message: Loose) => unknown,
  field: RegExp,
  says: RegExp,
])[] = [
  ['viewer-request', () => null, /the result/, /must be an object, and is null/],
  ['viewer-request', () => 'text', /the result/, /is a string/],
  ['viewer-request', () => ({}), /the result/, /a request or a response/],
  ['origin-response', () => [], /the result/, /is an array/],
  ['viewer-request', (m) => ({ ...m, uri: 'x' }), /request\.uri/, /must begin with "\/"/],
  ['viewer-request', (m) => ({ ...m, uri: undefined }), /request\.uri/, /missing/],
  ['viewer-request', (m) => ({ ...m, uri: '/a b' }), /request\.uri/, /%20/],
  ['viewer-request', (m) => ({ ...m, uri: '/a#b' }), /request\.uri/, /%23/],
  ['viewer-request', (m) => ({ ...m, uri: '/a\nb' }), /request\.uri/, /%0A/],
  [
    'viewer-request',
    (m) => ({ ...m, uri: `/${'a'.repeat(8191)}` }),
    /request\.uri/,
    /shorter than 8192 characters together, and are 8192/,
  ],
  ['origin-request', (m) => ({ ...m, querystring: 'a b' }), /request\.querystring/, /%20/],
  ['origin-request', (m) => ({ ...m, querystring: 'a#' }), /request\.querystring/, /%23/],
  ['viewer-request', (m) => ({ ...m, method: 'POST' }), /request\.method/, /read-only/],
  ['viewer-request', (m) => ({ ...m, clientIp: '1.1.1.1' }), /request\.clientIp/, /read-only/],
  ['viewer-request', (m) => ({ ...m, headers: [] }), /request\.headers/, /an array/],
  ['origin-response', (m) => ({ ...m, headers: { 'X-Upper': [{ value: 'a' }] } }), /X-Upper/, /lower case/],
  ['origin-response', (m) => ({ ...m, headers: { 'x-a': { value: 'a' } } }), /x-a/, /an array of/],
  ['origin-response', (m) => ({ ...m, headers: { 'x-a': [{ value: 1 }] } }), /x-a/, /a number/],
  ['origin-response', (m) => ({ ...m, headers: { 'x-a': [{ key: 'X-A' }] } }), /x-a/, /missing/],
  [
    'origin-response',
    (m) => ({ ...m, headers: { 'x-a': [{ key: 'X-B', value: 'a' }] } }),
    /x-a/,
    /another name/,
  ],
  ['origin-response', (m) => ({ ...m, headers: { 'x-a': [{ value: 'a\r\nb' }] } }), /x-a/, /%0D/],
  [
    'origin-response',
    (m) => ({ ...m, headers: { 'x a': [{ value: 'a' }] } }),
    /x a/,
    /not a valid header name/,
  ],
  [
    'origin-response',
    (m) => ({ ...m, headers: { 'x-a': [{ value: 'a'.repeat(32_800) }] } }),
    /response\.headers/,
    /32768 bytes/,
  ],
  ['viewer-request', () => ({ status: '199' }), /response\.status/, /200 to 599/],
  ['viewer-request', () => ({ status: 600 }), /response\.status/, /600/],
  ['viewer-request', () => ({ status: 'ok' }), /response\.status/, /"ok"/],
  ['origin-response', (m) => ({ ...m, status: undefined }), /response\.status/, /missing/],
  ['viewer-request', () => ({ status: '204', body: 'x' }), /response\.body/, /status 204/],
  ['viewer-request', () => ({ status: '200', body: 1 }), /response\.body/, /a number/],
  [
    'viewer-request',
    () => ({ status: '200', body: 'x', bodyEncoding: 'hex' }),
    /response\.bodyEncoding/,
    /"text" or "base64"/,
  ],
  [
    'viewer-request',
    () => ({ status: '200', body: '***', bodyEncoding: 'base64' }),
    /response\.body/,
    /not valid base64/,
  ],
  [
    'origin-request',
    () => ({ status: '200', headers: { 'content-length': [{ value: '1' }] } }),
    /content-length/,
    /read-only/,
  ],
  ['viewer-response', (m) => ({ ...m, status: '201' }), /response\.status/, /cannot be changed/],
  ['viewer-request', (m) => ({ ...m, body: 'x' }), /request\.body/, /must be an object/],
  ['viewer-request', (m) => ({ ...m, body: { action: 'delete' } }), /request\.body\.action/, /read-only/],
  [
    'viewer-request',
    (m) => ({ ...m, body: { action: 'replace', data: '*' } }),
    /request\.body\.data/,
    /not valid base64/,
  ],
  [
    'viewer-request',
    setHeader('cloudfront-viewer-country', 'DE'),
    /cloudfront-viewer-country/,
    /cannot be added/,
  ],
]

for (const [event, change, field, says] of refusals) {
  test(`at ${event} ${String(change).replace(/\s+/g, ' ').slice(0, 70)} is refused: ${says.source}`, () => {
    const { problems } = run(event, change)
    assert.equal(problems.length, 1, JSON.stringify(problems))
    assert.equal(problems[0]?.code, 'LambdaValidationError')
    assert.match(problems[0]?.field ?? '', field)
    assert.match(problems[0]?.sentence ?? '', says)
  })
}

test('URI and query string may be 8191 characters together', () => {
  const { problems, result } = run('viewer-request', (m) => ({
    ...m,
    uri: `/${'a'.repeat(8000)}`,
    querystring: 'b'.repeat(190),
  }))
  assert.deepEqual(problems, [])
  assert.equal(result.kind === 'request' && result.query?.length, 190)
})

test('what is not ASCII in a changed URI is percent-encoded as UTF-8', () => {
  const { result } = run('origin-request', (m) => ({ ...m, uri: '/caf\u00e9' }))
  assert.equal(result.kind === 'request' && result.uri, '/caf%C3%A9')
})

for (const event of ['viewer-request', 'origin-request', 'origin-response'] as const) {
  for (const encoding of ['text', 'base64'] as const) {
    const limit = returnedLimits[event][encoding]
    const body = (length: number) => 'A'.repeat(length)
    const answer = (length: number) => (message: Loose) => ({
      ...message,
      uri: undefined,
      status: '200',
      headers: {},
      body: body(length),
      bodyEncoding: encoding,
    })
    // Whole groups of base64, so that only the size is wrong.
    const fits = encoding === 'text' ? limit : limit - (limit % 4)
    test(`at ${event} a ${encoding} body of ${limit} bytes passes and one byte more does not`, () => {
      assert.deepEqual(run(event, answer(fits)).problems, [])
      const over = run(event, answer(limit + 1))
      assert.match(
        over.sentences[0] ?? '',
        new RegExp(`at most ${limit} bytes of ${encoding}, and is ${limit + 1}`),
      )
    })
  }
}

for (const event of ['viewer-request', 'origin-request'] as const) {
  for (const encoding of ['text', 'base64'] as const) {
    const limit = returnedLimits[event][encoding]
    const replace = (length: number) => (message: Loose) => ({
      ...message,
      body: { action: 'replace', encoding, data: 'A'.repeat(length) },
    })
    test(`at ${event} a replaced ${encoding} body of ${limit} bytes passes and one byte more does not`, () => {
      const { problems, result } = run(event, replace(encoding === 'text' ? limit : limit - (limit % 4)))
      assert.deepEqual(problems, [])
      assert.ok(result.kind === 'request' && result.body !== undefined && result.body.length > 0)
      assert.match(run(event, replace(limit + 1)).sentences[0] ?? '', /request\.body\.data must be at most/)
    })
  }
}

test('headers count towards the size of a generated response', () => {
  const answer = (length: number) => () => ({
    status: '200',
    headers: { 'x-a': [{ key: 'X-A', value: 'b' }] },
    body: 'A'.repeat(length),
  })
  const headerBytes = 'X-A: b\r\n'.length
  assert.deepEqual(run('viewer-request', answer(40 * 1024 - headerBytes)).problems, [])
  assert.match(
    run('viewer-request', answer(40 * 1024 - headerBytes + 1)).sentences[0] ?? '',
    /with its headers/,
  )
})

for (const [status, read] of [
  ['200', 200],
  [200, 200],
  ['599', 599],
  [599, 599],
] as const) {
  test(`a generated response may have the status ${JSON.stringify(status)}`, () => {
    const { result, problems } = run('viewer-request', () => ({ status }))
    assert.deepEqual(problems, [])
    assert.equal(result.kind === 'response' && result.status, read)
  })
}

test('a read-only body is ignored, a missing response body stays and an empty one empties', () => {
  const ignored = run('viewer-request', (m) => ({ ...m, body: { action: 'read-only', data: '***' } }))
  assert.deepEqual(ignored.problems, [])
  assert.equal(ignored.result.body, undefined)
  assert.equal(run('origin-response', (m) => m).result.body, undefined)
  assert.equal(run('origin-response', (m) => ({ ...m, body: '' })).result.body?.length, 0)
  assert.equal(run('viewer-response', (m) => ({ ...m, body: 'x' })).result.body, undefined)
})

const custom = (change: (origin: Loose) => unknown) => (message: Loose) => {
  change(message.origin.custom)
  return message
}
const s3 = (origin: Loose) => (message: Loose) => ({
  ...message,
  origin: { s3: { customHeaders: {}, path: '', authMethod: 'none', ...origin } },
})
const long = (length: number) =>
  `${'a.'.repeat(Math.floor(length / 2))}${'a'.repeat(length % 2)}`.replace(/\.$/, 'b')

const originRefusals: readonly (readonly [change: (message: Loose) => unknown, field: RegExp])[] = [
  [(m) => ({ ...m, origin: {} }), /request\.origin$/],
  [(m) => ({ ...m, origin: { ...m.origin, s3: {} } }), /request\.origin$/],
  [(m) => ({ ...m, origin: { custom: 'x' } }), /origin\.custom$/],
  [custom((o) => (o.domainName = 'a.example.org:80')), /custom\.domainName/],
  [custom((o) => (o.domainName = '192.0.2.1')), /custom\.domainName/],
  [custom((o) => (o.domainName = '::1')), /custom\.domainName/],
  [custom((o) => (o.domainName = '')), /custom\.domainName/],
  [custom((o) => (o.domainName = long(254))), /custom\.domainName/],
  [custom((o) => (o.port = 81)), /custom\.port/],
  [custom((o) => (o.port = 1023)), /custom\.port/],
  [custom((o) => (o.port = 65_536)), /custom\.port/],
  [custom((o) => (o.port = '80')), /custom\.port/],
  [custom((o) => (o.protocol = 'ftp')), /custom\.protocol/],
  [custom((o) => (o.path = 'a')), /custom\.path/],
  [custom((o) => (o.path = '/a/')), /custom\.path/],
  [custom((o) => (o.path = '/a b')), /custom\.path/],
  [custom((o) => (o.path = `/${'a'.repeat(255)}`)), /custom\.path/],
  [custom((o) => (o.readTimeout = 0)), /custom\.readTimeout/],
  [custom((o) => (o.readTimeout = 121)), /custom\.readTimeout/],
  [custom((o) => (o.keepaliveTimeout = 121)), /custom\.keepaliveTimeout/],
  [custom((o) => (o.responseCompletionTimeout = 29)), /custom\.responseCompletionTimeout/],
  [custom((o) => (o.sslProtocols = ['TLSv1.3'])), /custom\.sslProtocols/],
  [custom((o) => (o.sslProtocols = 'TLSv1.2')), /custom\.sslProtocols/],
  [custom((o) => (o.customHeaders = { connection: [{ value: 'a' }] })), /customHeaders\["connection"\]/],
  [custom((o) => (o.customHeaders = { host: [{ value: 'a' }] })), /customHeaders\["host"\]/],
  [custom((o) => (o.customHeaders = { 'user-agent': [{ value: 'a' }] })), /customHeaders\["user-agent"\]/],
  [custom((o) => (o.customHeaders = { 'X-Up': [{ value: 'a' }] })), /customHeaders\["X-Up"\]/],
  [s3({ domainName: 'A.s3.amazonaws.com' }), /s3\.domainName/],
  [s3({ domainName: long(129) }), /s3\.domainName/],
  [s3({ domainName: 'a.s3.amazonaws.com', authMethod: 'oac' }), /s3\.authMethod/],
  [
    s3({ domainName: 'a.s3.amazonaws.com', authMethod: 'origin-access-identity', region: 'us-east-1' }),
    /s3\.authMethod/,
  ],
]

for (const [index, [change, field]] of originRefusals.entries()) {
  test(`an origin that breaks a rule is refused under ${field.source} (${index})`, () => {
    const { problems } = run('origin-request', change)
    assert.equal(problems.length, 1, JSON.stringify(problems))
    assert.match(problems[0]?.field ?? '', field)
  })
}

test('a function switches to another custom origin, without the secrets of the first', () => {
  const customHeaders = [{ name: 'X-Verify', value: new Secret('s') }]
  const { result, problems } = run(
    'origin-request',
    custom((o) =>
      Object.assign(o, {
        domainName: 'localhost',
        port: 9001,
        protocol: 'http',
        path: '/v2',
        readTimeout: 5,
        customHeaders: { 'x-new': [{ value: 'a' }] },
      }),
    ),
    { customHeaders },
  )
  assert.deepEqual(problems, [])
  assert.ok(result.kind === 'request' && result.origin !== undefined)
  const origin = deriveOrigin(originOf({ customHeaders }), result.origin)
  assert.ok(origin.kind === 'url')
  assert.deepEqual(
    [origin.hostname, origin.protocol, origin.httpPort, origin.originPath, origin.readTimeoutMs],
    ['localhost', 'http', 9001, '/v2', 5000],
  )
  assert.deepEqual(origin.customHeaders, [{ name: 'X-New', value: 'a' }])
})

test('a function switches from a custom origin to a bucket', () => {
  const { result, problems } = run(
    'origin-request',
    s3({ domainName: 'photos.s3.eu-west-1.amazonaws.com', region: '' }),
  )
  assert.deepEqual(problems, [])
  assert.ok(result.kind === 'request' && result.origin !== undefined)
  const origin = deriveOrigin(originOf(), result.origin)
  assert.ok(origin.kind === 'bucket')
  assert.deepEqual([origin.bucket, origin.region, origin.signing], ['photos', 'eu-west-1', 'never'])
})

test('secrets stay with an origin whose domain name stays', () => {
  const customHeaders = [{ name: 'X-Verify', value: new Secret('s') }]
  const { result } = run(
    'origin-request',
    custom((o) => (o.path = '/v2')),
    { customHeaders },
  )
  assert.ok(result.kind === 'request' && result.origin !== undefined)
  assert.equal(deriveOrigin(originOf({ customHeaders }), result.origin).customHeaders[0]?.name, 'X-Verify')
})
