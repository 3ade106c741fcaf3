import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compilePlan } from '../config/compile.ts'
import type { Output } from '../base/exit.ts'
import { readConfig } from './problems.ts'

/** An answer of the control API. */
export interface AdminReply {
  readonly status: number
  readonly body: unknown
}

/** The control API of the edge that runs under a configuration on this machine. */
export interface AdminClient {
  ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<AdminReply>
}

/** Undefined, and told, when the configuration cannot be read or has no control API. */
export async function openAdminClient(
  config: string | undefined,
  output: Output,
): Promise<AdminClient | undefined> {
  const read = await readConfig(config, output)
  if (read === undefined) return undefined
  const { admin } = compilePlan(read.checked, { baseFolder: read.baseFolder, version: 1 })
  if (admin === undefined || admin.port === 0) {
    output.error(`${read.name} has no control API that could be asked; set admin.port`)
    return undefined
  }
  const host = admin.host.includes(':') ? `[${admin.host}]` : admin.host
  const base = `http://${host}:${admin.port}`
  return {
    async ask(method, path, body) {
      try {
        const token =
          admin.token?.reveal() ?? (await readFile(join(read.dataFolder, 'admin-token'), 'utf8')).trim()
        const response = await fetch(base + path, {
          method,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          signal: AbortSignal.timeout(10_000),
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        return { status: response.status, body: await response.json() }
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        return {
          status: 0,
          body: { error: `no edge answers at ${base} (${why}); is it running with this configuration?` },
        }
      }
    },
  }
}

/** The sentence of an answer that is no success. */
export function errorOf({ status, body }: AdminReply): string {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
  return typeof error === 'string' ? error : `the control API answered ${status}`
}
