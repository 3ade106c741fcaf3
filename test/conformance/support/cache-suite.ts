import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The version that is scored. An exact one: another may hold other tests, and then the known gaps are others. */
export const SUITE_VERSION = '0.4.5'

/**
 * The public HTTP caching suite, in a folder outside of the tree: as a dependency it would put an old npm into
 * `node_modules/.bin`. Installed once; throws with what to do when it cannot be.
 */
export async function installSuite(): Promise<string> {
  const home = join(
    tmpdir(),
    `edgeward-conformance-${process.getuid?.() ?? 0}`,
    `http-cache-tests-${SUITE_VERSION}`,
  )
  const folder = join(home, 'node_modules', 'http-cache-tests')
  if (existsSync(join(home, 'installed'))) return folder
  await mkdir(home, { recursive: true })
  await writeFile(join(home, 'package.json'), '{ "private": true }\n')
  const child = spawn(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--save-exact',
      `http-cache-tests@${SUITE_VERSION}`,
    ],
    { cwd: home, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0)
    throw new Error(
      `http-cache-tests ${SUITE_VERSION} cannot be installed into ${home}: npm exited with ${code}\n${said.trim()}\n` +
        `It needs the npm registry. Where there is none, copy a folder in which 'npm install http-cache-tests@${SUITE_VERSION}' ran to ${home}, and make an empty file 'installed' in it.`,
    )
  await writeFile(join(home, 'installed'), '')
  return folder
}

export interface SuiteOrigin extends AsyncDisposable {
  readonly url: string
}

/** The origin server of the suite on a free port. */
export async function startSuiteOrigin(folder: string): Promise<SuiteOrigin> {
  const child = spawn(process.execPath, ['server/server.mjs'], {
    cwd: folder,
    env: {
      ...process.env,
      npm_config_protocol: 'http',
      npm_config_port: '0',
      npm_config_pidfile: '/dev/null',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  const port = await new Promise<number>((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /^Listening on http:\/\/.*:(\d+)\//.exec(line)
      if (found !== null) resolve(Number(found[1]))
    })
    child.on('close', () => reject(new Error('the origin of the suite did not start')))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill()
      await closed
    },
  }
}

/** Results by test: true, or what was wrong and how. */
export type SuiteResults = Readonly<Record<string, true | readonly [kind: string, message: string]>>

export interface SuiteTest {
  readonly id: string
  readonly name: string
  readonly suite: string
  readonly kind: 'required' | 'optimal' | 'check'
  readonly dependsOn: readonly string[]
}

/** Runs the client of the suite against an edge, in a process of its own because it keeps its results in itself. */
export async function runSuite(
  folder: string,
  baseUrl: string,
  only: string | undefined,
): Promise<{ readonly tests: readonly SuiteTest[]; readonly results: SuiteResults }> {
  const client = join(import.meta.dirname, 'cache-suite-client.mjs')
  const child = spawn(process.execPath, ['--no-warnings', client, folder, baseUrl, only ?? ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  const lines = said.trim().split('\n')
  const last = lines.pop() ?? ''
  if (only !== undefined) console.log(lines.join('\n'))
  return JSON.parse(last) as { tests: SuiteTest[]; results: SuiteResults }
}

export type Score = 'passed' | 'failed' | 'not-applicable'

/**
 * The score of a test as the suite gives it: one that could not be set up, that saw a retry, or whose dependency did
 * not pass says nothing.
 */
export function scoreOf(id: string, tests: ReadonlyMap<string, SuiteTest>, results: SuiteResults): Score {
  const test = tests.get(id)
  const result = results[id]
  if (test === undefined || result === undefined) return 'not-applicable'
  if (test.dependsOn.some((each) => scoreOf(each, tests, results) !== 'passed')) return 'not-applicable'
  if (result === true) return 'passed'
  return result[0] === 'Setup' ? 'not-applicable' : 'failed'
}
