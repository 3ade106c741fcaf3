/**
 * What a cache hit costs: 1 KB and 100 KB from memory, and over TLS and HTTP/2, beside the caches of nginx and Varnish with
 * the same log.
 * Must hold for 1 KB over plain HTTP/1.1: nginx's figure at least, and one and a half times Varnish's.
 *
 * The origin is gone while it is measured, so that what is no hit is an error and no figure.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { generate } from 'selfsigned'
import { cacheOf, type HitConfig } from './support/edge.ts'
import { startLineup } from './support/lineup.ts'
import { generateHttp2Load, hasHttp2Client } from './support/load-http2.ts'
import { generateLoad } from './support/load.ts'
import { checkAnswer, type Figure, measure, type Work } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { startFixedOrigin } from './support/origin.ts'
import type { PeerName } from './support/peers.ts'
import { failuresOf, finish, printFigures, ratiosOf } from './support/report.ts'
import { type Contender, type Missing, temporaryFolder } from './support/server-process.ts'

const SMALL = 1024
const LARGE = 100 * 1024
/** Over HTTP/2, in the place of a second. */
const HTTP2_REQUESTS = 5000

/** As a browser asks: eight fields and half a kilobyte. */
const BROWSER = {
  'User-Agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'de-DE,de;q=0.9,en;q=0.8',
  'Sec-Fetch-Site': 'same-origin',
  Referer: 'http://shop.example/catalogue/shoes?page=2',
  Cookie: 'session=0123456789abcdef0123456789abcdef; theme=dark',
}

const { numbers, only } = readOptions({ seconds: 4, rounds: 5, warm: 4, connections: 32 })
const skipped: Missing[] = []

interface Question {
  readonly title: string
  readonly bodyBytes: number
  readonly paths: readonly string[]
  readonly peers: readonly PeerName[]
  readonly edge?: Omit<HitConfig, 'originUrl'>
  readonly headers?: Readonly<Record<string, string>>
  /** Requests under way at once on each connection; HTTP/1.1 when left out. */
  readonly streams?: number
}

async function ask(question: Question): Promise<readonly Figure[]> {
  const { title, bodyBytes, paths, peers, edge = {}, headers = {}, streams } = question
  const { connections, seconds } = numbers
  const origin = await startFixedOrigin({ bodyBytes, headers: { 'Cache-Control': 'max-age=3600' } })
  await using lineup = await startLineup({
    edge: cacheOf({ originUrl: origin.url, ...edge }),
    peers,
    peerOptions: {
      originPort: origin.port,
      workers: 1,
      cache: true,
      ...(edge.tls === undefined ? {} : { tls: edge.tls }),
    },
    only: only?.filter((name) => name === 'edgeward' || peers.some((peer) => peer === name)),
  })
  for (const each of lineup.skipped) if (!skipped.some(({ name }) => name === each.name)) skipped.push(each)

  async function load({ url }: Contender, time: number): Promise<Work> {
    if (streams !== undefined) {
      const {
        requests,
        failures,
        seconds: took,
      } = await generateHttp2Load({
        url: `${url}${paths[0]!}`,
        connections,
        streams,
        requests: Math.max(connections * streams, Math.round(time * HTTP2_REQUESTS)),
      })
      return { units: requests, failures, seconds: took }
    }
    const done = await generateLoad({ url, paths, connections, seconds: time, headers })
    return { units: done.requests, failures: done.errors + done.badStatuses, seconds: done.seconds }
  }

  for (const contender of lineup.contenders) {
    for (const each of paths) await checkAnswer(contender, each, bodyBytes, headers)
    await load(contender, numbers.warm)
  }
  await origin[Symbol.asyncDispose]()
  const figures = await measure(lineup.contenders, {
    rounds: numbers.rounds,
    warmUp: (contender) => load(contender, 1),
    work: (contender) => load(contender, seconds),
  })
  printFigures(`${title}, ${connections} connections`, 'requests', figures)
  return figures
}

using folder = temporaryFolder('certificate')
const tls = await certificateIn(folder.path)

const small = await ask({
  title: 'hit of 1 KB',
  bodyBytes: SMALL,
  paths: ['/object'],
  peers: ['nginx', 'varnish'],
})
const browser = await ask({
  title: 'hit of 1 KB, 64 objects in turn, heads of a browser',
  bodyBytes: SMALL,
  paths: Array.from({ length: 64 }, (_, i) => `/catalogue/shoes/${i}.html`),
  peers: ['nginx', 'varnish'],
  headers: BROWSER,
})
const large = await ask({
  title: 'hit of 100 KB',
  bodyBytes: LARGE,
  paths: ['/object'],
  peers: ['nginx', 'varnish'],
})
const encrypted = await ask({
  title: 'hit of 1 KB over TLS 1.3',
  bodyBytes: SMALL,
  paths: ['/object'],
  peers: ['nginx'],
  edge: { tls },
})
const http2 = hasHttp2Client()
  ? await ask({
      title: 'hit of 1 KB over HTTP/2 and TLS 1.3, 8 requests at once',
      bodyBytes: SMALL,
      paths: ['/object'],
      peers: ['nginx'],
      edge: { tls },
      streams: 8,
    })
  : []
if (http2.length === 0) skipped.push({ name: 'http2', missing: 'h2load is not installed (npm run setup)' })

const { ratio_nginx, ratio_varnish } = ratiosOf(small)
finish({
  name: 'hit',
  values: {
    per_cpu_second: small.find(({ name }) => name === 'edgeward')?.perCpuSecond,
    ratio_nginx,
    ratio_varnish,
    ...named('browser', browser),
    ...named('100kb', large),
    ...named('tls', encrypted),
    ...named('http2', http2),
  },
  holds: [
    { key: 'ratio_nginx', atLeast: 1 },
    { key: 'ratio_varnish', atLeast: 1.5 },
  ],
  skipped,
  wrong: failuresOf([small, browser, large, encrypted, http2].flat()),
})

/** `ratio_nginx_100kb` and its like. */
function named(suffix: string, figures: readonly Figure[]): Record<string, number> {
  return Object.fromEntries(
    Object.entries(ratiosOf(figures)).map(([key, ratio]) => [`${key}_${suffix}`, ratio]),
  )
}

async function certificateIn(place: string): Promise<{ certFile: string; keyFile: string }> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
  })
  const [certFile, keyFile] = [path.join(place, 'cert.pem'), path.join(place, 'key.pem')]
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  return { certFile, keyFile }
}
