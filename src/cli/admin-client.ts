import type { AdminRoute } from '../admin-route.ts'
import type { Output } from '../base/exit.ts'
import { compilePlan } from '../config/compile.ts'
import { type AdminReply, askAdmin, errorIn } from './ask-admin.ts'
import { readConfig } from './problems.ts'

export type { AdminReply } from './ask-admin.ts'

/** The control API of the edge that runs under a configuration on this machine. */
export interface AdminClient {
  ask(method: AdminRoute['method'], path: string, body?: unknown): Promise<AdminReply>
}

/** Undefined, and told, when the configuration cannot be read or has no control API. */
export async function openAdminClient(
  config: string | undefined,
  output: Output,
): Promise<AdminClient | undefined> {
  const read = await readConfig(config, output)
  if (read === undefined) return undefined
  const plan = compilePlan(read.checked, { baseFolder: read.baseFolder, version: 1 })
  const { admin } = plan
  if (admin === undefined || admin.port === 0) {
    output.error(`${read.name} has no control API that could be asked; set admin.port`)
    return undefined
  }
  return {
    async ask(method, path, body) {
      const reply = await askAdmin(plan, read.dataFolder, method, path, body)
      if (reply !== undefined) return reply
      const error = `no edge answers on ${admin.host}:${admin.port}; is it running with this configuration?`
      return { status: 0, body: { error } }
    },
  }
}

/** The sentence of an answer that is no success. */
export function errorOf(reply: AdminReply): string {
  return errorIn(reply) ?? `the control API answered ${reply.status}`
}
