/*
 * The ways in, side by side, in memory: what the lane takes of a string of bytes, what Node's parser and our hygiene
 * make of the same bytes, and what viewers are answered with and without a lane.
 */
import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { duplexPair, type Duplex } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import type { ViewerConnection, ViewerRequest } from '../../visit.ts'
import { createHttp1 } from '../http1.ts'
import { createLane } from './lane.ts'
import { type StubDoor, stubDoor, text } from './lane.fixture.ts'
import { type LaneRequest, readLaneHead } from './lane-head.ts'

const CONNECTION: ViewerConnection = {
  id: 1,
  local: { address: '192.0.2.9', port: 80 },
  remote: { address: '192.0.2.1', port: 5000 },
  tls: undefined,
}
/** Behind the bytes in question: found as a request of its own only if all before it ended where the lane says. */
const SENTINEL = 'GET /sentinel HTTP/1.1\r\nHost: sentinel\r\nConnection: close\r\n\r\n'

/** The requests that the lane takes from the beginning of `bytes`, and where it stops. */
export function takenByLane(bytes: Buffer): { requests: LaneRequest[]; end: number } {
  const requests: LaneRequest[] = []
  let end = 0
  for (;;) {
    const head = readLaneHead(bytes, end)
    if (head.kind !== 'request') return { requests, end }
    requests.push(head)
    end += head.length
  }
}

/** What the comparison is about; the rest of a request is made by the same code on both ways. */
function gist(request: ViewerRequest) {
  const { method, path, query, httpVersion, host, headers, body, headBytes } = request
  return { method, path, query, httpVersion, host, raw: headers.raw, body: body.kind, headBytes }
}

/** What one viewer gets: everything that comes back, and the requests that the line was given. */
interface Talk {
  readonly answer: string
  readonly requests: ReturnType<typeof gist>[]
  readonly refused: readonly string[]
}

/** Answers with a part of the request, so that answers in the wrong order show. */
function openDoor(): StubDoor {
  return stubDoor(({ request }) => text(`${request.method} ${request.path} ${request.headers.size}`))
}

async function talk(
  pieces: readonly Buffer[],
  door: StubDoor,
  accept: (socket: Duplex) => void,
): Promise<Talk> {
  const [viewer, server] = duplexPair()
  server.on('error', ignoreError)
  viewer.on('error', ignoreError)
  let answer = ''
  const over = Promise.withResolvers<void>()
  viewer.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
  viewer.on('end', over.resolve)
  server.on('close', over.resolve)
  accept(server)
  for (const piece of pieces) {
    viewer.write(piece)
    if (pieces.length > 1) await new Promise(setImmediate)
  }
  viewer.end()
  await over.promise
  server.destroy()
  viewer.destroy()
  return {
    answer,
    requests: door.served.map(({ request }) => gist(request)),
    refused: door.turnedAway.map(({ code }) => code),
  }
}

function throughHttp1(pieces: readonly Buffer[], watch?: (server: Server) => void): Promise<Talk> {
  const door = openDoor()
  const http1 = createHttp1(door, false, () => CONNECTION)
  watch?.(http1)
  return talk(pieces, door, (socket) => http1.emit('connection', socket))
}

function throughLane(pieces: readonly Buffer[]): Promise<Talk> {
  const door = openDoor()
  const http1 = createHttp1(door, false, () => CONNECTION)
  const lane = createLane(door, (socket) => http1.emit('connection', socket))
  // The lane uses nothing of a socket that a duplex does not have, but for the byte counts of the watch.
  return talk(pieces, door, (socket) => lane.accept(socket as Socket, CONNECTION))
}

/**
 * Fails unless Node's parser (as http1.ts sets it up) and our hygiene take exactly the requests from `bytes` that the
 * lane takes, with the same method, target, fields and end. Gives the number of requests taken.
 */
export async function checkAgainstNode(bytes: Buffer): Promise<number> {
  const { requests, end } = takenByLane(bytes)
  if (requests.length === 0) return 0
  const parsed: { method: string; url: string; rawHeaders: string[]; version: string }[] = []
  const { requests: seen, refused } = await throughHttp1(
    [bytes.subarray(0, end), Buffer.from(SENTINEL)],
    (server) =>
      server.prependListener('request', ({ method, url, rawHeaders, httpVersion }) => {
        parsed.push({ method: method!, url: url!, rawHeaders, version: httpVersion })
      }),
  )
  assert.deepEqual(refused, [])
  assert.equal(parsed.pop()?.url, '/sentinel')
  assert.equal(seen.pop()?.path, '/sentinel')
  assert.deepEqual(
    parsed,
    requests.map(({ method, path, query, rawHeaders }) => ({
      method,
      url: query === undefined ? path : `${path}?${query}`,
      rawHeaders,
      version: '1.1',
    })),
  )
  assert.deepEqual(
    seen,
    requests.map(({ method, path, query, host, rawHeaders, headBytes }) => ({
      method,
      path,
      query,
      httpVersion: '1.1',
      host,
      raw: rawHeaders,
      body: 'none',
      headBytes,
    })),
  )
  return requests.length
}

/**
 * Fails unless a viewer who sends `pieces` and closes its sending side gets the same with and without a lane. Two
 * differences are allowed, both in what is broken. Where broken bytes come in one piece with a request, `node:http`
 * cuts the connection while its answer is still under way; the lane has sent that answer before it looks at what
 * follows. And `node:http` judges by the last piece alone whether a method is unknown or no method at all; the lane
 * hands it the pieces as one.
 */
export async function checkAnswers(pieces: readonly Buffer[]): Promise<void> {
  const [given, ...expected] = await Promise.all([
    throughLane(pieces),
    throughHttp1(pieces),
    throughHttp1([Buffer.concat(pieces)]),
  ])
  assert.deepEqual(given.requests, expected[0]!.requests)
  if (!expected.some((each) => isDeepStrictEqual(given, each) || isCutOff(each, given)))
    assert.deepEqual(given, expected[0])
}

function isCutOff(expected: Talk, given: Talk): boolean {
  return given.answer.length > expected.answer.length && given.answer.startsWith(expected.answer)
}

function ignoreError(): void {
  // What is compared is what was read and answered, not how a connection broke.
}
