import { spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { get as getHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { treeOf } from './cpu.ts'

/** What takes part in a comparison: a server that runs, on loopback, in processes of its own. */
export interface Contender extends AsyncDisposable {
  readonly name: string
  /** `http://127.0.0.1:PORT`, without a path. */
  readonly url: string
  /** The roots of the process trees whose CPU time and memory count. */
  readonly pids: readonly number[]
  readonly version: string
  stop(): Promise<void>
}

/** A contender that cannot take part on this machine, and why. */
export interface Missing {
  readonly name: string
  readonly missing: string
}

export interface ServerProcess {
  readonly pid: number
  /** Resolves with the match of the first line of stdout that fits; rejects when the process ends before. */
  waitForLine(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves when a GET of the address is answered below 500; rejects when the process ends before. */
  waitForUrl(url: string): Promise<void>
  /** Asks the process to end, then makes its whole tree end. */
  stop(): Promise<void>
}

export interface ServerCommand {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Text for its standard input. */
  readonly input?: string
}

const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 10_000

/** Starts a server in the foreground; it ends with this process at the latest. */
export function startServerProcess({ name, command, args, env = {}, input }: ServerCommand): ServerProcess {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  let ended: string | undefined
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const check of waiting) check()
  }
  // Only the tail is kept: a server that logs to stderr for minutes must not fill this process.
  child.stdout.on('data', (chunk: Buffer) => {
    stdout = (stdout + chunk.toString()).slice(-16_384)
    wake()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-16_384)
  })
  child.stdin.on('error', () => {
    // It ended without reading its input; 'close' says so.
  })
  child.stdin.end(input ?? '')

  const killOnExit = (): void => void child.kill('SIGTERM')
  process.once('exit', killOnExit)
  exitOnSignals()
  const closed = new Promise<void>((resolve) => {
    const end = (why: string): void => {
      ended ??= why
      process.removeListener('exit', killOnExit)
      wake()
      resolve()
    }
    child.on('error', (error) => end(`did not start: ${error.message}`))
    child.on('close', (code, signal) => end(`ended with ${signal ?? `exit code ${code}`}`))
  })

  async function until<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
    const deadline = performance.now() + START_LIMIT_MS
    for (;;) {
      const value = await probe()
      if (value !== undefined) return value
      const late = performance.now() > deadline
      if (ended !== undefined || late) {
        throw new Error(
          `${name} ${ended ?? `did not get ready in ${START_LIMIT_MS} ms`} before ${what}:\n${stdout}${stderr}`,
        )
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(next, 50)
        function next(): void {
          clearTimeout(timer)
          waiting.delete(next)
          resolve()
        }
        waiting.add(next)
      })
    }
  }

  return {
    pid: child.pid ?? 0,
    waitForLine: (pattern) => until(`a line like ${pattern}`, () => pattern.exec(stdout) ?? undefined),
    waitForUrl: async (url) => void (await until(`${url} was answered`, () => isAnswered(url))),
    async stop() {
      if (ended !== undefined) return
      const tree = treeOf([child.pid ?? 0])
      child.kill('SIGTERM')
      const timer = setTimeout(() => {
        for (const pid of tree) kill(pid)
      }, STOP_LIMIT_MS)
      await closed
      clearTimeout(timer)
    },
  }
}

/** A signal would end this process without its `exit` event, and leave servers and folders behind. */
function exitOnSignals(): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(code))
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (cause) {
    // It ended meanwhile, which is what was wanted.
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')) throw cause
  }
}

/** Asks over a connection of its own; certificates of benchmarks are nobody's. */
export function get(
  url: string,
  answered: (response: IncomingMessage) => void,
  headers: Readonly<Record<string, string>> = {},
): ClientRequest {
  const options = { agent: false as const, headers }
  return url.startsWith('https:')
    ? getHttps(url, { ...options, rejectUnauthorized: false }, answered)
    : getHttp(url, options, answered)
}

function isAnswered(url: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const request = get(url, (response) => {
      response.resume()
      response.on('close', () => resolve((response.statusCode ?? 500) < 500 ? true : undefined))
    })
    request.on('error', () => resolve(undefined))
  })
}

/** A port of loopback that was free a moment ago, for servers that cannot be told to choose one. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** A folder that is removed with everything in it, at the latest when this process ends. */
export interface TemporaryFolder extends Disposable {
  readonly path: string
}

export function temporaryFolder(name: string): TemporaryFolder {
  const folder = mkdtempSync(path.join(tmpdir(), `edgeward-${name}-`))
  const remove = (): void => {
    process.removeListener('exit', remove)
    rmSync(folder, { recursive: true, force: true })
  }
  process.on('exit', remove)
  return { path: folder, [Symbol.dispose]: remove }
}

/** The path of a command, also when it lies in a folder for servers that is not on the PATH; else undefined. */
export function findCommand(command: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ]
  return folders.map((folder) => path.join(folder, command)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    // Not there, or not ours to run: both mean the same to the caller.
    return false
  }
}
