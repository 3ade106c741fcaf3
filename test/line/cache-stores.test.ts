import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createCli } from '../../src/cli/cli.ts'
import { countRequests } from '../support/counting-origin.ts'
import { runEdge } from '../support/running-edge.ts'
import { freePort } from '../support/free-port.ts'

const LAUNCHER = fileURLToPath(new URL('../../bin/edgeward.cjs', import.meta.url))
const BIG = Buffer.alloc(3_000_000, 'a big body that is longer than what is read whole. ')

/** A site where `/big` is long, `/red…` has a tag, `/not-stored` may not be kept, `/missing` is not there. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Cache-Control', 'max-age=3600')
  const path = request.url!
  if (path.startsWith('/red')) response.setHeader('Cache-Tag', 'red')
  if (path === '/not-stored') response.setHeader('Cache-Control', 'no-store')
  if (path === '/missing') response.statusCode = 404
  response.end(path.startsWith('/big') ? BIG : `this is ${path}`)
}

interface RunningCommand extends AsyncDisposable {
  readonly child: ChildProcess
  readonly url: string
}

interface Site extends AsyncDisposable {
  readonly folder: string
  readonly config: string
  start(): Promise<RunningCommand>
  /** Runs another command with the same configuration. */
  command(...argv: string[]): Promise<{ code: number; out: string; error: string }>
}

async function siteFor(originUrl: string, top: Record<string, unknown> = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  const config = join(folder, 'edgeward.config.json')
  const json = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    admin: { port: await freePort() },
    distributions: {
      main: {
        origins: { o: { url: originUrl } },
        defaultBehavior: {
          origin: 'o',
          cachePolicy: { defaultTtlSeconds: 3600, maxTtlSeconds: 86_400, queryStringBehavior: 'all' },
        },
      },
    },
    ...top,
  }
  await writeFile(config, JSON.stringify(json))
  return {
    folder,
    config,
    start: () => startCommand(config),
    async command(...argv) {
      const out: string[] = []
      const error: string[] = []
      const cli = createCli({
        out: (line) => out.push(line),
        error: (line) => error.push(line),
        isTerminal: false,
      })
      const code = await cli.run([...argv, '--config', config])
      return { code, out: out.join('\n'), error: error.join('\n') }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

async function startCommand(config: string): Promise<RunningCommand> {
  const child = spawn(process.execPath, [LAUNCHER, 'start', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stderr.on('data', (chunk) => (text += chunk))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^edgeward listening on (http:\/\/\S+)$/.exec(line)
      if (found !== null) resolve(found[1]!)
    })
    child.on('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)))
  })
  return {
    child,
    url,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

const xCache = (response: Response) => response.headers.get('x-cache')?.split(' ')[0]

test('what was stored is served after kill -9 without asking the origin: small, long, and ranges of it', async () => {
  await using origin = await countRequests(answer)
  await using site = await siteFor(origin.url)
  {
    await using edge = await site.start()
    for (const path of ['/small', '/big', '/red']) assert.equal((await fetch(edge.url + path)).status, 200)
    // The control API tells when all three are on disk.
    while (!/"disk"[^}]*"entries": 3/s.test(await statsOf(site))) await setImmediate()
    await fetchInvalidate(site)
    edge.child.kill('SIGKILL')
    await once(edge.child, 'exit')
  }
  await using edge = await site.start()
  const asked = origin.requests.length
  const small = await fetch(`${edge.url}/small`)
  assert.equal(await small.text(), 'this is /small')
  assert.equal(xCache(small), 'Hit')
  const big = await fetch(`${edge.url}/big`)
  assert.ok(Buffer.from(await big.arrayBuffer()).equals(BIG))
  assert.equal(xCache(big), 'Hit')
  const range = await fetch(`${edge.url}/big`, { headers: { range: 'bytes=2000000-2000009' } })
  assert.equal(range.status, 206)
  assert.ok(Buffer.from(await range.arrayBuffer()).equals(BIG.subarray(2_000_000, 2_000_010)))
  assert.equal(origin.requests.length, asked)
  assert.equal(xCache(await fetch(`${edge.url}/red`)), 'Miss', 'what was invalidated does not come back')
})

async function statsOf(site: Site): Promise<string> {
  const { port } = JSON.parse(await readText(site.config)).admin
  const token = (await readText(join(site.folder, '.edgeward', 'admin-token'))).trim()
  const response = await fetch(`http://127.0.0.1:${port}/cache`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return await response.text()
}

async function readText(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return await readFile(path, 'utf8')
}

async function fetchInvalidate(site: Site): Promise<void> {
  assert.deepEqual(await site.command('invalidate', '--tag', 'red'), {
    code: 0,
    out: '1 stored response removed',
    error: '',
  })
}

test('edgeward invalidate removes by path, tag, distribution or all, softly too, and says how many', async () => {
  await using origin = await countRequests(answer)
  await using site = await siteFor(origin.url)
  await using edge = await site.start()
  const fill = async (): Promise<void> => {
    for (const path of ['/a', '/a/1', '/a/2?q=1', '/red1', '/red2', '/big'])
      await (await fetch(edge.url + path)).text()
  }
  const states = async (): Promise<string> => {
    const found: string[] = []
    for (const path of ['/a', '/a/1', '/a/2?q=1', '/red1', '/red2', '/big']) {
      const response = await fetch(edge.url + path)
      await response.arrayBuffer()
      found.push(xCache(response) ?? '')
    }
    return found.join(' ')
  }
  const CASES = [
    { argv: ['/a'], out: '1 stored response removed', states: 'Miss Hit Hit Hit Hit Hit' },
    { argv: ['/a/*', '/big'], out: '3 stored responses removed', states: 'Hit Miss Miss Hit Hit Miss' },
    { argv: ['/a/2'], out: '0 stored responses removed', states: 'Hit Hit Hit Hit Hit Hit' },
    { argv: ['--tag', 'red'], out: '2 stored responses removed', states: 'Hit Hit Hit Miss Miss Hit' },
    {
      argv: ['--tag', 'red', '/red1'],
      out: '2 stored responses removed',
      states: 'Hit Hit Hit Miss Miss Hit',
    },
    {
      argv: ['--distribution', 'main'],
      out: '6 stored responses removed',
      states: 'Miss Miss Miss Miss Miss Miss',
    },
    { argv: ['--all'], out: '6 stored responses removed', states: 'Miss Miss Miss Miss Miss Miss' },
    {
      argv: ['--all', '--soft'],
      out: '6 stored responses marked stale',
      states: /^(?:(?:Miss|RefreshHit) ?){6}$/,
    },
  ] as const
  for (const { argv, out, states: wanted } of CASES) {
    await fill()
    assert.deepEqual(await site.command('invalidate', ...argv), { code: 0, out, error: '' })
    if (typeof wanted === 'string') assert.equal(await states(), wanted, argv.join(' '))
    else assert.match(await states(), wanted)
  }
  const WRONG = [
    { argv: [], code: 2, error: /say what/ },
    { argv: ['a'], code: 2, error: /does not begin with/ },
    { argv: ['--all', '/a'], code: 2, error: /leave out/ },
    { argv: ['--distribution', 'other'], code: 1, error: /there is no distribution other; known: main/ },
    { argv: [`/${'x'.repeat(4000)}`], code: 1, error: /4000/ },
  ]
  for (const { argv, code, error } of WRONG) {
    const result = await site.command('invalidate', ...argv)
    assert.equal(result.code, code, argv.join(' '))
    assert.match(result.error, error)
  }
})

test('edgeward warm fills the cache from lists, sitemaps and URLs, and says what came of it', async () => {
  await using origin = await countRequests(answer)
  await using site = await siteFor(origin.url)
  const list = join(site.folder, 'urls.txt')
  const before = await site.command('warm', 'http://localhost/x')
  assert.equal(before.code, 1)
  assert.match(before.error, /no edge answers on/)
  await using edge = await site.start()

  await writeFile(list, '# pages\n/one\n\n/two?x=1\n/big\nhttp://example.com/three\n/one\n')
  const first = await site.command('warm', list, '--base', edge.url)
  assert.deepEqual([first.code, first.error], [0, ''])
  assert.match(first.out, /^4 URLs: 4 stored, 0 already fresh, 0 not stored, 0 failed; 3\.0 MB in [\d.]+ s$/)
  const asked = origin.requests.length
  for (const path of ['/one', '/two?x=1', '/big', '/three']) {
    assert.equal(xCache(await fetch(edge.url + path)), 'Hit', path)
  }
  assert.equal(origin.requests.length, asked)

  const sitemap = join(site.folder, 'sitemap.xml')
  await writeFile(
    sitemap,
    `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
     <url><loc>http://example.com/one</loc></url><url><loc> http://example.com/four?a=1&amp;b=2 </loc></url></urlset>`,
  )
  const second = await site.command('warm', sitemap, '--concurrency', '1')
  assert.equal(second.code, 0)
  assert.match(second.out, /2 URLs: 1 stored, 1 already fresh/)
  assert.equal(xCache(await fetch(`${edge.url}/four?a=1&b=2`)), 'Hit')

  const third = await site.command('warm', `${edge.url}/not-stored`, `${edge.url}/missing`, '--json')
  assert.equal(third.code, 1)
  const told = JSON.parse(third.out)
  assert.deepEqual([told.stored, told['not-stored'], told.failed], [0, 1, 1])

  const WRONG = [
    { argv: [join(site.folder, 'none.txt')], code: 2, error: /none\.txt cannot be read/ },
    { argv: [list], code: 1, error: /line 2: \/one is a path; say with --base/ },
    { argv: [site.config], code: 2, error: /is neither an http\(s\) URL nor a path/ },
    { argv: ['http://x/', '--concurrency', '0'], code: 2, error: /1 to 128/ },
    { argv: ['http://x/', '--base', 'localhost'], code: 2, error: /--base is scheme and host/ },
  ]
  for (const { argv, code, error } of WRONG) {
    const result = await site.command('warm', ...argv)
    assert.match(result.error, error)
    assert.equal(result.code, code, argv.join(' '))
  }
})

test('of several processes one writes the disk, all read it, and an invalidation reaches all of them', async () => {
  let edition = 'old'
  await using origin = await countRequests((_request, response) => {
    response.setHeader('Cache-Control', 'max-age=3600').setHeader('Cache-Tag', 'red').end(edition)
  })
  await using site = await siteFor(origin.url, { processes: 3 })
  await using edge = await site.start()
  /** Over so many connections that every process is met. */
  const ask = async (): Promise<{ states: string[]; bodies: string[] }> => {
    const states: string[] = []
    const bodies: string[] = []
    const askOnce = async (): Promise<void> => {
      const agent = new Agent()
      const [response] = (await once(get(`${edge.url}/red`, { agent }), 'response')) as [IncomingMessage]
      bodies.push((await buffer(response)).toString())
      states.push(String(response.headers['x-cache']).split(' ')[0]!)
      agent.destroy()
    }
    await Promise.all(Array.from({ length: 40 }, askOnce))
    return { states, bodies }
  }
  // Each process asks the origin, or finds on disk what the one that writes has stored.
  while (!(await ask()).states.every((state) => state === 'Hit'));
  assert.ok(origin.requests.length <= 3)
  edition = 'new'
  assert.ok((await ask()).bodies.every((body) => body === 'old'))
  assert.deepEqual(await site.command('invalidate', '--tag', 'red'), {
    code: 0,
    out: '1 stored response removed',
    error: '',
  })
  // The others hear of it through the log of invalidations.
  while (!(await ask()).bodies.every((body) => body === 'new'));
  edge.child.kill('SIGTERM')
  const [code] = (await once(edge.child, 'exit')) as [number]
  assert.equal(code, 0)
})

test('without a disk nothing is written', async () => {
  await using origin = await countRequests(answer)
  await using edge = await runEdge(
    { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o' } },
    { top: { cache: { disk: false } } },
  )
  await (await fetch(`${edge.url}/big`)).arrayBuffer()
  assert.equal(existsSync(join(edge.folder, '.edgeward', 'cache')), false)
})

test('variants and tags are bounded, and the metrics tell what each tier holds', async () => {
  await using origin = await countRequests((request, response) => {
    response.setHeader('Cache-Control', 'max-age=60').setHeader('Vary', 'X-Flavour')
    if (request.url === '/tags')
      response.setHeader('Cache-Tag', Array.from({ length: 200 }, (_, i) => `t${i}`).join(','))
    response.end('body')
  })
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', cacheProfile: 'rfc', originRequestPolicy: 'AllViewer' },
  })
  for (let i = 0; i < 600; i++)
    await (await fetch(`${edge.url}/v`, { headers: { 'x-flavour': `${i}` } })).text()
  const stored = edge.edge.cache.stats()
  for (const tier of stored.tiers!)
    assert.ok(tier.stats.entries <= 256, `${tier.name}: ${tier.stats.entries}`)
  for (let i = 0; i < 2; i++) {
    const response = await fetch(`${edge.url}/tags`)
    await response.text()
    assert.equal(xCache(response), 'Miss', 'what could not be invalidated by all its tags is not kept')
  }
  assert.match(edge.edge.metricsText(), /edgeward_cache_entries\{tier="memory"\} 256\n/)
  assert.match(edge.edge.metricsText(), /edgeward_cache_max_bytes\{tier="disk"\} 1073741824\n/)
})
