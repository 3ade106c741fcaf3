import { z } from 'zod'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { webAclsOf } from '../edge-waf.ts'
import type { CliPlan } from '../modules/module.ts'
import { SeamError } from '../seams/seam-error.ts'
import { configuredIpSets } from '../waf/acl/configured-ip-sets.ts'
import { changeSet, type IpSetChange } from '../waf/admin-routes.ts'
import type { AdminReply } from './ask-admin.ts'
import { readPlan } from './module-commands.ts'
import { refusalOf } from './waf.ts'

export interface IpSetOptions {
  readonly action: 'list' | 'show' | 'add' | 'remove' | 'set' | 'reset'
  readonly name: string
  readonly addresses: readonly string[]
  readonly config: string | undefined
  readonly json: boolean
}

const viewSchema = z.object({
  name: z.string(),
  source: z.enum(['configuration', 'running']),
  addresses: z.array(z.string()),
})
type View = z.output<typeof viewSchema>

/** `edgeward ipset`: shows and changes IP sets, of the running edge or, while none runs, of its state on disk. */
export async function ipSetCommand(options: IpSetOptions, output: Output): Promise<ExitCode> {
  const read = await readPlan(options.config, output)
  if (read === undefined) return exitCodes.badConfig
  const reply = (await askRunning(read, options)) ?? (await askState(read, options))
  if (reply.status !== 200) {
    output.error(refusalOf(reply))
    return exitCodes.failed
  }
  if (options.json) output.out(JSON.stringify(reply.body, undefined, 2))
  else if (options.action === 'list') output.out(table(z.array(viewSchema).parse(reply.body)))
  else output.out(oneSet(viewSchema.parse(reply.body)))
  return exitCodes.ok
}

async function askRunning(
  cli: CliPlan,
  { action, name, addresses }: IpSetOptions,
): Promise<AdminReply | undefined> {
  const path = `/ip-sets/${encodeURIComponent(name)}`
  switch (action) {
    case 'list':
      return cli.askAdmin('GET', '/ip-sets')
    case 'show':
      return cli.askAdmin('GET', path)
    case 'reset':
      return cli.askAdmin('DELETE', path)
    default:
      return cli.askAdmin('PUT', path, changeOf(action, addresses))
  }
}

function changeOf(action: 'add' | 'remove' | 'set', addresses: readonly string[]): IpSetChange {
  const given = addresses.map(withPrefix)
  if (action === 'set') return { addresses: given }
  return action === 'add' ? { add: given, remove: [] } : { add: [], remove: given }
}

/** One address is the block of that address alone. */
function withPrefix(address: string): string {
  return address.includes('/') ? address : `${address}/${address.includes(':') ? 128 : 32}`
}

/** The same on the state that the next start reads. */
async function askState(cli: CliPlan, { action, name, addresses }: IpSetOptions): Promise<AdminReply> {
  const configured = new Map(
    webAclsOf(cli.plan).flatMap((acl) =>
      [...configuredIpSets(acl)].map((set) => [set.name, set.addresses] as const),
    ),
  )
  const seams = cli.openSeams()
  try {
    const state = await seams.state()
    const running = new Map(state.ipSets.list().map((set) => [set.name, set]))
    const views = [...new Set([...configured.keys(), ...running.keys()])].toSorted().map((each): View => {
      const set = running.get(each)
      if (set !== undefined) return { name: each, source: 'running', addresses: [...set.addresses] }
      return { name: each, source: 'configuration', addresses: [...(configured.get(each) ?? [])] }
    })
    if (action === 'list') return { status: 200, body: views }
    const view = views.find((each) => each.name === name)
    if (view === undefined) {
      const names = views.map((each) => each.name).join(', ')
      const there = names === '' ? 'there are none' : `there are ${names}`
      return { status: 404, body: { error: `there is no IP set named ${name}; ${there}` } }
    }
    if (action === 'show') return { status: 200, body: view }
    if (action === 'reset') {
      const set = running.get(name)
      if (set !== undefined) await state.ipSets.delete(name, set.lockToken)
      const reset: View = { name, source: 'configuration', addresses: [...(configured.get(name) ?? [])] }
      return { status: 200, body: reset }
    }
    const set = await changeSet(state, name, configured.get(name) ?? [], changeOf(action, addresses))
    return { status: 200, body: { name, source: 'running', addresses: set.addresses } }
  } catch (error) {
    if (error instanceof SeamError) return { status: 400, body: { error: error.message } }
    throw error
  } finally {
    await seams.close()
  }
}

function table(views: readonly View[]): string {
  if (views.length === 0) return 'no IP sets: no rule of a web ACL refers to one'
  const width = Math.max(...views.map(({ name }) => name.length)) + 2
  const lines = views.map(
    ({ name, source, addresses }) =>
      `${name.padEnd(width)}${String(addresses.length).padStart(6)}  ${source === 'running' ? 'changed while running' : 'as configured'}`,
  )
  return [`${'name'.padEnd(width)}${'blocks'.padStart(6)}`, ...lines].join('\n')
}

function oneSet({ name, source, addresses }: View): string {
  const what = source === 'running' ? 'changed while running' : 'as configured'
  const count = `${addresses.length} ${addresses.length === 1 ? 'block' : 'blocks'}`
  return [`${name}: ${count}, ${what}`, ...addresses.map((address) => `  ${address}`)].join('\n')
}
