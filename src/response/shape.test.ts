import assert from 'node:assert/strict'
import { Duplex, Readable } from 'node:stream'
import { test } from 'node:test'
import { Body } from '../http/body.ts'
import { passageOf, type PassageParts, responseOf } from './passage.fixture.ts'
import { shapeResponse } from './shape.ts'

type Fields = Readonly<Record<string, string | readonly string[]>>

function namesAfter(parts: PassageParts, headers: Fields): string[] {
  const response = shapeResponse(passageOf(parts), responseOf(200, headers))
  return [...response.headers].map(([name]) => name)
}

test('fields of the connection to the origin end at the edge', () => {
  const hop = {
    Connection: 'keep-alive',
    'Keep-Alive': 'timeout=5',
    'Proxy-Connection': 'close',
    'Proxy-Authenticate': 'Basic',
    'Proxy-Authorization': 'Basic x',
    'Proxy-Authentication-Info': 'x',
    TE: 'trailers',
    Trailer: 'X-Sum',
    'Transfer-Encoding': 'chunked',
    Upgrade: 'h2c',
  }
  const cases: readonly (readonly [Fields, string[]])[] = [
    [{ ...hop, Server: 'x', 'Proxy-Status': 'ok', Warning: '199' }, ['Server', 'Proxy-Status', 'Warning']],
    [{ connection: 'X-One, x-TWO', 'x-one': '1', 'X-Two': '2', 'X-Three': '3' }, ['X-Three']],
    [{ Connection: ['close', 'X-One'], 'X-One': '1', 'X-Two': '2' }, ['X-Two']],
    [{ Connection: '', 'X-One': '1' }, ['X-One']],
  ]
  for (const [headers, expected] of cases) assert.deepEqual(namesAfter({}, headers), expected)
})

test('a tunnel keeps Upgrade', () => {
  const response = responseOf(101, {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Accept': 'x',
  })
  response.tunnel = new Duplex()
  shapeResponse(passageOf(), response)
  assert.deepEqual(
    [...response.headers].map(([name]) => name),
    ['Upgrade', 'Sec-WebSocket-Accept'],
  )
})

test('Set-Cookie of an origin is kept only where cookies are forwarded', () => {
  const headers = { 'Set-Cookie': ['a=1', 'b=2'], Age: '7', 'Content-Type': 'text/html' }
  assert.deepEqual(namesAfter({}, headers), ['Age', 'Content-Type'])
  assert.deepEqual(namesAfter({ forwarding: { cookiesForwarded: true } }, headers), [
    'Set-Cookie',
    'Set-Cookie',
    'Age',
    'Content-Type',
  ])
})

test('what an answer made at the edge says of cookies and Vary is its own', () => {
  const cases = [
    ['lookup', undefined, false],
    ['send', undefined, false],
    ['viewer-request', undefined, true],
    ['waf', undefined, true],
    ['behavior', undefined, true],
    // A custom error page came from an origin, wherever the error was.
    ['waf', 403, false],
    ['behavior', 403, false],
  ] as const
  for (const [exit, errorPageFor, expected] of cases) {
    const passage = passageOf()
    passage.visit.exit = exit
    passage.visit.errorPageFor = errorPageFor
    const { headers } = shapeResponse(passage, responseOf(302, { 'Set-Cookie': 'session=1', Vary: 'X-Mine' }))
    assert.equal(headers.has('set-cookie'), expected, exit)
    assert.equal(headers.has('vary'), expected, exit)
  }
})

test('HEAD keeps Content-Length and loses the body', () => {
  const cases = [
    [{ 'Content-Length': '5' }, Body.bytes('hello'), '5'],
    [{}, Body.bytes('hello'), '5'],
    [{ 'Content-Length': '1000' }, Body.none(), '1000'],
    [{}, Body.none(), undefined],
    [{}, Body.stream(new Readable({ read() {} }), 7), '7'],
    [{}, Body.stream(new Readable({ read() {} })), undefined],
  ] as const
  for (const [headers, body, expected] of cases) {
    const response = shapeResponse(passageOf({ request: { method: 'HEAD' } }), responseOf(200, headers, body))
    assert.equal(response.body.kind, 'none')
    assert.equal(response.headers.get('content-length'), expected)
  }
})

test('a body that nobody may see is let go of', () => {
  const cases = [
    ['HEAD', 200],
    ['GET', 304],
    ['GET', 204],
  ] as const
  for (const [method, status] of cases) {
    const stream = new Readable({ read() {} })
    const headers = { 'Content-Length': '9' }
    const response = responseOf(status, headers, Body.stream(stream, 9))
    shapeResponse(passageOf({ request: { method } }), response)
    assert.equal(stream.destroyed, true, method)
    assert.equal(response.body.kind, 'none')
    assert.equal(response.headers.get('content-length'), status === 204 ? undefined : '9')
  }
})

test('a GET keeps its body as it is', () => {
  const body = Body.bytes('hello')
  assert.equal(shapeResponse(passageOf(), responseOf(200, {}, body)).body, body)
})
