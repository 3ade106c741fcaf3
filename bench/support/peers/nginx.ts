import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Contender, Missing } from '../server-process.ts'
import { startPeerOf } from './peer.ts'
import type { PeerKind, PeerOptions } from './peer.ts'

/** What a benchmark may add to nginx's configuration, as lines of it. */
export interface NginxOptions extends PeerOptions {
  /** At the top level, for example `load_module …;`. */
  readonly main?: string
  /** In the location that proxies, for example `modsecurity on;`. */
  readonly location?: string
}

// The 33 fields of CloudFront's standard log, as near as nginx has them; `-` where it has nothing.
const LOG_FORMAT = [
  '$time_iso8601 $msec - $bytes_sent $remote_addr $request_method $host $uri $status $http_referer',
  '$http_user_agent $args $http_cookie $upstream_cache_status $request_id $http_host $scheme $request_length',
  '$request_time $http_x_forwarded_for - - $upstream_status $server_protocol - - $remote_port',
  '$upstream_header_time $upstream_cache_status $sent_http_content_type $sent_http_content_length - -',
]
  .join(' ')
  .replaceAll(' ', '\\t')

/** nginx as a proxy with kept-alive origin connections, streaming both ways, and a buffered access log. */
export function startNginx(options: NginxOptions): Promise<Contender | Missing> {
  return startPeerOf(
    nginxWith((folder, port) => configuration(folder, port, options)),
    options.tls === undefined ? 'http' : 'https',
  )
}

/** nginx as a peer, by the text of its configuration. */
export function nginxWith(configurationOf: (folder: string, port: number) => string): PeerKind {
  return {
    name: 'nginx',
    command: 'nginx',
    package: 'nginx-light',
    versionArgs: ['-v'],
    prepare({ folder, port }) {
      const file = path.join(folder, 'nginx.conf')
      writeFileSync(file, configurationOf(folder, port))
      return { args: ['-p', folder, '-c', file] }
    },
  }
}

/** At the top level of a configuration: in the foreground, as whoever runs it, what it writes in the folder. */
export function nginxMain(folder: string, workers: number): string {
  return `
daemon off;
worker_processes ${workers};
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;`
}

/** In `http`: what it buffers in the folder, and connections that stay. */
export function nginxHttp(folder: string): string {
  return `
  client_body_temp_path ${folder}/client;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;`
}

function configuration(folder: string, port: number, options: NginxOptions): string {
  const { originPort, workers, cache = false, tls, main = '', location = '' } = options
  return `${nginxMain(folder, workers)}
error_log stderr warn;
${main}
events { worker_connections 4096; }
http {${nginxHttp(folder)}
  log_format edge '${LOG_FORMAT}';
  access_log ${folder}/access.log edge buffer=64k flush=1s;
  client_max_body_size 0;
  ${cache ? `proxy_cache_path ${folder}/cache keys_zone=edge:16m levels=1:2 use_temp_path=off;` : ''}
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 128;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port}${tls === undefined ? '' : ' ssl http2'};
    ${tls === undefined ? '' : `ssl_certificate ${tls.certFile}; ssl_certificate_key ${tls.keyFile};`}
    ${tls === undefined ? '' : 'ssl_protocols TLSv1.3;'}
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      ${cache ? 'proxy_cache edge; proxy_cache_valid 200 1h; proxy_cache_lock on;' : ''}
      ${location}
    }
  }
}
`
}
