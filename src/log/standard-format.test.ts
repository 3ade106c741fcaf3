import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import { createJsonFormat, createStandardFormat, standardFields, standardHead } from './standard-format.ts'
import { NOON, REQUEST_ID, visitOf, type VisitParts } from './visit.fixture.ts'

const facts = { pop: 'SEA19-C1', logsCookies: () => false }

/** One line as an object by field name. */
function fieldsOf(parts: VisitParts, logsCookies = false): Record<string, string> {
  const line = createStandardFormat({ pop: 'SEA19-C1', logsCookies: () => logsCookies })(visitOf(parts))
  assert.ok(line.endsWith('\n'))
  const values = line.slice(0, -1).split('\t')
  assert.equal(values.length, 33)
  return Object.fromEntries(standardFields.map((name, index) => [name, values[index]!]))
}

test('a file begins with version and field names', () => {
  assert.equal(standardFields.length, 33)
  assert.equal(
    standardHead,
    '#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end\n',
  )
})

test('a whole line has 33 fields in order, separated by tabs', () => {
  const visit = visitOf({
    request: {
      query: 'from=x&to=y z',
      scheme: 'https',
      connection: {
        id: 1,
        local: { address: '127.0.0.1', port: 443 },
        remote: { address: '192.0.2.7', port: 50_000 },
        tls: {
          version: 'TLSv1.3',
          cipher: 'TLS_AES_128_GCM_SHA256',
          resumed: false,
          sni: undefined,
          ja3: undefined,
          ja4: undefined,
        },
      },
    },
    headers: {
      'User-Agent': 'Mozilla/5.0 (X11; Linux)',
      Referer: 'https://example.org/a|b',
      Cookie: 'session=1',
      'X-Forwarded-For': ['203.0.113.1', '203.0.113.2'],
    },
    responseHeaders: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': '1700' },
    visit: { resultType: 'Hit', responseResultType: 'Hit', detailedResultType: 'Hit' },
  })
  assert.equal(
    createStandardFormat(facts)(visit),
    `2026-11-24\t12:00:00\tSEA19-C1\t2000\t192.0.2.7\tGET\td1234567890abc.cloudfront.net\t/hotels/rooms\t200\thttps://example.org/a%7Cb\tMozilla/5.0%20(X11;%20Linux)\tfrom=x&to=y%20z\t-\tHit\t${REQUEST_ID}\twww.example.org\thttps\t120\t0.250\t203.0.113.1,%20203.0.113.2\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/1.1\t-\t-\t50000\t0.120\tHit\ttext/html;%20charset=utf-8\t1700\t-\t-\n`,
  )
})

const cases: readonly (readonly [
  name: string,
  parts: VisitParts,
  expected: Readonly<Record<string, string>>,
])[] = [
  [
    'what is missing is a dash',
    { responseHeaders: {}, visit: { distributionDomain: undefined } },
    {
      'cs(Host)': '-',
      'cs(User-Agent)': '-',
      'cs-uri-query': '-',
      'ssl-protocol': '-',
      'sc-content-type': '-',
    },
  ],
  ['an empty query is a dash', { request: { query: '' } }, { 'cs-uri-query': '-' }],
  [
    'a viewer who left before the response began has status 000',
    { visit: { status: 0, firstByteAt: undefined } },
    { 'sc-status': '000', 'time-to-first-byte': '0.250' },
  ],
  [
    'the moment is that of the end',
    { visit: { finishedAt: 1000 + 65_000 } },
    { time: '12:01:05', 'time-taken': '65.000' },
  ],
  [
    'a WebSocket counts what came through it',
    { visit: { isTunnel: true, requestBodyBytes: 5 } },
    { 'cs-protocol': 'ws', 'cs-bytes': '125' },
  ],
  [
    'a WebSocket over TLS is wss',
    { request: { scheme: 'https' }, visit: { isTunnel: true } },
    { 'cs-protocol': 'wss' },
  ],
  ['a request body counts', { request: { body: Body.bytes('12345') } }, { 'cs-bytes': '125' }],
  ['HTTP/2 is HTTP/2.0', { request: { httpVersion: '2.0' } }, { 'cs-protocol-version': 'HTTP/2.0' }],
  [
    'a range is told as it was sent',
    { visit: { status: 206 }, responseHeaders: { 'Content-Range': 'bytes 10-19/100' } },
    { 'sc-range-start': '10', 'sc-range-end': '19' },
  ],
  [
    'a range that could not be served has no ends',
    { visit: { status: 416 }, responseHeaders: { 'Content-Range': 'bytes */100' } },
    { 'sc-range-start': '-', 'sc-range-end': '-' },
  ],
  [
    'the result after the last byte may differ from the one before it',
    { visit: { resultType: 'Error', responseResultType: 'Hit', detailedResultType: 'ClientCommError' } },
    {
      'x-edge-result-type': 'Error',
      'x-edge-response-result-type': 'Hit',
      'x-edge-detailed-result-type': 'ClientCommError',
    },
  ],
  [
    'field-level encryption tells its outcome',
    { visit: { fleStatus: 'Processed', fleFields: 2 } },
    { 'fle-status': 'Processed', 'fle-encrypted-fields': '2' },
  ],
  [
    'nothing a viewer or origin says can begin a field or a line of its own',
    {
      request: { method: 'A\tB', path: '/a\tb\nc', host: 'a\tb' },
      headers: { 'User-Agent': 'a\tb', Referer: 'a\r\nb' },
      responseHeaders: { 'Content-Type': 'a\tb', 'Content-Length': '1\t2' },
    },
    {
      'cs-method': 'A%09B',
      'cs-uri-stem': '/a%09b%0Ac',
      'x-host-header': 'a%09b',
      'cs(User-Agent)': 'a%09b',
      'sc-content-type': 'a%09b',
      'sc-content-len': '1%092',
    },
  ],
]

for (const [name, parts, expected] of cases) {
  test(name, () => {
    const fields = fieldsOf(parts)
    for (const field in expected) assert.equal(fields[field], expected[field], field)
  })
}

test('cookies are logged only where the distribution says so', () => {
  const headers = { Cookie: ['a=1; b=2', 'c=3'] }
  assert.equal(fieldsOf({ headers })['cs(Cookie)'], '-')
  assert.equal(fieldsOf({ headers }, true)['cs(Cookie)'], 'a=1;%20b=2,%20c=3')
})

test('the JSON form has the same values as text, and those of standard logging v2', () => {
  const visit = visitOf({
    headers: { 'User-Agent': 'a "b"\\' },
    visit: {
      country: 'FR',
      asn: 64_500,
      viewerRequestLogData: 'tier "gold"',
      origins: [
        {
          origin: 'old',
          attempts: 1,
          startedAt: 1000,
          dnsMs: 1,
          connectMs: 1,
          firstByteAt: undefined,
          lastByteAt: undefined,
          status: undefined,
          fault: 'OriginConnectError',
          cause: undefined,
        },
        {
          origin: 'hotels',
          attempts: 1,
          startedAt: 1010,
          dnsMs: 1,
          connectMs: 1,
          firstByteAt: 1100,
          lastByteAt: 1240,
          status: 200,
          fault: undefined,
          cause: undefined,
        },
      ],
    },
  })
  const line = createJsonFormat(facts)(visit)
  assert.ok(line.endsWith('}\n'))
  const record: unknown = JSON.parse(line)
  assert.ok(typeof record === 'object' && record !== null)
  const fields = new Map<string, unknown>(Object.entries(record))
  const standard = createStandardFormat(facts)(visit).trimEnd().split('\t')
  for (const [index, name] of standardFields.entries()) assert.equal(fields.get(name), standard[index], name)
  assert.deepEqual(Object.fromEntries([...fields].slice(33)), {
    'timestamp(ms)': String(NOON + 250),
    'origin-fbl': '0.090',
    'origin-lbl': '0.230',
    asn: '64500',
    'c-country': 'FR',
    'cache-behavior-path-pattern': '/hotels/*',
    'viewer-request-log-data': 'tier "gold"',
    'viewer-response-log-data': '-',
    'edgeward-cache-reason': '-',
  })
})

test('without an origin the JSON form says so', () => {
  const record: unknown = JSON.parse(createJsonFormat(facts)(visitOf({ visit: { behavior: undefined } })))
  assert.ok(
    typeof record === 'object' &&
      record !== null &&
      'origin-fbl' in record &&
      'cache-behavior-path-pattern' in record,
  )
  assert.equal(record['origin-fbl'], '-')
  assert.equal(record['cache-behavior-path-pattern'], '-')
})

test('a header list of a thousand fields is one line', () => {
  const headers = new HeaderList()
  for (let i = 0; i < 1000; i++) headers.append(`X-${i}`, 'x')
  assert.equal(createStandardFormat(facts)(visitOf({ request: { headers } })).split('\n').length, 2)
})

const alike: readonly VisitParts[] = [
  {},
  { headers: { COOKIE: ['a=1', 'b=2'], Referer: ['one', 'two'], 'x-forwarded-for': ['1.1.1.1', '2.2.2.2'] } },
  {
    request: { scheme: 'https', query: '', host: '', path: '' },
    visit: { isTunnel: true, requestBodyBytes: 7 },
  },
  { visit: { status: 206 }, responseHeaders: { 'Content-Range': 'bytes 5-9/100', 'Content-Length': '5' } },
  { visit: { status: 416 }, responseHeaders: { 'Content-Range': 'bytes */100' } },
  {
    visit: { status: 0, fleStatus: 'Processed', fleFields: 2, firstByteAt: undefined, finishedAt: undefined },
  },
  { visit: { finishedAt: 70_000_000, distributionDomain: undefined } },
]

for (const [index, parts] of alike.entries()) {
  test(`the standard and the JSON form tell the same, case ${index}`, () => {
    for (const logsCookies of [true, false]) {
      const both = { pop: 'SEA19-C1', logsCookies: () => logsCookies }
      const values = createStandardFormat(both)(visitOf(parts)).slice(0, -1).split('\t')
      // A line of JSON is an object of texts.
      const record = JSON.parse(createJsonFormat(both)(visitOf(parts))) as Record<string, string>
      assert.deepEqual(
        standardFields.map((name) => record[name]),
        values,
      )
    }
  })
}
