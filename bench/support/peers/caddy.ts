import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Contender, Missing } from '../server-process.ts'
import { startPeerOf } from './peer.ts'
import type { PeerOptions } from './peer.ts'

/** Caddy as a proxy, with its JSON access log of about as many fields; it writes each line by itself and cannot buffer. */
export function startCaddy({ originPort, workers }: PeerOptions): Promise<Contender | Missing> {
  return startPeerOf({
    name: 'caddy',
    command: 'caddy',
    package: 'caddy',
    versionArgs: ['version'],
    prepare({ folder, port }) {
      const file = path.join(folder, 'Caddyfile')
      writeFileSync(file, configuration(folder, port, originPort))
      return {
        args: ['run', '--adapter', 'caddyfile', '--config', file],
        // It keeps state in the home folder of whoever runs it.
        env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, GOMAXPROCS: String(workers) },
      }
    },
  })
}

function configuration(folder: string, port: number, originPort: number): string {
  return `
{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  log {
    output file ${folder}/access.log {
      roll_disabled
    }
    format json
  }
  reverse_proxy 127.0.0.1:${originPort} {
    transport http {
      compression off
      keepalive_idle_conns_per_host 128
    }
  }
}
`
}
