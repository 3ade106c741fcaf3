import { webAclsOf } from '../edge-waf.ts'
import { type AclDescription, describeAcl, type RuleDescription } from '../waf/describe-acl.ts'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import type { AdminReply } from './ask-admin.ts'
import { readPlan } from './module-commands.ts'

export interface WafOptions {
  readonly action: 'rules' | 'samples' | 'counts' | 'limited'
  readonly acl: string | undefined
  readonly rule: string | undefined
  readonly config: string | undefined
  readonly json: boolean
}

/** `edgeward waf`: the rules of web ACLs with what they cost, and what the running edge has seen. */
export async function wafCommand(options: WafOptions, output: Output): Promise<ExitCode> {
  const read = await readPlan(options.config, output)
  if (read === undefined) return exitCodes.badConfig
  const { plan } = read
  const acls = webAclsOf(plan).map(describeAcl)
  const [acl] = options.acl === undefined ? acls : acls.filter(({ name }) => name === options.acl)
  if (acl === undefined) {
    const names = acls.map(({ name }) => name).join(', ')
    output.error(names === '' ? 'no distribution has a web ACL' : `no such web ACL; there are ${names}`)
    return exitCodes.failed
  }
  if (options.action === 'rules') {
    const shown = options.acl === undefined ? acls : [acl]
    output.out(options.json ? JSON.stringify(shown, undefined, 2) : shown.map(tellAcl).join('\n\n'))
    return exitCodes.ok
  }
  const query = options.rule === undefined ? '' : `?rule=${encodeURIComponent(options.rule)}`
  const reply = await read.askAdmin('GET', `/waf/${encodeURIComponent(acl.name)}/${options.action}${query}`)
  if (reply === undefined) {
    output.error('no edge with this configuration answers on its admin port; start one with edgeward start')
    return exitCodes.failed
  }
  if (reply.status !== 200) {
    output.error(refusalOf(reply))
    return exitCodes.failed
  }
  output.out(JSON.stringify(reply.body, undefined, 2))
  return exitCodes.ok
}

function tellAcl(acl: AclDescription): string {
  const rows = acl.rules.flatMap((rule) => rowsOf(rule, ''))
  const nameWidth = Math.max(4, ...rows.map(({ name }) => name.length)) + 2
  const actionWidth = Math.max(6, ...rows.map(({ action }) => action.length)) + 2
  const line = (name: string, action: string, capacity: string, rest: string): string =>
    `${name.padEnd(nameWidth)}${action.padEnd(actionWidth)}${capacity.padStart(5)}${rest === '' ? '' : `  ${rest}`}`
  return [
    `${acl.name}: ${acl.capacity} of 5000 capacity units, default action ${acl.defaultAction}`,
    line('rule', 'action', 'units', ''),
    ...rows.map(({ name, action, capacity, rest }) => line(name, action, capacity, rest)),
  ].join('\n')
}

interface Row {
  readonly name: string
  readonly action: string
  readonly capacity: string
  readonly rest: string
}

function rowsOf(rule: RuleDescription, indent: string): Row[] {
  const { name, action, capacity, fidelity, rules } = rule
  const own: Row = {
    name: indent + name,
    action,
    // AWS states the units of a managed group as a whole.
    capacity: fidelity === undefined ? String(capacity) : '',
    rest: fidelity ?? '',
  }
  return [own, ...(rules ?? []).flatMap((inner) => rowsOf(inner, `${indent}  `))]
}

/** The sentence of an answer that refuses. */
export function refusalOf({ status, body }: AdminReply): string {
  const isSentence = typeof body === 'object' && body !== null && 'error' in body
  return isSentence ? String(body.error) : `the edge answered ${status}`
}
