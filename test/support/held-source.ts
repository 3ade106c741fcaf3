import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server of one picture, whatever is asked for, that a test changes and holds up. */
export interface HeldSource extends AsyncDisposable {
  readonly url: string
  /** GETs so far. */
  readonly gets: number
  bytes: Buffer
  /** From now on a GET waits for the test; gives what answers the next one, and tells when its asker has left. */
  hold(): { readonly asked: Promise<void>; answer(bytes: Buffer): void; readonly left: Promise<void> }
}

/** The worst of sources: what it has changes, what it says of it does not. Only a purge helps. */
export async function startSource(bytes: Buffer): Promise<HeldSource> {
  const holding: ((response: ServerResponse) => void)[] = []
  let gets = 0
  const send = (response: ServerResponse, bytes: Buffer) =>
    response
      .writeHead(200, { 'Content-Type': 'image/jpeg', 'Cache-Control': 'max-age=86400', ETag: '"same"' })
      .end(bytes)
  const server = createServer((request, response) => {
    if (request.method === 'HEAD') return send(response, Buffer.alloc(0))
    gets++
    const held = holding.shift()
    return held === undefined ? send(response, source.bytes) : held(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const source = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes,
    get gets() {
      return gets
    },
    hold() {
      const asked = Promise.withResolvers<void>()
      const left = Promise.withResolvers<void>()
      let waiting: ServerResponse | undefined
      holding.push((response) => {
        waiting = response
        response.on('close', () => left.resolve())
        asked.resolve()
      })
      return {
        asked: asked.promise,
        left: left.promise,
        answer: (bytes: Buffer) => void send(waiting!, bytes),
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return source
}
