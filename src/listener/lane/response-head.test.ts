import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Body } from '../../http/body.ts'
import { HeaderList } from '../../http/header-list.ts'
import { createResponseHead, keepAliveLines } from './response-head.ts'

const KEEP_ALIVE = 'Connection: keep-alive\r\nKeep-Alive: timeout=60\r\n'

const writeResponseHead = createResponseHead()

function write(
  raw: string[],
  how: { status?: number; size?: number | undefined; hasBody?: boolean; keepsOpen?: boolean } = {},
) {
  const response = { status: how.status ?? 200, headers: new HeaderList(raw), body: Body.none() }
  const { hasBody = true, keepsOpen = true } = how
  return writeResponseHead(response, {
    hasBody,
    size: how.size,
    keepsOpen,
    keepAliveLines: keepAliveLines(60_000),
  })
}

const cases: readonly {
  readonly name: string
  readonly raw: string[]
  readonly how?: Parameters<typeof write>[1]
  readonly text: string
  readonly keepsOpen?: boolean
}[] = [
  {
    name: 'fields keep case, order and duplicates',
    raw: ['X-b', '1', 'a', '2', 'X-b', '3', 'content-length', '0'],
    how: { size: 0 },
    text: `HTTP/1.1 200 OK\r\nX-b: 1\r\na: 2\r\nX-b: 3\r\ncontent-length: 0\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: 'a missing length is added',
    raw: ['A', 'b'],
    how: { size: 12 },
    text: `HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 12\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: 'a wrong length is put right',
    raw: ['Content-Length', '3'],
    how: { size: 12 },
    text: `HTTP/1.1 200 OK\r\nContent-Length: 12\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: 'a stream of unknown length is chunked',
    raw: ['Transfer-Encoding', 'gzip'],
    text: `HTTP/1.1 200 OK\r\n${KEEP_ALIVE}Transfer-Encoding: chunked\r\n\r\n`,
  },
  {
    name: 'a stream of known length is not',
    raw: ['Content-Length', '5'],
    text: `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: 'HEAD keeps the length of what GET would give',
    raw: ['Content-Length', '5'],
    how: { hasBody: false, size: 0 },
    text: `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: '304 has no framing',
    raw: ['ETag', '"a"'],
    how: { status: 304, hasBody: false, size: 0 },
    text: `HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: 'a last response says so',
    raw: [],
    how: { size: 0, keepsOpen: false },
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    keepsOpen: false,
  },
  {
    name: 'Connection: close of the response stays, once',
    raw: ['connection', 'close', 'A', 'b', 'Connection', 'close'],
    how: { size: 0, keepsOpen: false },
    text: 'HTTP/1.1 200 OK\r\nconnection: close\r\nA: b\r\nContent-Length: 0\r\n\r\n',
    keepsOpen: false,
  },
  {
    name: 'hop-by-hop fields of the response do not count',
    raw: ['Connection', 'keep-alive', 'Keep-Alive', 'timeout=1'],
    how: { size: 0 },
    text: `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: 'CloudFront has a status of its own',
    raw: [],
    how: { status: 494, size: 0 },
    text: `HTTP/1.1 494 Request Header Or Cookie Too Large\r\nContent-Length: 0\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: 'a status nobody knows',
    raw: [],
    how: { status: 799, size: 0 },
    text: `HTTP/1.1 799 Unknown\r\nContent-Length: 0\r\n${KEEP_ALIVE}\r\n`,
  },
  {
    name: 'an empty value and bytes above ASCII',
    raw: ['A', '', 'B', '\xe4\t \xff'],
    how: { size: 0 },
    text: `HTTP/1.1 200 OK\r\nA: \r\nB: \xe4\t \xff\r\nContent-Length: 0\r\n${KEEP_ALIVE}\r\n`,
  },
]

for (const { name, raw, how, text, keepsOpen = true } of cases) {
  test(`response head: ${name}`, () => {
    const head = write(raw, how)
    assert.equal(head?.text, text)
    assert.equal(head?.keepsOpen, keepsOpen)
  })
}

const unwritable: readonly (readonly [name: string, raw: string[], status?: number])[] = [
  ['a line break in a value', ['A', 'b\r\nSet-Cookie: c=d']],
  ['a line break in a name', ['A\r\nB', 'c']],
  ['an end of the head in a value', ['A', 'b\r\n\r\nHTTP/1.1 200 OK']],
  ['a bare LF', ['A', 'b\nc']],
  ['a bare CR', ['A', 'b\rc']],
  ['a NUL', ['A', 'b\0c']],
  ['a character beyond latin1', ['A', '\u{10d}']],
  ['one whose low byte is a line break', ['A', 'b\u{10a}\u{10d}']],
  ['a space in a name', ['A b', 'c']],
  ['an empty name', ['', 'c']],
  ['two lengths', ['Content-Length', '1', 'content-length', '1']],
  ['a length that is no number', ['Content-Length', '1, 1']],
  ['an interim status', [], 100],
  ['no status', [], 0],
  ['a status with four digits', [], 2000],
]

for (const [name, raw, status = 200] of unwritable) {
  test(`response head: ${name} cannot be written`, () => {
    assert.equal(write(raw, { status, size: 1 }), undefined)
  })
}

test('response head: a value of any length is looked at', () => {
  const long = 'a'.repeat(1_000_000)
  assert.ok(write(['A', long], { size: 0 }) !== undefined)
  assert.equal(write(['A', `${long}\n`], { size: 0 }), undefined)
})

test('response head: bytes are counted without the connection fields of the listener', () => {
  assert.equal(
    write(['A', 'b'], { size: 3 })?.bytes,
    'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 3\r\n\r\n'.length,
  )
})

test('response head: what a writer remembers changes nothing', () => {
  const field = fc.tuple(
    fc.constantFrom(
      'A',
      'a',
      'Server',
      'X Y',
      'Content-Length',
      'connection',
      'Keep-Alive',
      'Transfer-Encoding',
    ),
    fc.constantFrom('', 'b', 'b\n', '5', 'close', 'x'.repeat(600), '\xe4', '\u{10a}'),
  )
  const heads = fc.array(fc.array(field, { maxLength: 4 }), { minLength: 2, maxLength: 6 })
  fc.assert(
    fc.property(heads, (lists) => {
      const remembering = createResponseHead()
      for (const fields of lists) {
        const framing = { hasBody: true, size: 5, keepsOpen: true, keepAliveLines: KEEP_ALIVE }
        const response = () => ({ status: 200, headers: new HeaderList(fields.flat()), body: Body.none() })
        assert.deepEqual(remembering(response(), framing), createResponseHead()(response(), framing))
      }
    }),
    { numRuns: 2000 },
  )
})

test('response head: more names than are remembered are written all the same', () => {
  for (let i = 0; i < 2000; i++)
    assert.match(write([`N${i}`, 'v'], { size: 0 })!.text, new RegExp(`\r\nN${i}: v\r\n`))
})
