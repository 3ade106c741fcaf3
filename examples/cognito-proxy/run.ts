/** Runs the example: `node examples/cognito-proxy/run.ts [port]`. Ends with Ctrl-C. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'edgeward-example-'))
const page = join(folder, 'page')
await mkdir(page)
await copyFile(here('page/index.html'), join(page, 'index.html'))
await build({
  entryPoints: [here('page.js')],
  outfile: join(page, 'page.js'),
  bundle: true,
  format: 'esm',
  minify: true,
  logLevel: 'error',
})

const child = spawn(
  process.execPath,
  [here('../../bin/edgeward.cjs'), 'start', here('edgeward.config.ts'), '--port', process.argv[2] ?? '8080'],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      EXAMPLE_DATA: join(folder, 'data'),
      PAGE_FOLDER: page,
      POOL_PORT: String(await freePort()),
    },
  },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGTERM'))
const [code] = (await once(child, 'exit')) as [number | null]
await rm(folder, { recursive: true, force: true })
process.exitCode = code ?? 1

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // A TCP server that listens has one.
  server.close()
  await once(server, 'close')
  return port
}
