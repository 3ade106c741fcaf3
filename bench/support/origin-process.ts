/**
 * The origin of benchmarks, in a process of its own, started by origin.ts with its settings as JSON in argv:
 * `{ "kind": "fixed", "bodyBytes": n, "headers": {…} }` or `{ "kind": "stream" }`.
 */
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'

const settings = readSettings()
announce(settings.kind === 'fixed' ? fixedServer(settings.bodyBytes, settings.headers) : streamServer())

type Settings =
  | { readonly kind: 'fixed'; readonly bodyBytes: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'stream' }

function readSettings(): Settings {
  // Written by origin.ts next door, from the same type.
  return JSON.parse(process.argv[2] ?? '{"kind":"stream"}') as Settings
}

/** Gives every request without a body the same answer, by looking for the end of its head only. */
function fixedServer(bodyBytes: number, headers: Readonly<Record<string, string>>): Server {
  const body = 'x'.repeat(bodyBytes)
  const lines = Object.entries({ 'Content-Type': 'text/plain', 'Content-Length': bodyBytes, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  let answer = Buffer.alloc(0)
  const date = (): void => {
    answer = Buffer.from(`HTTP/1.1 200 OK\r\nDate: ${new Date().toUTCString()}\r\n${lines}\r\n${body}`)
  }
  date()
  setInterval(date, 1000)

  return createTcpServer({ noDelay: true }, (socket: Socket) => {
    let rest: Buffer | undefined
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
      let from = 0
      for (let end = bytes.indexOf('\r\n\r\n'); end !== -1; end = bytes.indexOf('\r\n\r\n', from)) {
        socket.write(answer)
        from = end + 4
      }
      rest = from === bytes.length ? undefined : bytes.subarray(from)
    })
  })
}

const CHUNK = Buffer.alloc(64 * 1024, 'edgeward ')

/** `GET /N` answers N bytes; any other method reads the whole body and answers how many bytes came. */
function streamServer(): Server {
  return createServer({ requestTimeout: 0 }, (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === 'GET') send(response, Number(request.url?.slice(1)))
    else receive(request, response)
  })
}

function send(response: ServerResponse, bytes: number): void {
  let left = Number.isSafeInteger(bytes) ? bytes : 0
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': left })
  const fill = (): void => {
    while (left > 0) {
      const size = Math.min(left, CHUNK.length)
      left -= size
      if (!response.write(size === CHUNK.length ? CHUNK : CHUNK.subarray(0, size))) return
    }
    response.end()
  }
  response.on('drain', fill)
  fill()
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  request.on('end', () => response.end(String(bytes)))
}

function announce(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    // A TCP server that listens on a host and port has an AddressInfo.
    console.log(`origin listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
}
