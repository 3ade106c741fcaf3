/** Runs the example: `node examples/origin-verify/run.ts [port]`. Ends with Ctrl-C. */
import { type ChildProcess, execFileSync, type ExecFileSyncOptions, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApp } from './express.ts'

const edgeward = fileURLToPath(new URL('../../bin/edgeward.cjs', import.meta.url))
const config = fileURLToPath(new URL('edgeward.config.ts', import.meta.url))
const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync)
if (nginx === undefined) {
  console.error('nginx is not installed; "npm run setup" installs it')
  process.exit(1)
}

const folder = await mkdtemp(join(tmpdir(), 'edgeward-example-'))
const ports = { express: 0, nginx: await freePort() }
const { app, close } = createApp(join(folder, 'accepted.json'), {
  Express: () => `http://127.0.0.1:${ports.express}/`,
  nginx: () => `http://127.0.0.1:${ports.nginx}/`,
})
const server = createServer(app).listen(0, '127.0.0.1')
await once(server, 'listening')
ports.express = (server.address() as AddressInfo).port

const env = {
  ...process.env,
  EXAMPLE_FOLDER: folder,
  NGINX: nginx,
  EXPRESS_PORT: String(ports.express),
  NGINX_PORT: String(ports.nginx),
}
// The first value, and the piece of nginx configuration that it stands in. From here on the edge does both.
const command: ExecFileSyncOptions = { env, stdio: ['pipe', 'ignore', 'pipe'] }
const input = randomBytes(32).toString('hex')
execFileSync(process.execPath, [edgeward, 'secrets', 'set', 'origin-verify', '-c', config], {
  ...command,
  input,
})
const snippet = ['origin-verify', 'snippet', 'nginx', '-o', 'shop/nginx', '-w', join(folder, 'verify.conf')]
execFileSync(process.execPath, [edgeward, ...snippet, '-c', config], command)

await writeFile(
  join(folder, 'nginx.conf'),
  `daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log ${folder}/access.log;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  include ${folder}/verify.conf;
  server {
    listen 127.0.0.1:${ports.nginx};
    if ($edgeward_origin_verified = 0) { return 403; }
    location / { return 200 "hello from nginx"; }
  }
}
`,
)
const children: ChildProcess[] = [
  spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], {
    stdio: 'ignore',
  }),
  spawn(process.execPath, [edgeward, 'start', config, '--port', process.argv[2] ?? '8080'], {
    env,
    stdio: 'inherit',
  }),
]
console.log(
  `origins: Express on port ${ports.express}, nginx on port ${ports.nginx}; try to reach them yourself`,
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of children) child.kill('SIGTERM')
  })
}
const ended = await Promise.all(children.map((child) => once(child, 'exit')))
close()
server.closeAllConnections()
server.close()
await rm(folder, { recursive: true })
process.exitCode = ended.every(([code]) => code === 0) ? 0 : 1

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
