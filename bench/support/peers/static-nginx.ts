import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Contender, Missing } from '../server-process.ts'
import { startPeerOf } from './peer.ts'

/** nginx with the files of a folder, and a buffered access log. */
export function startStaticNginx(root: string): Promise<Contender | Missing> {
  return startPeerOf({
    name: 'nginx',
    command: 'nginx',
    package: 'nginx-light',
    versionArgs: ['-v'],
    prepare({ folder, port }) {
      const file = path.join(folder, 'nginx.conf')
      writeFileSync(file, configuration(folder, port, root))
      return { args: ['-p', folder, '-c', file] }
    },
  })
}

function configuration(folder: string, port: number, root: string): string {
  return `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  client_body_temp_path ${folder}/client;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  access_log ${folder}/access.log combined buffer=64k flush=1s;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  types { image/jpeg jpeg; image/avif avif; }
  server {
    listen 127.0.0.1:${port};
    root ${root};
  }
}
`
}
