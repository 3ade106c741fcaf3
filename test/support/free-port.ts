import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** A port of loopback that was free a moment ago, for whoever must name one before it is opened. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // It listens on a port and not on a path.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
