import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dial } from '../support/running-edge.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'

const LAUNCHER = fileURLToPath(new URL('../../bin/edgeward.cjs', import.meta.url))

interface Started extends AsyncDisposable {
  readonly child: ChildProcess
  readonly url: string
  readonly port: number
  readonly output: () => string
  said(pattern: RegExp): Promise<void>
}

/** Runs the real command and waits for its listening line. */
async function startCommand(args: string[], input?: string): Promise<Started> {
  const child = spawn(process.execPath, [LAUNCHER, 'start', ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let text = ''
  const waiting: (() => void)[] = []
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk) => {
      text += chunk
      for (const look of waiting) look()
    })
  }
  child.stdin!.end(input ?? '')
  const lines = createInterface({ input: child.stdout! })
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /^edgeward listening on (https?:\/\/\S+)$/.exec(line)
      if (found !== null) resolve(found[1]!)
    })
    child.on('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)))
  })
  return {
    child,
    url,
    port: Number(new URL(url).port),
    output: () => text,
    said: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          if (pattern.test(text)) resolve()
        }
        waiting.push(look)
        look()
      }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
    },
  }
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

const configFor = (origin: string, extra: object = {}) => ({
  listeners: [{ port: 0, host: '127.0.0.1' }],
  admin: false,
  distributions: {
    main: {
      origins: { o: { url: origin } },
      defaultBehavior: { origin: 'o', cachePolicy: 'CachingDisabled' },
    },
  },
  ...extra,
})

test('SIGTERM drains: the request in flight ends well, new connections are refused, the log is whole, exit 0', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  const asked = Promise.withResolvers<{ write(text: string): void }>()
  await using origin = await scriptOrigin((_head, socket) => asked.resolve(socket))
  await using edge = await startCommand(
    ['--config', '-'],
    JSON.stringify(configFor(origin.url, { log: { access: { folder, gzip: false } } })),
  )
  const viewer = await dial(edge.port)
  viewer.socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
  const socket = await asked.promise
  edge.child.kill('SIGTERM')
  await edge.said(/drain/)
  await assert.rejects(dial(edge.port), /ECONNREFUSED/)
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone')
  await viewer.until(/done$/)
  assert.equal(await exitOf(edge.child), 0)
  const [file] = (await readdir(folder)).filter((name) => !name.startsWith('.'))
  const lines = (await readFile(join(folder, file!), 'utf8')).trim().split('\n')
  assert.equal(lines.filter((line) => line.includes('/slow')).length, 1)
  await rm(folder, { recursive: true })
})

test('SIGHUP swaps the plan; a configuration that is wrong keeps the old one and says why', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  const file = join(folder, 'edgeward.config.json')
  await using one = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none'),
  )
  await using two = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo'),
  )
  await writeFile(file, JSON.stringify(configFor(one.url)))
  await using edge = await startCommand([file])
  assert.equal(await (await fetch(edge.url)).text(), 'one')
  await writeFile(file, JSON.stringify(configFor(two.url)))
  edge.child.kill('SIGHUP')
  await edge.said(/reloaded/)
  assert.equal(await (await fetch(edge.url)).text(), 'two')
  await writeFile(file, JSON.stringify({ ...configFor(one.url), nonsense: 1 }))
  edge.child.kill('SIGHUP')
  await edge.said(/old configuration stays/)
  await edge.said(/nonsense/)
  assert.equal(await (await fetch(edge.url)).text(), 'two')
  await rm(folder, { recursive: true })
})

test('--watch reloads when the file changes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  const file = join(folder, 'edgeward.config.json')
  await using two = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo'),
  )
  await writeFile(file, JSON.stringify(configFor('http://127.0.0.1:1')))
  await using edge = await startCommand([file, '--watch'])
  await writeFile(file, JSON.stringify(configFor(two.url)))
  await edge.said(/reloaded/)
  assert.equal(await (await fetch(edge.url)).text(), 'two')
  await rm(folder, { recursive: true })
})

test('a configuration with problems is one report and exit 2; a port in use is a sentence and exit 1', async () => {
  const wrong = spawn(process.execPath, [LAUNCHER, 'start', '--config', '-'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let text = ''
  wrong.stderr.on('data', (chunk) => (text += chunk))
  wrong.stdin.end(
    JSON.stringify({
      listeners: [{ port: 'x' }],
      distributions: { a: { origins: {}, defaultBehavior: { origin: 'gone' } } },
      extra: 1,
    }),
  )
  assert.equal(await exitOf(wrong), 2)
  for (const part of ['listeners[0].port', 'distributions.a.defaultBehavior.origin', 'extra'])
    assert.ok(text.includes(part), `${part} in ${text}`)

  await using origin = await scriptOrigin(() => {})
  const busy = spawn(process.execPath, [LAUNCHER, 'start', '--config', '-', '--port', String(origin.port)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let said = ''
  busy.stderr.on('data', (chunk) => (said += chunk))
  busy.stdin.end(JSON.stringify(configFor(origin.url)))
  assert.equal(await exitOf(busy), 1)
  assert.match(said, /port \d+ is in use/)
})

test('two processes share the port, and both drain', async () => {
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  )
  await using edge = await startCommand(
    ['--config', '-'],
    JSON.stringify(configFor(origin.url, { processes: 2 })),
  )
  for (let i = 0; i < 20; i++)
    assert.equal((await fetch(edge.url, { headers: { connection: 'close' } })).status, 200)
  edge.child.kill('SIGTERM')
  assert.equal(await exitOf(edge.child), 0)
})
