import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'

// The cars team's server. It streams: a page that comes in pieces, events, and a WebSocket that echoes.
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://cars')
  if (pathname === '/live') {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    let price = 40
    const send = () => response.write(`event: price\ndata: {"car":"compact","euros":${(price += 1)}}\n\n`)
    send()
    const timer = setInterval(send, 1000)
    response.on('close', () => clearInterval(timer))
  } else if (pathname === '/' || pathname === '') {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    const pieces = [
      '<!doctype html><title>Cars</title><h1>Cars</h1><ul>',
      '<li>Compact',
      '<li>Van',
      '<li>Convertible',
      '</ul><p><a href="live">Live prices</a>',
    ]
    const next = () => {
      const piece = pieces.shift()
      if (piece === undefined) response.end()
      else {
        response.write(piece)
        setTimeout(next, 100)
      }
    }
    next()
  } else {
    response.statusCode = 404
    response.end('no such page at the cars server\n')
  }
})

// RFC 6455, as much as an echo of short text frames needs.
server.on('upgrade', (request, socket: Duplex) => {
  const key = request.headers['sec-websocket-key']
  if (key === undefined || request.url !== '/echo') {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
    return
  }
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  let held = Buffer.alloc(0)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 6) {
      const length = held[1]! & 0x7f
      if (length > 125 || held.length < 6 + length) return
      const opcode = held[0]! & 0x0f
      const mask = held.subarray(2, 6)
      const payload = Buffer.from(held.subarray(6, 6 + length).map((byte, i) => byte ^ mask[i % 4]!))
      held = held.subarray(6 + length)
      if (opcode === 8) {
        socket.end(Buffer.concat([Buffer.from([0x88, payload.length]), payload]))
        return
      }
      if (opcode === 9) socket.write(Buffer.concat([Buffer.from([0x8a, payload.length]), payload]))
      else if (opcode === 1 || opcode === 2)
        socket.write(Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]))
    }
  })
})

server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.port}`)
})
