import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Contender, Missing } from '../server-process.ts'
import { startPeerOf } from './peer.ts'
import type { PeerOptions } from './peer.ts'

// The 33 fields of CloudFront's standard log, as near as HAProxy has them; `-` where it has nothing.
const LOG_FORMAT = [
  '%T %Ts - %B %ci %HM %[capture.req.hdr(0)] %HPO %ST %[capture.req.hdr(1)] %[capture.req.hdr(2)] %HQ',
  '%[capture.req.hdr(3)] %tsc %ID %[capture.req.hdr(0)] %ft %U %Tt %[capture.req.hdr(4)] %sslv %sslc %s %HV',
  '- - %cp %Tr %b %[capture.res.hdr(0)] %[capture.res.hdr(1)] - -',
]
  .join(' ')
  .replaceAll(' ', '\\t')

/**
 * HAProxy as a proxy that shares origin connections. It has no buffered log file: every line would be a system call
 * of its own, so its log goes to a ring in its memory, the cheapest it has.
 */
export function startHaproxy({ originPort, workers }: PeerOptions): Promise<Contender | Missing> {
  return startPeerOf({
    name: 'haproxy',
    command: 'haproxy',
    package: 'haproxy',
    versionArgs: ['-v'],
    prepare({ folder, port }) {
      const file = path.join(folder, 'haproxy.cfg')
      writeFileSync(file, configuration(port, originPort, workers))
      return { args: ['-db', '-f', file] }
    },
  })
}

function configuration(port: number, originPort: number, workers: number): string {
  return `
global
  nbthread ${workers}
  maxconn 4096
  log ring@access local0

ring access
  format raw
  maxlen 4096
  size 1048576

defaults
  mode http
  log global
  timeout connect 5s
  timeout client 60s
  timeout server 60s

frontend edge
  bind 127.0.0.1:${port}
  option forwardfor
  unique-id-format %{+X}o%ci%cp%Ts%rt%pid
  capture request header Host len 64
  capture request header Referer len 256
  capture request header User-Agent len 256
  capture request header Cookie len 256
  capture request header X-Forwarded-For len 128
  capture response header Content-Type len 64
  capture response header Content-Length len 20
  log-format "${LOG_FORMAT}"
  default_backend origin

backend origin
  http-reuse always
  server origin 127.0.0.1:${originPort}
`
}
