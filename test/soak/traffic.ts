/**
 * Real traffic for a while: 200,000 requests with methods, paths, queries, referrers and user agents of real access
 * logs, against origins that fail one time in twenty. Must hold: every response has its log line, and the heap after
 * forced collection stays within a tenth of its value after the first 20,000.
 */
import { createReadStream, existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { Agent, createServer, request as httpRequest } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createGunzip, gunzipSync } from 'node:zlib'
import { compilePlan } from '../../src/config/compile.ts'
import { checkConfig } from '../../src/config/check.ts'
import { startEdge } from '../../src/edge.ts'
import type { OperationalLogger } from '../../src/log/operational.ts'

const REQUESTS = Number(process.argv[2] ?? 200_000)
const SETTLED = Math.min(20_000, REQUESTS / 2)
const CONNECTIONS = 32
const corpora =
  process.env['EDGEWARD_CORPORA'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'corpora')
const logs = join(corpora, 'logs')

interface Sample {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
}

if (!existsSync(logs)) {
  console.log(`no corpora in ${corpora}; set EDGEWARD_CORPORA`)
  console.log('RESULT name=traffic skipped=corpora-missing')
  process.exit(0)
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const samples = [
  ...(await readApache(join(logs, 'apache_access_2015.log.gz'))),
  ...(await readCloudFront(join(logs, 'cf-access-log-sample.gz'))),
]

const origin = createServer((request, response) => {
  request.resume()
  const dice = random()
  if (dice < 0.0125) response.destroy()
  else if (dice < 0.025) {
    response.statusCode = 500
    response.end('failed')
  } else if (dice < 0.0375) {
    response.setHeader('content-length', 5000)
    response.write('only a part')
    setImmediate(() => response.destroy())
  } else if (dice < 0.05) response.socket?.end('rubbish\r\n\r\n')
  else response.end('x'.repeat(Math.floor(random() * 4000)))
})
origin.listen(0, '127.0.0.1')
await once(origin, 'listening')

const folder = await mkdtemp(join(tmpdir(), 'edgeward-soak-'))
const { checked, problems } = await checkConfig(
  {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    admin: false,
    log: { access: { folder } },
    distributions: {
      soak: {
        origins: { o: { url: `http://127.0.0.1:${(origin.address() as AddressInfo).port}` } },
        defaultBehavior: {
          origin: 'o',
          allowedMethods: 'all',
          cachePolicy: 'CachingDisabled',
          originRequestPolicy: 'AllViewer',
        },
      },
    },
  },
  folder,
)
if (checked === undefined) throw new Error(JSON.stringify(problems))
const silent = { info() {}, warn() {}, error() {}, debug() {} } as unknown as OperationalLogger
const edge = await startEdge({
  plan: compilePlan(checked, { baseFolder: folder, version: 1 }),
  operational: silent,
})
const { port } = edge.listeners[0]!

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
const ids = new Set<string>()
let answered = 0
let cut = 0
let sent = 0
let heapSettled = 0
const statuses = new Map<number, number>()

await runTo(SETTLED)
await edge.log.flush()
heapSettled = heapNow()
await runTo(REQUESTS)
await edge.log.flush()
const heapEnd = heapNow()
agent.destroy()
await edge.stop()
origin.closeAllConnections()
origin.close()

const logged = new Set<string>()
let lines = 0
for (const name of await readdir(folder)) {
  const bytes = await readFile(join(folder, name))
  for (const line of (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    lines++
    logged.add(line.split('\t')[14]!)
  }
}
await rm(folder, { recursive: true })
let unlogged = 0
for (const id of ids) if (!logged.has(id)) unlogged++
const growth = heapEnd / heapSettled
console.log(
  `requests ${sent}, answered ${answered}, cut off ${cut}, log lines ${lines}, without a line ${unlogged}`,
)
console.log(
  `statuses ${[...statuses]
    .toSorted((a, b) => a[0] - b[0])
    .map(([status, count]) => `${status}: ${count}`)
    .join(', ')}`,
)
console.log(
  `heap after collection: ${(heapSettled / 1e6).toFixed(1)} MB after ${SETTLED}, ${(heapEnd / 1e6).toFixed(1)} MB after ${REQUESTS}`,
)
const holds = unlogged === 0 && lines >= sent && growth <= 1.1
console.log(
  `RESULT name=traffic requests=${sent} answered=${answered} cut=${cut} lines=${lines} unlogged=${unlogged} heap_growth=${growth.toFixed(3)}`,
)
process.exit(holds ? 0 : 1)

async function runTo(total: number): Promise<void> {
  const progress = setInterval(() => process.stderr.write(`\r${sent} of ${REQUESTS}`), 1000)
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (sent < total) await ask(samples[sent++ % samples.length]!)
    }),
  )
  clearInterval(progress)
  process.stderr.write('\r')
}

function ask(sample: Sample): Promise<void> {
  return new Promise((resolve) => {
    const body = sample.method === 'POST' || sample.method === 'PUT' ? 'a=1' : undefined
    const request = httpRequest(
      { port, host: '127.0.0.1', agent, method: sample.method, path: sample.path, headers: sample.headers },
      (response) => {
        const id = response.headers['x-amz-cf-id']
        if (typeof id === 'string') ids.add(id)
        statuses.set(response.statusCode!, (statuses.get(response.statusCode!) ?? 0) + 1)
        response.resume()
        response.on('end', () => (answered += 1))
        response.on('error', () => (cut += 1))
        response.on('close', resolve)
      },
    )
    request.on('error', () => resolve())
    request.end(body)
  })
}

function heapNow(): number {
  collect()
  collect()
  // What this program itself remembers of the requests is not the edge's.
  return process.memoryUsage().heapUsed - ids.size * 160
}

async function readApache(file: string): Promise<Sample[]> {
  const found: Sample[] = []
  for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) {
    const match = /"([A-Z]+) (\S+) HTTP\/1\.[01]" \d+ \S+ "([^"]*)" "([^"]*)"/.exec(line)
    if (match === null || !match[2]!.startsWith('/') || /[^\x21-\x7e]|#/.test(match[2]!)) continue
    found.push({
      method: match[1]!,
      path: match[2]!,
      headers: { referer: clean(match[3]!), 'user-agent': clean(match[4]!) },
    })
  }
  return found
}

async function readCloudFront(file: string): Promise<Sample[]> {
  const found: Sample[] = []
  for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) {
    const fields = line.split('\t')
    const [method, stem, query] = [fields[5], fields[7], fields[11]]
    if (method === undefined || stem === undefined || !/^[A-Z]+$/.test(method) || /[^\x21-\x7e]|#/.test(stem))
      continue
    const path = `/${stem.replace(/^\//, '')}${query === undefined || query === '-' ? '' : `?${query.replace(/[^\x21-\x7e]|#/g, '')}`}`
    found.push({
      method,
      path,
      headers: { referer: clean(fields[9] ?? ''), 'user-agent': clean(fields[10] ?? '') },
    })
  }
  return found
}

function clean(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '')
}

/** The same dice at every run. */
function random(): number {
  const state = globalThis as { soakSeed?: number }
  state.soakSeed = ((state.soakSeed ?? 42) * 1_664_525 + 1_013_904_223) % 4_294_967_296
  return state.soakSeed / 4_294_967_296
}
