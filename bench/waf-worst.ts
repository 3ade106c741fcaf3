/**
 * The slowest of 10,000 mutated attack requests at paranoia level 4: CPU time of one evaluation of the Core Rule Set.
 *
 * Attacks come from the corpora (`../shared/corpora` or `$EDGEWARD_CORPORA`) where they are, and always from patterns
 * that are known to make backtracking engines slow. The mutations are the same in every run.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { compileCrs } from '../src/waf/crs/compile-crs.ts'
import type { CrsRequest } from '../src/waf/crs/crs-facts.ts'
import { enableLinearEngine } from '../src/waf/regex/linear-engine.ts'
import { corpus } from '../test/support/corpora.ts'

enableLinearEngine()

const RULES = '/usr/share/modsecurity-crs'
const MAX_CPU_MS = 20
/** Longest value: what a head of 32 KB leaves room for, and as much in a body. */
const MAX_VALUE = 16_384
const { values: options } = parseArgs({
  options: { requests: { type: 'string', default: '10000' }, show: { type: 'boolean', default: false } },
})

/** Shapes that hurt: long runs of one thing, and of things that many patterns may begin with. */
const HARD = [
  'a',
  ' ',
  "'",
  '"',
  '(',
  ')',
  '<',
  '=',
  '/',
  '../',
  '\\',
  '%',
  '&',
  ';',
  '-',
  '--',
  '/*',
  '*/',
  '`',
  '{',
  '${',
  '#',
  '\n',
  '0',
  '1=1 or ',
  "' or ",
  'union select ',
  'select ',
  'aaaa(',
  "x' and ",
  '<a ',
  '<a href=',
  'on',
  'onx=',
  ' on x=',
  'style=',
  'javascript:',
  'eval(',
  '@@',
  '&#x',
  '\\x41',
  '\\u0041',
  '%u0041',
  '!@#$%^&*',
  'a b ',
  'a.b',
  'a;b|',
  "'a'||",
  'case when ',
  'n(',
  'x=x ',
  '"a":',
  'ns:',
  'é',
  '\xff',
  'a\t',
  '1,',
  '<?',
  '[a]',
  'cmd /c ',
  'bash -c ',
]

/** A small generator (xorshift), so that a run can be repeated. */
function random(): (below: number) => number {
  let state = 0x9e3779b9
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

function attacks(): string[] {
  const folder = corpus('sqli-xss')
  if (folder === undefined) return [...HARD]
  const lines = globSync('*.txt', { cwd: folder }).flatMap((file) =>
    readFileSync(path.join(folder, file), 'latin1').split('\n'),
  )
  return [...HARD, ...lines.filter((line) => line !== '' && !line.startsWith('#')).map(decode)]
}

function decode(line: string): string {
  return line.replaceAll(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

const below = random()

function mutate(list: readonly string[]): string {
  const pick = (): string => list[below(list.length)]!
  let value = pick()
  for (let rounds = below(4); rounds >= 0; rounds--) {
    switch (below(6)) {
      case 0:
        value = value.repeat(1 + below(64))
        break
      case 1:
        value += HARD[below(HARD.length)]!.repeat(1 + below(4_096))
        break
      case 2:
        value = HARD[below(HARD.length)]!.repeat(1 + below(2_048)) + value
        break
      case 3:
        value += pick()
        break
      case 4: {
        const at = below(value.length + 1)
        value = value.slice(0, at) + String.fromCharCode(below(256)) + value.slice(at)
        break
      }
      case 5: {
        const at = below(value.length + 1)
        value = value.slice(0, at) + HARD[below(HARD.length)]! + value.slice(at)
      }
    }
    value = value.slice(0, MAX_VALUE)
  }
  return value
}

const encode = (value: string): string =>
  value.replaceAll(/[^\w.-]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

interface Sample {
  readonly request: CrsRequest
  readonly body: string
  readonly value: string
}

function sample(list: readonly string[]): Sample {
  const value = mutate(list)
  const headers = ['Host', 'example.com', 'User-Agent', 'Mozilla/5.0', 'Accept', '*/*']
  let query: string | undefined
  let body = ''
  switch (below(5)) {
    case 0:
    case 1:
      query = `q=${encode(value)}`
      break
    case 2:
      headers.push('Content-Type', 'application/x-www-form-urlencoded')
      body = `a=1&q=${encode(value)}`
      break
    case 3:
      headers.push('Content-Type', 'application/json')
      body = JSON.stringify({ q: value, list: [1, 'x'] })
      break
    case 4:
      headers.push('Cookie', `c=${value.replaceAll(/[\0\r\n]/g, ' ')}`)
  }
  if (body !== '') headers.push('Content-Length', String(body.length))
  const request: CrsRequest = {
    id: 'worst',
    method: body === '' ? 'GET' : 'POST',
    path: '/search',
    query,
    protocol: 'HTTP/1.1',
    headers,
    remoteAddress: '192.0.2.1',
    remotePort: 50_000,
    serverAddress: '192.0.2.2',
    serverPort: 443,
    host: 'example.com',
    now: 0,
    countryOf: () => undefined,
  }
  return { request, body, value }
}

function cpuMs(run: () => void): number {
  const before = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

if (!existsSync(RULES)) {
  console.log('the rules are not here; npm run setup installs modsecurity-crs')
  console.log('RESULT name=waf-worst skipped=no-rules')
} else {
  const { engine } = compileCrs({ path: RULES, paranoia: 4 })
  const list = attacks()
  const count = Number(options.requests)
  const slow: { ms: number; sample: Sample }[] = []
  let total = 0
  let blocked = 0
  for (let i = 0; i < count; i++) {
    const each = sample(list)
    const ms = cpuMs(() => {
      if (engine.evaluateRequest(each.request, each.body).request.ruling !== undefined) blocked++
    })
    total += ms
    slow.push({ ms, sample: each })
    if (options.show && i % 1_000 === 999) console.error(`${i + 1} done`)
    if (slow.length > 2_000) {
      slow.sort((a, b) => b.ms - a.ms)
      slow.length = 50
    }
  }
  slow.sort((a, b) => b.ms - a.ms)
  // What the compiler or the collector took by chance goes away when a request is tried again.
  const settled = slow.slice(0, 50).map(({ ms, sample: each }) => {
    let best = ms
    for (let i = 0; i < 3; i++)
      best = Math.min(
        best,
        cpuMs(() => void engine.evaluateRequest(each.request, each.body)),
      )
    return { ms: best, sample: each }
  })
  settled.sort((a, b) => b.ms - a.ms)
  for (const { ms, sample: each } of settled.slice(0, options.show ? 10 : 3)) {
    const shape = `${each.value.length} bytes, ${JSON.stringify(each.value.slice(0, 60))} … ${JSON.stringify(each.value.slice(-40))}`
    console.log(`${ms.toFixed(2).padStart(7)} ms  ${shape}`)
  }
  const worst = settled[0]!.ms
  console.log(
    `${count} requests, ${blocked} blocked, ${(total / count).toFixed(3)} ms each, slowest ${worst.toFixed(2)} ms (bound ${MAX_CPU_MS})`,
  )
  if (worst >= MAX_CPU_MS) process.exitCode = 1
  console.log(
    `RESULT name=waf-worst worst_ms=${worst.toFixed(2)} mean_ms=${(total / count).toFixed(3)} requests=${count}`,
  )
}
