import type { Contender, Missing } from '../server-process.ts'
import { nginxHttp, nginxMain, nginxWith } from './nginx.ts'
import { startPeerOf } from './peer.ts'

/** nginx with the files of a folder, and a buffered access log. */
export function startStaticNginx(root: string): Promise<Contender | Missing> {
  return startPeerOf(nginxWith((folder, port) => configuration(folder, port, root)))
}

function configuration(folder: string, port: number, root: string): string {
  return `${nginxMain(folder, 1)}
error_log stderr crit;
events { worker_connections 1024; }
http {${nginxHttp(folder)}
  access_log ${folder}/access.log combined buffer=64k flush=1s;
  types { image/jpeg jpeg; image/avif avif; }
  server {
    listen 127.0.0.1:${port};
    root ${root};
  }
}
`
}
