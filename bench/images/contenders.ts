import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { cpuSeconds } from '../support/cpu.ts'
import { startEdge } from '../support/edge.ts'
import { findCommand, freePort, type Missing, startServerProcess } from '../support/server-process.ts'
import { configFor } from './edge-config.ts'
import { request } from './request.ts'

export const FORMATS = ['jpeg', 'webp', 'png', 'avif'] as const
export type Format = (typeof FORMATS)[number]

/** What takes part: pictures, the folder for its files, and how many connections ask it. */
export interface Stand {
  readonly pictures: string
  readonly names: readonly string[]
  readonly folder: string
  readonly connections: number
}

export interface Worked {
  readonly units: number
  readonly cpu: number
  readonly failures: number
}

export interface Contender {
  readonly name: string
  readonly formats: readonly Format[]
  work(format: Format, units: number): Promise<Worked>
  stop(): Promise<void>
}

export async function edgeward({ pictures, names, connections }: Stand): Promise<Contender> {
  const edge = await startEdge(configFor(pictures))
  return served(
    'edgeward',
    FORMATS,
    connections,
    edge.url,
    edge.pids,
    () => edge.stop(),
    (format) => names.map((name) => `/512x512/filters:format(${format})/${name}`),
  )
}

function served(
  name: string,
  formats: readonly Format[],
  connections: number,
  url: string,
  pids: readonly number[],
  stop: () => Promise<void>,
  pathsOf: (format: Format) => readonly string[],
): Contender {
  return {
    name,
    formats,
    stop,
    async work(format, units) {
      const paths = pathsOf(format)
      const agent = new Agent({ keepAlive: true, maxSockets: connections })
      const before = cpuSeconds(pids)
      let next = 0
      let failures = 0
      const client = async () => {
        while (next < units) {
          const status = await request(url, paths[next++ % paths.length]!, agent)
          if (status !== 200) failures++
        }
      }
      await Promise.all(Array.from({ length: connections }, client))
      const cpu = cpuSeconds(pids) - before
      agent.destroy()
      return { units, cpu, failures }
    },
  }
}

export async function bareSharp({ pictures }: Pick<Stand, 'pictures'>): Promise<Contender> {
  const program = path.join(import.meta.dirname, '../support/bare-sharp.ts')
  const child = spawn(process.execPath, [program, pictures], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    name: 'sharp',
    formats: FORMATS,
    async work(format, units) {
      child.stdin.write(`${format} ${units}\n`)
      return { units, cpu: Number((await lines.next()).value), failures: 0 }
    },
    async stop() {
      child.kill()
    },
  }
}

/** It cannot change formats, so it takes part with JPEG alone. */
export async function nginx({ pictures, names, folder, connections }: Stand): Promise<Contender | Missing> {
  const module = '/usr/lib/nginx/modules/ngx_http_image_filter_module.so'
  const command = findCommand('nginx')
  if (command === undefined || !existsSync(module))
    return { name: 'nginx', missing: 'libnginx-mod-http-image-filter' }
  const port = await freePort()
  const file = path.join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; worker_processes 1; ${process.getuid?.() === 0 ? 'user root;' : ''} pid ${folder}/nginx.pid;
error_log stderr error; load_module ${module};
events { worker_connections 1024; }
http {
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
  uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  access_log ${folder}/nginx.log combined buffer=64k flush=1s;
  types { image/jpeg jpg; }
  server { listen 127.0.0.1:${port}; root ${pictures};
    location / { image_filter crop 512 512; image_filter_jpeg_quality 80; image_filter_buffer 20M; } }
}`,
  )
  const server = startServerProcess({ name: 'nginx', command, args: ['-p', folder, '-c', file] })
  const url = `http://127.0.0.1:${port}`
  await server.waitForUrl(`${url}/${names[0]}`)
  return served(
    'nginx',
    ['jpeg'],
    connections,
    url,
    [server.pid],
    () => server.stop(),
    () => names.map((name) => `/${name}`),
  )
}

/** Installed outside of the tree: it brings a sharp of its own. */
export async function ipx({ pictures, names, connections }: Stand): Promise<Contender | Missing> {
  const peers = process.env['EDGEWARD_PEERS'] ?? path.join(tmpdir(), 'edgeward-peers')
  const bin = path.join(peers, 'node_modules/ipx/bin/ipx.mjs')
  if (!existsSync(bin)) {
    console.log(`ipx is not in ${peers}: npm install --prefix ${peers} ipx@3.1.1`)
    return { name: 'ipx', missing: 'ipx' }
  }
  const port = await freePort()
  const server = startServerProcess({
    name: 'ipx',
    command: process.execPath,
    args: [bin, 'serve', '--dir', pictures, '--port', String(port), '--host', '127.0.0.1'],
  })
  const url = `http://127.0.0.1:${port}`
  await server.waitForUrl(`${url}/_/${names[0]}`)
  return served(
    'ipx',
    FORMATS,
    connections,
    url,
    [server.pid],
    () => server.stop(),
    (format) => names.map((name) => `/f_${format},s_512x512/${name}`),
  )
}

export async function imageMagick({ pictures, names, folder }: Stand): Promise<Contender | Missing> {
  const command = findCommand('convert')
  if (command === undefined) return { name: 'imagemagick', missing: 'imagemagick' }
  const one = (name: string, format: Format) =>
    spawnSync(command, [
      path.join(pictures, name),
      ...[
        '-resize',
        '512x512^',
        '-gravity',
        'center',
        '-extent',
        '512x512',
        '-quality',
        format === 'avif' ? '50' : '80',
      ],
      path.join(folder, `out.${format}`),
    ]).status === 0
  const can = FORMATS.filter((format) => one(names[0]!, format))
  return {
    name: 'imagemagick',
    formats: can,
    work(format, wanted) {
      const before = waitedFor()
      // A process for each picture: fewer of them tell as much.
      const units = Math.ceil(wanted / 4)
      let failures = 0
      for (let i = 0; i < units; i++) if (!one(names[i % names.length]!, format)) failures++
      return Promise.resolve({ units, cpu: waitedFor() - before, failures })
    },
    stop: () => Promise.resolve(),
  }
}

/** CPU seconds of the children this process has waited for: proc_pid_stat(5). */
function waitedFor(): number {
  const text = readFileSync('/proc/self/stat', 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}
