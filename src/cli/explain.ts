import { compilePlan } from '../config/compile.ts'
import { explainOffline } from '../edge.ts'
import type { ExplainQuestion, Explanation } from '../explain.ts'
import { stages } from '../stages.ts'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { parseHeaderLines } from './header-lines.ts'
import { askAdmin } from './ask-admin.ts'
import { readConfig } from './problems.ts'

export interface ExplainOptions {
  readonly url: string
  readonly method: string
  readonly header: readonly string[]
  readonly client?: string
  readonly config?: string
  readonly offline: boolean
  readonly json: boolean
}

/** `edgeward explain`: asks the running edge through its admin port, else plans from the configuration. */
export async function explainCommand(options: ExplainOptions, output: Output): Promise<ExitCode> {
  const parsed = parseHeaderLines(options.header)
  if ('problem' in parsed) {
    output.error(parsed.problem)
    return exitCodes.badConfig
  }
  const { headers } = parsed
  const question: ExplainQuestion = {
    url: options.url,
    method: options.method.toUpperCase(),
    headers,
    ...(options.client === undefined ? {} : { clientAddress: options.client }),
  }
  const read = await readConfig(options.config, output)
  if (read === undefined) return exitCodes.badConfig
  const plan = compilePlan(read.checked, { baseFolder: read.baseFolder, version: 1 })
  const reply = options.offline
    ? undefined
    : await askAdmin(plan, read.dataFolder, 'POST', '/explain', question)
  // The shape is our own: the same version of this program answers on the admin port it configured.
  const running = reply?.status === 200 ? (reply.body as Explanation) : undefined
  const explanation = running ?? (await explainOffline(plan, question))
  if (options.json)
    output.out(
      JSON.stringify({ source: running === undefined ? 'offline' : 'running', ...explanation }, undefined, 2),
    )
  else {
    output.out(
      running === undefined ? `${read.name}, offline: what the cache holds is not known` : 'the running edge',
    )
    output.out('')
    output.out(write(explanation))
  }
  return exitCodes.ok
}

const WIDTH = Math.max(...stages.map((stage) => stage.name.length)) + 2

/** One block per stage: its name once, what it says beside it. */
function write(explanation: Explanation): string {
  const lines: string[] = []
  for (const { stage, says } of explanation.stages) {
    for (const [index, text] of says.entries()) lines.push((index === 0 ? stage : '').padEnd(WIDTH) + text)
  }
  lines.push('', `answer`.padEnd(WIDTH) + explanation.outcome)
  return lines.join('\n')
}
