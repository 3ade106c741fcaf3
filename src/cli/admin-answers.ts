import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import type { Plan } from '../plan.ts'
import { type AdminReply, errorIn } from './ask-admin.ts'

/** Says that no edge answers, and what may be wrong. */
export function noEdge(plan: Plan, output: Output): ExitCode {
  const { admin } = plan
  if (admin === undefined) {
    output.error('the configuration has `admin: false`, so that a running edge cannot be asked')
  } else if (admin.port === 0) {
    output.error('admin.port is 0, so that it is not known where the edge listens; give it a number')
  } else {
    output.error(
      `no edge answers on ${admin.host}:${admin.port}, or its token cannot be read: start it with this configuration, as this user`,
    )
  }
  return exitCodes.failed
}

/** Says what the running edge did not like. */
export function refusal(reply: AdminReply, output: Output): ExitCode {
  output.error(errorIn(reply) ?? `the running edge refused it with status ${reply.status}`)
  return exitCodes.failed
}
