import type { Socket } from 'node:net'
import type { ViewerConnection } from '../../visit.ts'
import type { Door } from '../door.ts'
import { type LaneContext, LaneConnection } from './lane-connection.ts'
import { SCRATCH_BYTES } from './reply-sender.ts'
import { createResponseHead, keepAliveLines } from './response-head.ts'

/** The fast way in for plain GET and HEAD requests over HTTP/1.1. */
export interface Lane {
  /**
   * Takes a connection that speaks HTTP/1 (over TLS: after the handshake), for good or until something comes that the
   * lane does not take. Errors of the socket after a hand-off are for the next owner.
   */
  accept(socket: Socket, connection: ViewerConnection): void
  /** Closes the connections on which no request is under way; the others close behind their response. */
  drain(): void
  /** Connections in the lane. */
  readonly size: number
}

/**
 * Opens the lane. `toHttp1` is given, once, a connection on which the next bytes are not for the lane, with those
 * bytes put back and all requests before them answered.
 */
export function createLane(door: Door, toHttp1: (socket: Socket) => void): Lane {
  const { limits } = door.plan.current
  // The same for all connections, as on the `node:http` way: a new plan changes it for new listeners.
  const sweepMs = Math.max(50, Math.min(1000, limits.headTimeoutMs / 4, limits.keepAliveTimeoutMs / 4))
  const connections = new Set<LaneConnection>()
  let isSweeping = false

  const context: LaneContext = {
    door,
    toHttp1,
    headTimeoutMs: limits.headTimeoutMs,
    keepAliveTimeoutMs: limits.keepAliveTimeoutMs,
    keepAliveLines: keepAliveLines(limits.keepAliveTimeoutMs),
    writeHead: createResponseHead(),
    scratch: Buffer.allocUnsafeSlow(SCRATCH_BYTES),
    leave: (connection) => connections.delete(connection),
  }

  // One timer for all connections: a timer for each would have to be set again with every request.
  function sweep(): void {
    isSweeping = true
    door.clock.after(sweepMs, () => {
      isSweeping = false
      const now = door.clock.monotonic()
      for (const connection of connections) connection.checkTime(now)
      if (connections.size > 0) sweep()
    })
  }

  return {
    accept(socket, connection) {
      connections.add(new LaneConnection(context, socket, connection))
      if (!isSweeping) sweep()
    },
    drain() {
      for (const connection of connections) connection.closeIfIdle()
    },
    get size() {
      return connections.size
    },
  }
}
