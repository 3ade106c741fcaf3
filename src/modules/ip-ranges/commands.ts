import { systemClock } from '../../base/clock.ts'
import { type ExitCode, exitCodes } from '../../base/exit.ts'
import type { CliKit } from '../module.ts'
import type { IpRangesConfig } from './config.ts'
import { createFeed, type Feed } from './feed.ts'
import type { Fetch } from '../../http/fetch-text.ts'
import { printOutcome, printState } from './print-outcome.ts'

interface Options {
  readonly config?: string
  readonly acceptShrink?: boolean
  readonly all?: boolean
}

/** `edgeward ip-ranges plan|apply|status`. */
export function addIpRangesCommands(cli: CliKit, fetch: Fetch): void {
  const group = cli.program
    .command('ip-ranges')
    .description('keep firewalls equal to published address ranges')
  group
    .command('plan')
    .description('show what would change, and change nothing')
    .argument('[feed]', 'one of the feeds; all when left out')
    .option('-c, --config <file>', 'configuration file')
    .option('--accept-shrink', 'plan also what loses more than maxShrink')
    .option('--all', 'show every range')
    .action(async (feed: string | undefined, options: Options) => {
      cli.exit(await withFeeds(cli, fetch, feed, options, (each) => plan(cli, each, options)))
    })
  group
    .command('apply')
    .description('change what plan shows')
    .argument('[feed]', 'one of the feeds; all when left out')
    .option('-c, --config <file>', 'configuration file')
    .option('--accept-shrink', 'take a list that loses more than maxShrink')
    .option('--all', 'show every range')
    .action(async (feed: string | undefined, options: Options) => {
      cli.exit(await withFeeds(cli, fetch, feed, options, (each) => apply(cli, each, options)))
    })
  group
    .command('status')
    .description('show the lists that were taken, and alarms')
    .argument('[feed]', 'one of the feeds; all when left out')
    .option('-c, --config <file>', 'configuration file')
    .action(async (feed: string | undefined, options: Options) => {
      cli.exit(await withFeeds(cli, fetch, feed, options, (each) => status(cli, each)))
    })
}

async function plan({ output }: CliKit, feed: Feed, options: Options): Promise<boolean> {
  const outcome = await feed.plan({ acceptShrink: options.acceptShrink ?? false })
  const lines = printOutcome(feed.name, outcome, { isDone: false, isWhole: options.all ?? false })
  for (const line of lines) output.out(line)
  return outcome.isOk
}

async function apply({ output }: CliKit, feed: Feed, options: Options): Promise<boolean> {
  const outcome = await feed.run({ by: 'command line', acceptShrink: options.acceptShrink ?? false })
  const lines = printOutcome(feed.name, outcome, { isDone: true, isWhole: options.all ?? false })
  for (const line of lines) output.out(line)
  return outcome.isOk
}

async function status({ output }: CliKit, feed: Feed): Promise<boolean> {
  const state = await feed.state()
  for (const line of printState(feed.name, state)) output.out(line)
  return state.alarm === undefined
}

async function withFeeds(
  cli: CliKit,
  fetch: Fetch,
  wanted: string | undefined,
  options: Options,
  work: (feed: Feed) => Promise<boolean>,
): Promise<ExitCode> {
  const { output } = cli
  const read = await cli.readPlan(options.config)
  if (read === undefined) return exitCodes.badConfig
  // What `compile` of this module put there.
  const config = read.plan.modules['ipRanges'] as IpRangesConfig | undefined
  const names = Object.keys(config?.feeds ?? {})
  if (config === undefined || names.length === 0) {
    output.error('this configuration has no feeds in ipRanges')
    return exitCodes.badConfig
  }
  if (wanted !== undefined && !names.includes(wanted)) {
    output.error(`there is no feed ${wanted}; there is ${names.join(', ')}`)
    return exitCodes.badConfig
  }
  const seams = read.openSeams()
  let isOk = true
  try {
    for (const name of wanted === undefined ? names : [wanted]) {
      const feed = createFeed({
        name,
        config: config.feeds[name]!,
        clock: systemClock,
        seams,
        dataFolder: read.dataFolder,
        fetch,
        onAlarm: () => {},
        ...(config.debug && { onStep: (target, says) => output.error(`${target}: ${says}`) }),
      })
      try {
        isOk = (await work(feed)) && isOk
      } catch (error) {
        output.error(`${name}: ${error instanceof Error ? error.message : String(error)}`)
        isOk = false
      } finally {
        await feed.close()
      }
    }
  } finally {
    await seams.close()
  }
  return isOk ? exitCodes.ok : exitCodes.failed
}
