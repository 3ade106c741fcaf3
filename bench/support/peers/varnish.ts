import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { findCommand } from '../server-process.ts'
import type { Contender, Missing } from '../server-process.ts'
import { startPeerOf } from './peer.ts'
import type { PeerOptions } from './peer.ts'

// The 33 fields of CloudFront's standard log, as near as varnishncsa has them; `-` where it has nothing.
const LOG_FORMAT = [
  '%{%Y-%m-%d}t %{%H:%M:%S}t - %O %h %m %{Host}i %U %s %{Referer}i %{User-Agent}i %q %{Cookie}i',
  '%{Varnish:hitmiss}x %{X-Varnish}o %{Host}i http %I %T %{X-Forwarded-For}i - - %{Varnish:handling}x %H - -',
  '- %{Varnish:time_firstbyte}x %{Varnish:handling}x %{Content-Type}o %{Content-Length}o - -',
]
  .join(' ')
  .replaceAll(' ', '\\t')

/** Varnish with a memory store, and varnishncsa writing its access log; both count. */
export function startVarnish({ originPort, cache = false }: PeerOptions): Promise<Contender | Missing> {
  return startPeerOf({
    name: 'varnish',
    command: 'varnishd',
    package: 'varnish',
    versionArgs: ['-V'],
    prepare({ folder, port }) {
      const file = path.join(folder, 'edge.vcl')
      writeFileSync(file, configuration(originPort, cache))
      const store = ['-s', 'malloc,256m', '-n', path.join(folder, 'varnish')]
      // No jail and no command line port: it runs as whoever measures, for as long as that takes.
      return { args: ['-F', '-j', 'none', '-T', 'none', '-a', `127.0.0.1:${port}`, '-f', file, ...store] }
    },
    companion(folder) {
      const instance = path.join(folder, 'varnish')
      const log = path.join(folder, 'access.log')
      return {
        command: findCommand('varnishncsa') ?? 'varnishncsa',
        args: ['-n', instance, '-w', log, '-F', LOG_FORMAT],
      }
    },
  })
}

function configuration(originPort: number, cache: boolean): string {
  return `
vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "${originPort}"; }
sub vcl_recv { return (${cache ? 'hash' : 'pass'}); }
sub vcl_backend_response { set beresp.ttl = 1h; }
`
}
