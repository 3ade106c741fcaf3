import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from '../plan.ts'

/** What the admin port of the running edge answered; `body` is JSON. */
export interface AdminReply {
  readonly status: number
  readonly body: unknown
}

const TIMEOUT_MS = 5_000

/** Asks the edge that runs with this configuration; undefined when none answers. */
export async function askAdmin(
  plan: Pick<Plan, 'admin' | 'dataFolder'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<AdminReply | undefined> {
  if (plan.admin === undefined || plan.admin.port === 0) return undefined
  const host = plan.admin.host.includes(':') ? `[${plan.admin.host}]` : plan.admin.host
  try {
    const token =
      plan.admin.token?.reveal() ?? (await readFile(join(plan.dataFolder, 'admin-token'), 'utf8')).trim()
    const response = await fetch(`http://${host}:${plan.admin.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const reply: unknown = await response.json()
    // Another edge of this machine may hold the port: it does not know our token.
    return response.status === 401 ? undefined : { status: response.status, body: reply }
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}

/** The sentence of an answer that refuses. */
export function refusalOf(reply: AdminReply): string {
  const { body } = reply
  const isSentence = typeof body === 'object' && body !== null && 'error' in body
  return isSentence ? String(body.error) : `the edge answered ${reply.status}`
}
