import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP server that answers with exactly the bytes a test says, and remembers the bytes it was sent. */
export interface ScriptedOrigin extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** All bytes received, per connection, in latin1. */
  readonly received: string[]
  readonly sockets: Socket[]
  connections(): number
}

/** `script` is called with every connection and each request head that arrives whole on it. */
export async function scriptOrigin(
  script: (request: string, socket: Socket, index: number) => void,
): Promise<ScriptedOrigin> {
  const received: string[] = []
  const sockets: Socket[] = []
  let requests = 0
  const server = createServer((socket) => {
    const mine = received.push('') - 1
    sockets.push(socket)
    let pending = ''
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      received[mine] += text
      pending += text
      for (;;) {
        const end = pending.indexOf('\r\n\r\n')
        if (end === -1) return
        const head = pending.slice(0, end)
        pending = pending.slice(end + 4)
        script(head, socket, requests++)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    received,
    sockets,
    connections: () => sockets.length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
