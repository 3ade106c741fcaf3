import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'

/** Debian keeps servers where not everyone's PATH looks. */
export const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync)

export interface Nginx extends AsyncDisposable {
  /** The command that makes it read its configuration anew. */
  readonly reload: readonly string[]
}

/** Starts nginx in the foreground with everything of it in one folder; resolves when the port answers. */
export async function startNginx(folder: string, port: number, http: string): Promise<Nginx> {
  if (NGINX === undefined) throw new Error('nginx is not installed: npm run setup')
  await mkdir(folder, { recursive: true })
  const conf = join(folder, 'nginx.conf')
  await writeFile(
    conf,
    `daemon off;
worker_processes 2;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log notice;
events { worker_connections 512; }
http {
  access_log ${folder}/access.log;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${http}
}
`,
  )
  const base = [NGINX, '-p', folder, '-c', conf, '-e', join(folder, 'error.log')]
  const child = spawn(base[0]!, base.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
  // Should the test itself break, nothing of it stays behind.
  const stop = (): void => void child.kill('SIGTERM')
  process.on('exit', stop)
  let said = ''
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  let ended = false
  const exit = once(child, 'exit').then(() => (ended = true))
  while (!(await answers(port))) {
    if (ended) throw new Error(`nginx ended: ${said}`)
  }
  return {
    reload: [...base, '-s', 'reload'],
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill('SIGTERM')
      await exit
      process.off('exit', stop)
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    await new Promise((turn) => setTimeout(turn, 20))
    return false
  } finally {
    socket.destroy()
  }
}
