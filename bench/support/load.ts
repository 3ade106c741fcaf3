import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import path from 'node:path'
import { findCommand, temporaryFolder } from './server-process.ts'

export interface Load {
  /** `http://HOST:PORT` or `https://…`, without a path. */
  readonly url: string
  /** Asked for in turn by every connection. */
  readonly paths?: readonly string[]
  readonly connections: number
  readonly seconds: number
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface LoadReport {
  readonly client: 'wrk' | 'node'
  /** Answers that came, whatever their status. */
  readonly requests: number
  readonly seconds: number
  /** Connections and reads that failed or timed out. */
  readonly errors: number
  /** Answers with a status of 400 and more. */
  readonly badStatuses: number
  /** Middle and 99th percentile of the time to an answer; 0 where the client does not tell. */
  readonly p50Ms: number
  readonly p99Ms: number
}

/**
 * Keeps `connections` connections busy for `seconds`, each asking again as soon as it is answered. With wrk where it
 * is installed; else with a client in this process, which is slower but counts the same.
 */
export function generateLoad(load: Load): Promise<LoadReport> {
  const wrk = findCommand('wrk')
  return wrk === undefined ? loadWithNode(load) : loadWithWrk(wrk, load)
}

async function loadWithWrk(wrk: string, load: Load): Promise<LoadReport> {
  using folder = temporaryFolder('wrk')
  const script = path.join(folder.path, 'load.lua')
  writeFileSync(script, luaFor(load))
  const args = [
    '-t1',
    `-c${load.connections}`,
    `-d${load.seconds}`,
    '--timeout',
    '10',
    '-s',
    script,
    load.url,
  ]
  const output = await outputOf(wrk, args)
  const report = /^REPORT (.*)$/m.exec(output)?.[1]
  if (report === undefined) throw new Error(`wrk gave no report for ${load.url}:\n${output}`)
  const [requests = 0, microseconds = 0, errors = 0, badStatuses = 0, p50 = 0, p99 = 0] = report
    .split(' ')
    .map(Number)
  return {
    client: 'wrk',
    requests,
    seconds: microseconds / 1e6,
    errors,
    badStatuses,
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
  }
}

/** The program of wrk: requests are made ready once, and the end prints numbers instead of prose. */
function luaFor({ paths = ['/'], method = 'GET', headers = {}, body }: Load): string {
  const fields = Object.entries(headers).map(([name, value]) => `[${lua(name)}]=${lua(value)}`)
  const formatted = paths.map((each) => `wrk.format(${lua(method)}, ${lua(each)}, headers, body)`)
  return `
local ready, turn = {}, 0
function init()
  local headers, body = wrk.headers, ${body === undefined ? 'nil' : lua(body)}
  for name, value in pairs({ ${fields.join(', ')} }) do headers[name] = value end
  ready = { ${formatted.join(', ')} }
end
function request()
  turn = turn % #ready + 1
  return ready[turn]
end
function done(summary, latency)
  local e = summary.errors
  print(string.format('REPORT %d %d %d %d %d %d', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.timeout, e.status, latency:percentile(50), latency:percentile(99)))
end
`
}

/** A string of Lua; everything but plain characters goes as a decimal escape. */
function lua(text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`)
  return `"${bytes.join('')}"`
}

function outputOf(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', reject)
    child.on('close', () => resolve(output))
  })
}

async function loadWithNode(load: Load): Promise<LoadReport> {
  const { url, paths = ['/'], connections, seconds } = load
  const agent = url.startsWith('https:')
    ? new HttpsAgent({ keepAlive: true, maxSockets: connections, rejectUnauthorized: false })
    : new Agent({ keepAlive: true, maxSockets: connections })
  const started = performance.now()
  const deadline = started + seconds * 1000
  const latencies: number[] = []
  let errors = 0
  let badStatuses = 0
  let turn = 0

  async function work(): Promise<void> {
    while (performance.now() < deadline) {
      const asked = performance.now()
      const status = await statusOf(`${url}${paths[turn++ % paths.length] ?? '/'}`, load, agent)
      if (status === undefined) errors++
      else latencies.push(performance.now() - asked)
      if (status !== undefined && status >= 400) badStatuses++
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  agent.destroy()

  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0
  return {
    client: 'node',
    requests: latencies.length,
    seconds: (performance.now() - started) / 1000,
    errors,
    badStatuses,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
}

/** The status of an answer that came whole, else undefined. */
function statusOf(
  url: string,
  { method = 'GET', headers = {}, body }: Load,
  agent: Agent,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const ask = url.startsWith('https:') ? requestHttps : request
    const asked = ask(url, { agent, method, headers }, (response) => {
      response.resume()
      response.on('error', () => resolve(undefined))
      response.on('close', () => resolve(response.complete ? response.statusCode : undefined))
    })
    asked.on('error', () => resolve(undefined))
    asked.end(body)
  })
}
