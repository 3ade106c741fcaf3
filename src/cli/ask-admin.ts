import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from '../plan.ts'

export interface AdminReply {
  readonly status: number
  /** As JSON, or the text where it is none. */
  readonly body: unknown
}

/** The sentence of an answer that refuses; undefined where it has none. */
export function errorIn({ body }: AdminReply): string | undefined {
  const error: unknown = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
  return typeof error === 'string' ? error : undefined
}

const TIMEOUT_MS = 30_000

/**
 * Asks the control API of the edge that runs with this configuration. Undefined when none answers there, or when its
 * token cannot be read.
 */
export async function askAdmin(
  plan: Plan,
  dataFolder: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<AdminReply | undefined> {
  if (plan.admin === undefined || plan.admin.port === 0) return undefined
  const host = plan.admin.host.includes(':') ? `[${plan.admin.host}]` : plan.admin.host
  try {
    const token =
      plan.admin.token?.reveal() ?? (await readFile(join(dataFolder, 'admin-token'), 'utf8')).trim()
    const response = await fetch(`http://${host}:${plan.admin.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    return { status: response.status, body: isJson ? JSON.parse(text) : text }
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}
