import { exitCodes, type ExitCode } from '../../base/exit.ts'
import type { CliKit } from '../module.ts'
import type { ClientRow } from './log-questions.ts'
import { cognitoWebAcl, IP_SETS, RATE_LIMIT } from './web-acl.ts'

interface QuestionOptions {
  readonly config?: string
  readonly folder?: string
  readonly since?: string
  readonly top: string
  readonly minimum?: string
  readonly json: boolean
}

/** `edgeward cognito-proxy web-acl|rates|errors|quotas`. */
export function addCognitoProxyCommands(cli: CliKit): void {
  const group = cli.program.command('cognito-proxy').description('what belongs to an edge before a user pool')
  group
    .command('web-acl')
    .description('print a web ACL for a user pool: AllowList, DenyList, RateLimit')
    .option('--rate-limit <requests>', 'requests of one address in five minutes', String(RATE_LIMIT.usual))
    .action((options: { readonly rateLimit: string }) => cli.exit(printWebAcl(cli, options.rateLimit)))
  withCommon(
    group.command('rates').description('clients with the highest rate per operation, from the access log'),
  ).action(async (options: QuestionOptions) => cli.exit(await ask(cli, options, 'rates')))
  withCommon(group.command('errors').description('clients with the highest error rate, from the access log'))
    .option('--minimum <calls>', 'calls of a client before its rate counts', '10')
    .action(async (options: QuestionOptions) => cli.exit(await ask(cli, options, 'errors')))
  group
    .command('quotas')
    .description('how near the running edge is to the quotas of the account')
    .option('-c, --config <file>', 'configuration file')
    .action(async (options: { readonly config?: string }) => cli.exit(await quotas(cli, options.config)))

  function withCommon(command: ReturnType<typeof group.command>) {
    return command
      .option('-c, --config <file>', 'configuration file')
      .option(
        '-f, --folder <folder>',
        'folder of the access log, where it is not the one of the configuration',
      )
      .option('--since <time>', 'leave out what is older, for example 2026-11-26T08:00:00Z')
      .option('--top <rows>', 'rows to print', '20')
      .option('--json', 'print JSON', false)
  }
}

function printWebAcl({ output }: CliKit, text: string): ExitCode {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < RATE_LIMIT.min || limit > RATE_LIMIT.max) {
    output.error(`--rate-limit is a whole number from ${RATE_LIMIT.min} to ${RATE_LIMIT.max}, not ${text}`)
    return exitCodes.badConfig
  }
  output.out(JSON.stringify(cognitoWebAcl(limit), undefined, 2))
  const sets = IP_SETS.map((name) => `'${name}': []`).join(', ')
  output.error(`save this as a file, set webAcl of the distribution to it, and add to the configuration:`)
  output.error(`  ipSets: { ${sets} }`)
  output.error(`the sets are edited while the edge runs: edgeward ipset add ${IP_SETS[2]} 192.0.2.0/24`)
  return exitCodes.ok
}

async function ask(cli: CliKit, options: QuestionOptions, question: 'rates' | 'errors'): Promise<ExitCode> {
  const { output } = cli
  const since = options.since === undefined ? 0 : Date.parse(options.since)
  const top = Number(options.top)
  const minimum = Number(options.minimum ?? 1)
  if (Number.isNaN(since)) {
    output.error(`--since is a time like 2026-11-26T08:00:00Z, not ${options.since}`)
    return exitCodes.badConfig
  }
  if (!(top >= 1) || !(minimum >= 1)) {
    output.error('--top and --minimum are numbers from 1 on')
    return exitCodes.badConfig
  }
  let { folder } = options
  if (folder === undefined) {
    const read = await cli.readPlan(options.config)
    if (read === undefined) return exitCodes.badConfig
    const { access } = read.plan.log
    if (access?.format !== 'json') {
      output.error(
        'the operation of a call stands in access logs of the format json: set log.access to { folder: "./logs", format: "json" }',
      )
      return exitCodes.badConfig
    }
    folder = access.folder
  }
  const { byErrors, byRate, readCalls } = await import('./log-questions.ts')
  try {
    const { rows, lines, calls, hasStandard } = await readCalls(folder, since)
    const found = question === 'rates' ? byRate(rows, top) : byErrors(rows, top, minimum)
    if (options.json) output.out(JSON.stringify(found))
    else print(cli, found)
    output.error(`${calls} calls in ${lines} lines of ${folder}`)
    if (hasStandard)
      output.error('lines of the format standard were left out: they do not hold the operation')
    return exitCodes.ok
  } catch (error) {
    output.error(`the access log cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    return exitCodes.failed
  }
}

function print({ output }: CliKit, rows: readonly ClientRow[]): void {
  const table = [
    ['client', 'operation', 'calls', 'peak/min', 'errors', 'error rate'],
    ...rows.map(({ client, operation, calls, peakPerMinute, errors, errorRate }) =>
      [client, operation, calls, peakPerMinute, errors, `${Math.round(errorRate * 100)} %`].map(String),
    ),
  ]
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  for (const row of table) {
    const cells = row.map((cell, column) =>
      column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    )
    output.out(cells.join('  '))
  }
}

async function quotas(cli: CliKit, config: string | undefined): Promise<ExitCode> {
  const read = await cli.readPlan(config)
  if (read === undefined) return exitCodes.badConfig
  const reply = await read.askAdmin('GET', '/cognito-proxy')
  if (reply === undefined || reply.status !== 200) {
    cli.output.error('no edge of this configuration answers; start it with "edgeward start"')
    return exitCodes.failed
  }
  cli.output.out(JSON.stringify(reply.body, undefined, 2))
  return exitCodes.ok
}
