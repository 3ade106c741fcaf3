import { spawn } from 'node:child_process'
import { findCommand } from './server-process.ts'

export interface Http2Load {
  /** A whole address, `http://…` with prior knowledge or `https://…`. */
  readonly url: string
  readonly connections: number
  /** Requests under way at once on each connection. */
  readonly streams: number
  /** A number instead of a time: the timed runs of h2load 1.52 do not end when a server leaves closing to its client. */
  readonly requests: number
}

export interface Http2Report {
  readonly requests: number
  readonly failures: number
  readonly seconds: number
}

/** Whether there is a client for HTTP/2 here: h2load of the package nghttp2-client. */
export function hasHttp2Client(): boolean {
  return findCommand('h2load') !== undefined
}

/** Sends so many requests over HTTP/2 connections, with h2load. */
export async function generateHttp2Load(load: Http2Load): Promise<Http2Report> {
  const { url, connections, streams, requests } = load
  const started = performance.now()
  const args = [`-n${requests}`, `-c${connections}`, `-m${streams}`, '-t1', url]
  const output = await outputOf(findCommand('h2load') ?? 'h2load', args)
  const counts = /^requests: (\d+) total, .* (\d+) done, (\d+) succeeded, (\d+) failed/m.exec(output)
  if (counts === null) throw new Error(`h2load gave no report for ${url}:\n${output}`)
  const [, , done, succeeded] = counts.map(Number)
  return { requests: done!, failures: requests - succeeded!, seconds: (performance.now() - started) / 1000 }
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
