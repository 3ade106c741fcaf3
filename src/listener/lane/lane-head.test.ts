import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { cut, mutatedHead, SEEDS, seededRandom } from './head-mutations.fixture.ts'
import { checkAgainstNode, checkAnswers, takenByLane } from './lane-differential.fixture.ts'
import { MAX_LANE_HEAD_BYTES, readLaneHead, readLikeBefore } from './lane-head.ts'

const HOST = 'Host: example.org\r\n'
const fields = (lines: string) => `GET / HTTP/1.1\r\n${HOST}${lines}\r\n`

const taken: readonly (readonly [name: string, bytes: string])[] = [
  ['a plain GET', fields('')],
  ['HEAD', `HEAD / HTTP/1.1\r\n${HOST}\r\n`],
  ['a query', `GET /a/b?c=d&e[]=f|g HTTP/1.1\r\n${HOST}\r\n`],
  ['an empty query', `GET /? HTTP/1.1\r\n${HOST}\r\n`],
  ['a path that begins with two slashes', `GET //a HTTP/1.1\r\n${HOST}\r\n`],
  ['a port', 'GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n'],
  ['an address', 'GET / HTTP/1.1\r\nhost:127.0.0.1\r\n\r\n'],
  ['keep-alive', fields('Connection: Keep-Alive\r\n')],
  ['an empty value', fields('X:\r\nY: \r\n')],
  ['tabs and spaces in a value', fields('X: a\t b  c\r\n')],
  ['every token character in a name', fields("!#$%&'*+-.^_`|~019azAZ: a\r\n")],
  [
    'sixty-four fields',
    `GET / HTTP/1.1\r\n${HOST}${Array.from({ length: 63 }, (_, i) => `X-${i}: a\r\n`).join('')}\r\n`,
  ],
]

for (const [name, bytes] of taken) {
  test(`the lane takes ${name}, as Node does`, async () => {
    assert.equal(takenByLane(Buffer.from(bytes)).end, bytes.length)
    assert.equal(await checkAgainstNode(Buffer.from(bytes)), 1)
  })
}

test('what was read is given as it was received', () => {
  const head = readLaneHead(
    Buffer.from('.GET /a%2F?b=?c HTTP/1.1\r\nhOST: A.example:80\r\nX-y:  \r\nACCEPT: */*\r\n\r\nGET'),
    1,
  )
  assert.deepEqual(head, { kind: 'hand-off' })
  const bytes = '.GET /a%2F?b=?c HTTP/1.1\r\nhOST: A.example:80\r\nACCEPT:*/*\r\n\r\nGET'
  assert.deepEqual(readLaneHead(Buffer.from(bytes), 1), {
    kind: 'request',
    method: 'GET',
    path: '/a%2F',
    query: 'b=?c',
    host: 'A.example:80',
    rawHeaders: ['hOST', 'A.example:80', 'ACCEPT', '*/*'],
    lineBytes: 'GET /a%2F?b=?c HTTP/1.1\r\n'.length,
    length: bytes.length - 4,
    headBytes: bytes.length - 4 + 1,
  })
})

const handedOff: readonly (readonly [name: string, bytes: string])[] = [
  ['another method', `POST / HTTP/1.1\r\n${HOST}\r\n`],
  ['a method in lower case', `get / HTTP/1.1\r\n${HOST}\r\n`],
  ['a longer method', `GETS / HTTP/1.1\r\n${HOST}\r\n`],
  ['HTTP/1.0', `GET / HTTP/1.0\r\n${HOST}\r\n`],
  ['an HTTP version with more digits', `GET / HTTP/1.10\r\n${HOST}\r\n`],
  ['two spaces before the target', `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  ['an absolute target', `GET http://example.org/ HTTP/1.1\r\n${HOST}\r\n`],
  ['a fragment', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`],
  ['a quote in the target', `GET /a"b HTTP/1.1\r\n${HOST}\r\n`],
  ['a byte above ASCII in the target', `GET /\xe4 HTTP/1.1\r\n${HOST}\r\n`],
  ['an empty line before the request', `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`],
  ['no Host', 'GET / HTTP/1.1\r\nX: a\r\n\r\n'],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['two Hosts', fields('Host: example.org\r\n')],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['an IPv6 Host', 'GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n'],
  ['Content-Length', fields('Content-Length: 0\r\n')],
  ['content-length in another case', fields('cONTENT-lENGTH: 0\r\n')],
  ['Transfer-Encoding', fields('Transfer-Encoding: chunked\r\n')],
  ['Upgrade', fields('Upgrade: h2c\r\n')],
  ['Expect', fields('Expect: 100-continue\r\n')],
  ['TE', fields('TE: trailers\r\n')],
  ['Trailer', fields('Trailer: x\r\n')],
  ['HTTP2-Settings', fields('HTTP2-Settings: AA\r\n')],
  ['Proxy-Connection', fields('Proxy-Connection: keep-alive\r\n')],
  ['Connection: close', fields('Connection: close\r\n')],
  ['a list in Connection', fields('Connection: keep-alive, x\r\n')],
  ['a field that is there twice', fields('Cookie: a=1\r\nX: y\r\ncookie: b=2\r\n')],
  ['a space before the colon', fields('X : a\r\n')],
  ['a field without a name', fields(': a\r\n')],
  ['a line without a colon', fields('X\r\n')],
  ['a folded value', fields('X: a\r\n b\r\n')],
  ['white space around a value', fields('X:  a\r\n')],
  ['white space behind a value', fields('X: a \r\n')],
  ['a bare LF', fields('X: a\nY: b\r\n')],
  ['a bare CR', fields('X: a\rb\r\n')],
  ['a bare LF at the end', `GET / HTTP/1.1\r\n${HOST}\n`],
  ['CR CR LF', `GET / HTTP/1.1\r\r\n${HOST}\r\n`],
  ['a NUL in a value', fields('X: a\0b\r\n')],
  ['DEL in a value', fields('X: a\x7fb\r\n')],
  ['a byte above ASCII in a value', fields('X: \xe4\r\n')],
  ['a separator in a name', fields('X(y): a\r\n')],
  [
    'sixty-five fields',
    `GET / HTTP/1.1\r\n${HOST}${Array.from({ length: 64 }, (_, i) => `X-${i}: a\r\n`).join('')}\r\n`,
  ],
  ['a head that is too long for the lane', fields(`X: ${'a'.repeat(MAX_LANE_HEAD_BYTES)}\r\n`)],
  ['a target that is too long for the lane', `GET /${'a'.repeat(MAX_LANE_HEAD_BYTES)}`],
]

for (const [name, bytes] of handedOff) {
  test(`the lane hands off ${name}`, () => {
    assert.deepEqual(readLaneHead(Buffer.from(bytes, 'latin1'), 0), { kind: 'hand-off' })
  })
}

test('every proper beginning of a head that is taken is incomplete, whatever comes before it', () => {
  for (const [, head] of taken) {
    const bytes = Buffer.from(`${SEEDS[0]!}${head}`)
    const start = SEEDS[0]!.length
    for (let end = start; end < bytes.length; end++) {
      assert.deepEqual(readLaneHead(bytes.subarray(0, end), start), { kind: 'incomplete' })
    }
    assert.equal(readLaneHead(bytes, start).kind, 'request')
  }
})

test('the longest head the lane takes is one byte shorter than its limit', () => {
  const head = (length: number) => fields(`X: ${'a'.repeat(length - fields('X: \r\n').length)}\r\n`)
  assert.equal(readLaneHead(Buffer.from(head(MAX_LANE_HEAD_BYTES)), 0).kind, 'request')
  assert.equal(readLaneHead(Buffer.from(head(MAX_LANE_HEAD_BYTES + 1)), 0).kind, 'hand-off')
  assert.equal(readLaneHead(Buffer.from(head(MAX_LANE_HEAD_BYTES).slice(0, -1)), 0).kind, 'incomplete')
})

const characters = (allowed: string) =>
  fc.string({ unit: fc.constantFrom(...allowed.split('')), maxLength: 20 })
const someByte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code))
const name = fc.oneof(
  { weight: 4, arbitrary: characters("abcXYZ019-_!#'*+.^`|~").filter((text) => text !== '') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'Accept',
      'cookie',
      'Range',
      'Connection',
      'Host',
      'Upgrade',
      'Content-Length',
      'Via',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: someByte, maxLength: 5 }) },
)
const value = fc.oneof(
  { weight: 4, arbitrary: characters('aZ09 \t!"(),/:;<=>?@[\\]{}~') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('keep-alive', 'close', 'chunked', '0', 'a', 'example.org', 'bytes=0-1'),
  },
  { weight: 1, arbitrary: fc.string({ unit: someByte, maxLength: 5 }) },
)
const field = fc.tuple(
  name,
  fc.constantFrom(': ', ':', ':  ', ' : ', ':\t'),
  value,
  fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
)
const head = fc
  .tuple(
    fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'get'),
    fc.oneof(characters("aZ09-._~:/?[]@!$&'()*+,;=%|"), fc.string({ unit: someByte, maxLength: 5 })),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
    fc.array(field, { maxLength: 5 }),
  )
  .map(([method, target, version, lines]) => {
    return `${method} /${target} ${version}\r\nHost: a.example\r\n${lines.map((line) => line.join('')).join('')}\r\n`
  })
const messages = fc
  .array(head, { minLength: 1, maxLength: 3 })
  .map((heads) => Buffer.from(heads.join(''), 'latin1'))

test('what the lane takes of any message, Node and our hygiene take alike', async () => {
  let count = 0
  await fc.assert(
    fc.asyncProperty(messages, async (bytes) => {
      count += await checkAgainstNode(bytes)
    }),
    { numRuns: 5000, seed: 20_261_124 },
  )
  assert.ok(count > 100, `only ${count} requests were taken`)
})

test('what the lane takes of mutated heads, Node and our hygiene take alike', async () => {
  const random = seededRandom(20_261_124)
  let count = 0
  for (let i = 0; i < 10_000; i++) count += await checkAgainstNode(mutatedHead(random))
  assert.ok(count > 1000, `only ${count} requests were taken`)
})

test('answers are the same with and without the lane, in however many pieces the requests arrive', async () => {
  const random = seededRandom(20_261_125)
  for (const seed of SEEDS) await checkAnswers(cut(Buffer.from(seed, 'latin1'), () => 0))
  for (let i = 0; i < 1000; i++) await checkAnswers(cut(mutatedHead(random), random))
})

test('a head that is read by comparison with the one before is read as it would be without', () => {
  const random = seededRandom(20_261_126)
  const lines = [
    'GET / HTTP/1.1\r\n',
    'HEAD /a/b?c=d HTTP/1.1\r\n',
    'GET /a?b?c HTTP/1.1\r\n',
    'GET / HTTP/1.0\r\n',
    'GET /a#b HTTP/1.1\r\n',
    'POST / HTTP/1.1\r\n',
    `GET /${'a'.repeat(MAX_LANE_HEAD_BYTES - 60)} HTTP/1.1\r\n`,
    'GET / HTTP/1.1',
    '',
  ]
  let count = 0
  for (let i = 0; i < 30_000; i++) {
    const beforeBytes = mutatedHead(random)
    const before = readLaneHead(beforeBytes, 0)
    if (before.kind !== 'request' || before.length !== beforeBytes.length) continue
    const fieldsBefore = beforeBytes.subarray(before.lineBytes)
    const line = Buffer.from(lines[Math.floor(random() * lines.length)]!)
    for (const bytes of [mutatedHead(random), Buffer.concat([line, fieldsBefore]), beforeBytes]) {
      const like = readLikeBefore(bytes, before, beforeBytes)
      if (like === undefined) continue
      count++
      assert.deepEqual(like, readLaneHead(bytes, 0))
    }
  }
  assert.ok(count > 1000, `only ${count} heads were read by comparison`)
})

test('a head longer than the lane takes is not taken for its fields either', () => {
  const beforeBytes = Buffer.from(fields('X: a\r\n'))
  const before = readLaneHead(beforeBytes, 0)
  assert.ok(before.kind === 'request')
  for (const [extra, isTaken] of [
    [0, true],
    [1, false],
  ] as const) {
    const target = 'a'.repeat(MAX_LANE_HEAD_BYTES - beforeBytes.length + extra)
    const bytes = Buffer.from(beforeBytes.toString().replace('GET /', `GET /${target}`))
    assert.equal(readLikeBefore(bytes, before, beforeBytes) !== undefined, isTaken)
    assert.equal(readLaneHead(bytes, 0).kind === 'request', isTaken)
  }
})
