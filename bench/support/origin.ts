import path from 'node:path'
import { startServerProcess } from './server-process.ts'

/** An origin that runs in its own process, so that its CPU time is not the contenders'. */
export interface Origin extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a path. */
  readonly url: string
  readonly port: number
}

export interface FixedOrigin {
  readonly bodyBytes: number
  /** Fields to add, for example `Cache-Control`. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Answers every GET with the same bytes and keeps connections alive. It only looks for the end of each head: 140 k
 * requests of 1 KB per CPU-second, where nginx with `return 200` does 168 k (2 cores, November 2026). That is far
 * above what any proxy asks of it, and needs no package.
 */
export function startFixedOrigin({ bodyBytes, headers = {} }: FixedOrigin): Promise<Origin> {
  return startOrigin({ kind: 'fixed', bodyBytes, headers })
}

/** `GET /N` answers N bytes; a POST is read to its end and answered with the number of bytes, in decimal. */
export function startStreamOrigin(): Promise<Origin> {
  return startOrigin({ kind: 'stream' })
}

async function startOrigin(settings: object): Promise<Origin> {
  const server = startServerProcess({
    name: 'the origin',
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'origin-process.ts'), JSON.stringify(settings)],
  })
  const [, url = '', port] = await server.waitForLine(/^origin listening on (http:\/\/127\.0\.0\.1:(\d+))$/m)
  return { url, port: Number(port), [Symbol.asyncDispose]: () => server.stop() }
}
