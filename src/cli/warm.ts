import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { compilePlan } from '../config/compile.ts'
import type { Warmed } from '../warm.ts'
import { noEdge, refusal } from './admin-answers.ts'
import { parseHeaderLines } from './header-lines.ts'
import { askAdmin } from './ask-admin.ts'
import { readConfig } from './problems.ts'
import { ProgressBar } from './progress-bar.ts'
import { parseUrlList } from './url-list.ts'

export interface WarmOptions {
  /** Files, `-` for standard input, addresses of sitemaps, URLs. */
  readonly sources: readonly string[]
  readonly base?: string
  readonly header: readonly string[]
  readonly concurrency: number
  readonly config?: string
  readonly json: boolean
}

const MAX_SITEMAPS = 1000
const MAX_SITEMAP_BYTES = 50 << 20
const MAX_TOLD = 10

/** `edgeward warm`: has the running edge fetch URLs into its cache, and says what came of it. */
export async function warmCommand(options: WarmOptions, output: Output): Promise<ExitCode> {
  const base = options.base?.replace(/\/+$/, '')
  if (base !== undefined && !/^https?:\/\/[^/]+$/i.test(base)) {
    output.error(`--base is scheme and host of a site, such as http://localhost:8080, not ${options.base}`)
    return exitCodes.badConfig
  }
  const parsed = parseHeaderLines(options.header)
  if ('problem' in parsed) {
    output.error(parsed.problem)
    return exitCodes.badConfig
  }
  const { headers } = parsed
  const read = await readConfig(options.config, output)
  if (read === undefined) return exitCodes.badConfig
  const { urls, problems } = await readSources(options.sources, base)
  for (const problem of problems) output.error(problem)
  if (urls.length === 0) {
    output.error('there is no URL to fetch')
    return exitCodes.badConfig
  }
  const plan = compilePlan(read.checked, { baseFolder: read.baseFolder, version: 1 })
  const known = await askAdmin(plan, read.dataFolder, 'GET', '/cache')
  if (known === undefined) return noEdge(plan, output)
  if (known.status !== 200) return refusal(known, output)

  const counts = { fresh: 0, stored: 0, 'not-stored': 0, failed: problems.length }
  const results: (Warmed & { readonly url: string })[] = []
  let bytes = 0
  const started = performance.now()
  const bar = new ProgressBar(urls.length)
  let next = 0
  const work = async (): Promise<void> => {
    while (next < urls.length) {
      const url = urls[next++]!
      const reply = await askAdmin(plan, read.dataFolder, 'POST', '/cache/warm', { urls: [url], headers })
      const result =
        reply?.status === 200
          ? // The shape is our own, as above.
            (reply.body as (Warmed & { url: string })[])[0]!
          : ({ url, result: 'failed', status: undefined, bytes: 0, why: 'the edge did not answer' } as const)
      counts[result.result]++
      bytes += result.bytes
      if (options.json || (result.result !== 'fresh' && result.result !== 'stored')) results.push(result)
      bar.step(`${counts.failed} failed`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.concurrency, urls.length) }, work))
  bar.end()
  const seconds = (performance.now() - started) / 1000
  if (options.json) output.out(JSON.stringify({ ...counts, bytes, seconds, results }, undefined, 2))
  else {
    for (const kind of ['failed', 'not-stored'] as const) tell(kind, results, output)
    output.out(
      `${urls.length} URLs: ${counts.stored} stored, ${counts.fresh} already fresh, ${counts['not-stored']} not stored, ` +
        `${counts.failed} failed; ${sizeOf(bytes)} in ${seconds.toFixed(1)} s`,
    )
  }
  return counts.failed === 0 ? exitCodes.ok : exitCodes.failed
}

function tell(
  kind: 'failed' | 'not-stored',
  results: readonly (Warmed & { readonly url: string })[],
  output: Output,
): void {
  const of = results.filter(({ result }) => result === kind)
  for (const { url, why } of of.slice(0, MAX_TOLD)) output.error(`${kind.replace('-', ' ')}: ${url} (${why})`)
  if (of.length > MAX_TOLD)
    output.error(`${kind.replace('-', ' ')}: and ${of.length - MAX_TOLD} more; --json lists all`)
}

/** The URLs of all sources, each once; sitemaps that are named are read too. */
async function readSources(
  sources: readonly string[],
  base: string | undefined,
): Promise<{ urls: string[]; problems: string[] }> {
  const urls = new Set<string>()
  const problems: string[] = []
  const waiting = [...sources]
  const seen = new Set<string>()
  for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
    if (seen.has(source)) continue
    seen.add(source)
    if (seen.size > MAX_SITEMAPS) {
      problems.push(`more than ${MAX_SITEMAPS} lists are named; the rest is left out`)
      break
    }
    const isUrl = /^https?:\/\//i.test(source)
    if (isUrl && !/\.xml(?:\.gz)?(?:[?#]|$)/i.test(source)) {
      const one = parseUrlList(source, base)
      for (const url of one.urls) urls.add(url)
      problems.push(...one.problems)
      continue
    }
    try {
      const list = parseUrlList(await readText(source, isUrl), base)
      for (const url of list.urls) urls.add(url)
      waiting.push(...list.sitemaps)
      problems.push(...list.problems.map((problem) => `${source}: ${problem}`))
    } catch (error) {
      problems.push(`${source} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { urls: [...urls], problems }
}

async function readText(source: string, isUrl: boolean): Promise<string> {
  let bytes: Buffer
  if (isUrl) {
    const response = await fetch(source, { signal: AbortSignal.timeout(30_000) })
    if (!response.ok) throw new Error(`status ${response.status}`)
    bytes = Buffer.from(await response.arrayBuffer())
  } else bytes = source === '-' ? await buffer(process.stdin) : await readFile(source)
  if (bytes[0] === 0x1f && bytes[1] === 0x8b)
    bytes = gunzipSync(bytes, { maxOutputLength: MAX_SITEMAP_BYTES })
  return bytes.toString('utf8')
}

function sizeOf(bytes: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['KB', 1e3],
  ] as const)
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`
  return `${bytes} bytes`
}
