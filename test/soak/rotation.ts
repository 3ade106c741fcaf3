/**
 * A secret that rotates under traffic: 100,000 requests through a running edge to an Express and an nginx origin while
 * the secret rotates 20 times, with a crash in each of the four steps. Must hold: no viewer is refused, nobody who
 * comes around the edge is let in, neither without a value nor with one that is dead, the end is consistent, and no
 * value shows in any log, error, trace, capture or answer of the control API.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { Agent, createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import express from 'express'
import { readPlan } from '../../src/cli/module-commands.ts'
import { digestOf, readAccepted } from '../../src/modules/origin-verify/accepted.ts'
import { createOriginVerifier, expressOriginVerify } from '../../src/modules/origin-verify/origin.ts'
import { writeSnippet } from '../../src/modules/origin-verify/snippets.ts'
import { rotationSteps, type RotationStep } from '../../src/seams/secrets/audit.ts'
import { acceptedVersions, rotationState } from '../../src/seams/secrets/rotation.ts'
import { NGINX, startNginx } from '../support/nginx.ts'
import { freePort } from '../support/free-port.ts'

const REQUESTS = Number(process.argv[2] ?? 100_000)
const ROTATIONS = Number(process.argv[3] ?? 20)
const CONNECTIONS = 16
/** Requests per second. */
const FAST = 1_000
const SLOW = 100
const SECRET = 'origin-verify'
const root = join(import.meta.dirname, '..', '..')
const launcher = join(root, 'bin', 'edgeward.cjs')

if (NGINX === undefined) {
  console.log('nginx is not installed: npm run setup')
  console.log('RESULT name=rotation skipped=nginx-missing')
  process.exit(0)
}

const folder = await mkdtemp(join(tmpdir(), 'edgeward-rotation-'))
const dataFolder = join(folder, 'data')
const acceptedFile = join(folder, 'accepted.json')
const snippetFile = join(folder, 'verify.conf')
/** What people and programs were told, for the search at the end. */
const told: { readonly where: string; readonly text: string }[] = []
const hear = (where: string, text: string) => void told.push({ where, text })

// The Express origin logs every header that its application sees.
const appLog = createWriteStream(join(folder, 'express.log'))
const verifier = createOriginVerifier({ file: acceptedFile, report: (problem) => hear('verifier', problem) })
const app = express()
app.use(expressOriginVerify(verifier))
app.use((request, response) => {
  appLog.write(`${JSON.stringify([request.url, request.headers, request.rawHeaders])}\n`)
  response.send('from express')
})
const node = createServer(app)
node.keepAliveTimeout = 60_000
node.listen(0, '127.0.0.1')
await once(node, 'listening')
const nodePort = (node.address() as AddressInfo).port

const nginxPort = await freePort()
await writeFile(snippetFile, writeSnippet('nginx', 'X-Origin-Verify', []), { mode: 0o600 })
const nginx = await startNginx(
  join(folder, 'nginx'),
  nginxPort,
  `  include ${snippetFile};
  server {
    listen 127.0.0.1:${nginxPort};
    if ($edgeward_origin_verified = 0) { return 403; }
    location / { return 200 "from nginx"; }
  }`,
)

const test = { stableMs: 500, everyMs: 100, timeoutSeconds: 30 }
const behavior = { cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer' }
const adminPort = await freePort()
const config = join(folder, 'edgeward.config.json')
await writeFile(
  config,
  JSON.stringify({
    listeners: [{ port: 0, host: '127.0.0.1' }],
    admin: { port: adminPort },
    dataFolder,
    log: {
      access: { folder: join(folder, 'log') },
      capture: { folder: join(folder, 'capture'), sample: 0.02 },
    },
    distributions: {
      soak: {
        origins: {
          express: {
            url: `http://127.0.0.1:${nodePort}`,
            originVerify: { rotateEverySeconds: false, test, tell: [{ file: acceptedFile }] },
          },
          nginx: {
            url: `http://127.0.0.1:${nginxPort}`,
            originVerify: {
              rotateEverySeconds: false,
              test,
              tell: [{ nginx: snippetFile, reload: nginx.reload }],
            },
          },
        },
        behaviors: [{ path: '/express/*', origin: 'express', ...behavior }],
        defaultBehavior: { origin: 'nginx', ...behavior },
      },
    },
  }),
)

const edge = spawn(process.execPath, [launcher, 'start', '--config', config], {
  stdio: ['ignore', 'pipe', 'pipe'],
})
process.on('exit', () => edge.kill('SIGKILL'))
edge.stderr.on('data', (chunk) => hear('edge stderr', String(chunk)))
const url = await new Promise<string>((resolve, reject) => {
  createInterface({ input: edge.stdout }).on('line', (line) => {
    hear('edge stdout', line)
    const found = /^edgeward listening on (\S+)$/.exec(line)?.[1]
    if (found !== undefined) resolve(found)
  })
  edge.on('exit', (code) => reject(new Error(`the edge ended with ${code}: ${JSON.stringify(told)}`)))
})
const edgePort = Number(new URL(url).port)

const read = await readPlan(config, { out: console.log, error: console.error, isTerminal: false })
if (read === undefined) throw new Error('the configuration is wrong')
const secrets = await read.openSeams().secrets()
const handle = secrets.handle(SECRET)
/** Every value that ever was. */
const values = new Map<string, string>()

let sent = 0
let refused = 0
let directAsked = 0
let directAccepted = 0
let rotations = 0
let crashes = 0
/** Values that had died before the rotation that is going on began. */
let dead: readonly string[] = []
const oddities: string[] = []

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
const around = new Agent({ keepAlive: true, maxSockets: 4 })
const startedAt = performance.now()
await waitUntil('both origins answer through the edge', async () => {
  const [a, b] = await Promise.all([ask(edgePort, '/express/x', agent), ask(edgePort, '/x', agent)])
  return a === 200 && b === 200
})
const progress = setInterval(
  () =>
    process.stderr.write(`\r${sent} requests, ${rotations} of ${ROTATIONS} rotations, ${crashes} crashes `),
  1000,
)
await Promise.all([
  rotateAll(),
  ...Array.from({ length: CONNECTIONS }, (_, index) => viewer(index)),
  stranger(nodePort),
  stranger(nginxPort),
  listen(),
])
clearInterval(progress)
process.stderr.write('\r')

// The end: labels, both origins and the edge agree.
await secrets.refresh()
const snapshot = handle.current!
const accepted = acceptedVersions(snapshot).map(({ value }) => value.reveal())
const isConsistent =
  rotationState(snapshot).kind === 'idle' &&
  accepted.length === 2 &&
  readAccepted(await readFile(acceptedFile, 'utf8')).sha256.join() === accepted.map(digestOf).join() &&
  (await readFile(snippetFile, 'utf8')) === writeSnippet('nginx', 'X-Origin-Verify', accepted)
if (!isConsistent) oddities.push('the end is not consistent')

edge.kill('SIGTERM')
const [code] = (await once(edge, 'exit')) as [number | null]
if (code !== 0) oddities.push(`the edge ended with ${code}`)
agent.destroy()
around.destroy()
verifier.close()
node.closeAllConnections()
node.close()
appLog.end()
await once(appLog, 'close')
await nginx[Symbol.asyncDispose]()
await secrets.close()

const { searched, found, known } = await search()
// The search itself is tried where it must find something.
if (known === 0) oddities.push('the search does not find the values that nginx was given')
for (const place of found) oddities.push(`a value shows in ${place}`)
await rm(folder, { recursive: true })

console.log(
  `${sent} requests through the edge, ${refused} refused; ${directAsked} around it, ${directAccepted} let in; ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
)
console.log(`${values.size} values searched for in ${searched} files and answers, found in ${found.length}`)
for (const oddity of new Set(oddities)) console.log(oddity)
const holds =
  refused === 0 &&
  directAccepted === 0 &&
  rotations === ROTATIONS &&
  // A shorter run comes to fewer of them.
  crashes === Math.min(rotationSteps.length, Math.floor((ROTATIONS + 2) / 5)) &&
  found.length === 0 &&
  oddities.length === 0
console.log(
  `RESULT name=rotation requests=${sent} refused=${refused} direct_accepted=${directAccepted} rotations=${rotations} crashes=${crashes} direct_asked=${directAsked} values=${values.size} leaks=${found.length}`,
)
process.exit(holds ? 0 : 1)

function isOver(): boolean {
  return sent >= REQUESTS && rotations >= ROTATIONS
}

/** A viewer on a connection of its own, at its share of the rate. */
async function viewer(index: number): Promise<void> {
  let due = performance.now()
  for (let mine = 0; !isOver(); mine++) {
    // Ahead of its share it goes on slowly, so that no moment of a rotation is without requests.
    const isAhead = sent / REQUESTS > (rotations + 1) / ROTATIONS
    due = Math.max(due, performance.now() - 1000) + (CONNECTIONS * 1000) / (isAhead ? SLOW : FAST)
    const wait = due - performance.now()
    if (wait > 1) await delay(wait)
    sent++
    const path = (mine + index) % 2 === 0 ? `/express/${sent}` : `/${sent}`
    const status = await ask(edgePort, path, agent)
    if (status === 200) continue
    refused++
    oddities.push(`a viewer got ${status} for ${path.replace(/\d+$/, 'N')}`)
  }
}

/** Comes around the edge, without a value, with a wrong one, and with every value that is dead. */
async function stranger(port: number): Promise<void> {
  while (!isOver()) {
    for (const value of [undefined, 'x'.repeat(43), ...dead]) {
      directAsked++
      const status = await ask(port, '/', around, value)
      if (status === 403) continue
      directAccepted++
      oddities.push(
        `${port === nodePort ? 'express' : 'nginx'} let in ${value === undefined ? 'no value' : 'a dead or wrong value'}: ${status}`,
      )
    }
    await delay(50)
  }
}

function remember(): void {
  for (const { id, value } of handle.current?.versions ?? []) values.set(id, value.reveal())
}

async function rotateAll(): Promise<void> {
  remember()
  for (let turn = 0; turn < ROTATIONS; turn++) {
    // Every fifth is killed first, in one step after the other.
    const step = turn % 5 === 2 ? rotationSteps[(turn - 2) / 5] : undefined
    if (step !== undefined) await crash(step)
    const { status, text } = await cli('secrets', 'rotate', SECRET, '--config', config)
    if (status === 0) rotations++
    else oddities.push(`rotation ${turn} failed: ${text.trim()}`)
    if (status === 0 && step !== undefined && !text.includes('had broken off'))
      oddities.push(`the rotation killed in ${step} was not resumed: ${text.trim()}`)
    await secrets.refresh()
    remember()
    const live = new Set(acceptedVersions(handle.current!).map(({ id }) => id))
    dead = [...values]
      .filter(([id]) => !live.has(id))
      .map(([, value]) => value)
      .slice(-3)
    await cli('secrets', 'list', '--config', config)
    await cli('secrets', 'history', SECRET, '--config', config)
  }
}

async function crash(step: RotationStep): Promise<void> {
  const { signal, text } = await run([
    join(import.meta.dirname, 'rotation', 'rotator.ts'),
    config,
    SECRET,
    step,
  ])
  if (signal === 'SIGKILL') crashes++
  else oddities.push(`the rotator was not killed in ${step}: ${text.trim()}`)
  await secrets.refresh()
  remember()
}

/** Reads everything the control API tells, again and again. */
async function listen(): Promise<void> {
  const token = (await readFile(join(dataFolder, 'admin-token'), 'utf8')).trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  while (!isOver()) {
    for (const path of [
      ...['/metrics', '/plan', '/visits?limit=100', '/origin-verify', '/nowhere'],
      ...['/origin-verify/soak/express', '/origin-verify/soak/nginx', '/origin-verify/soak/nobody'],
    ]) {
      const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { headers })
      hear(`admin ${path}`, await response.text())
    }
    const explained = await fetch(`http://127.0.0.1:${adminPort}/explain`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ url: `${url}/express/x` }),
    })
    hear('admin /explain', await explained.text())
    await delay(1000)
  }
}

async function cli(...args: string[]): Promise<{ status: number | null; text: string }> {
  const { status, text } = await run([launcher, ...args])
  hear(`edgeward ${args.slice(0, 2).join(' ')}`, text)
  return { status, text }
}

async function run(
  args: readonly string[],
): Promise<{ status: number | null; signal: NodeJS.Signals | null; text: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  child.stderr.on('data', (chunk) => (text += String(chunk)))
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { status, signal, text }
}

function ask(port: number, path: string, through: Agent, value?: string): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = value === undefined ? {} : { 'x-origin-verify': value }
    const request = httpRequest({ port, host: '127.0.0.1', agent: through, path, headers }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', (error) => resolve(error.message))
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      // An origin that reloads closes idle connections; a stranger asks again.
      if (error.code === 'ECONNRESET' && request.reusedSocket && through === around)
        ask(port, path, through, value).then(resolve, () => resolve(0))
      else resolve(error.message)
    })
    request.end()
  })
}

/** Every value, as it is and in the encodings it could hide in, in all that was written or told. */
async function search(): Promise<{ searched: number; found: string[]; known: number }> {
  // Who must know a value in clear: nginx, which compares it; and the sealed file, which nobody reads without its key.
  const exempt = new Set([snippetFile])
  const texts = [...told.map(({ where, text }) => ({ where, bytes: Buffer.from(text) }))]
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name)
    if (exempt.has(path) || !(await stat(path)).isFile()) continue
    const bytes = await readFile(path)
    texts.push({ where: name, bytes: name.endsWith('.gz') ? gunzipSync(bytes) : bytes })
  }
  const found = new Set<string>()
  const snippet = await readFile(snippetFile)
  let known = 0
  for (const value of values.values()) {
    const forms = [
      value,
      Buffer.from(value).toString('base64').replace(/=+$/, ''),
      Buffer.from(value).toString('hex'),
    ]
    for (const { where, bytes } of texts) if (forms.some((form) => bytes.includes(form))) found.add(where)
    if (forms.some((form) => snippet.includes(form))) known++
  }
  return { searched: texts.length, found: [...found], known }
}

async function waitUntil(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await look()) return
    await delay(50)
  }
  throw new Error(`never happened: ${what}; ${JSON.stringify(told.slice(-5))}`)
}
