import { startCaddy } from './peers/caddy.ts'
import { startHaproxy } from './peers/haproxy.ts'
import { startModsecurity } from './peers/modsecurity.ts'
import { startNginx } from './peers/nginx.ts'
import type { PeerOptions } from './peers/peer.ts'
import { startVarnish } from './peers/varnish.ts'
import type { Contender, Missing } from './server-process.ts'

const PEERS = {
  nginx: startNginx,
  haproxy: startHaproxy,
  caddy: startCaddy,
  varnish: startVarnish,
  modsecurity: startModsecurity,
} as const satisfies Record<string, (options: PeerOptions) => Promise<Contender | Missing>>

export type PeerName = keyof typeof PEERS

/**
 * Starts a peer from its Debian package, in a temporary folder, on a free port of loopback, never as a service of the
 * system. Resolves with what is missing when it is not installed; rejects when it is installed and does not start.
 */
export function startPeer(name: PeerName, options: PeerOptions): Promise<Contender | Missing> {
  return PEERS[name](options)
}
