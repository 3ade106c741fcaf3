import { Argument } from 'commander'
import { exitCodes } from '../../base/exit.ts'
import { acceptedVersions } from '../../seams/secrets/rotation.ts'
import type { CliKit } from '../module.ts'
import { snippetServers, writeSnippet, type SnippetServer } from './snippets.ts'
import { nameOf, targetsOf } from './targets.ts'
import { createTell } from './tell.ts'

/** `edgeward origin-verify snippet nginx|apache`: the snippet with the values of now, printed or written. */
export function addOriginVerifyCommands(cli: CliKit): void {
  const group = cli.program
    .command('origin-verify')
    .description('what an origin needs to tell what came through the edge')
  group
    .command('snippet')
    .description(
      'print, or write and keep the mode of, a piece of server configuration; it holds values in clear',
    )
    .addArgument(new Argument('<server>', 'whose configuration').choices(snippetServers))
    .option('-c, --config <file>', 'configuration file')
    .option('-o, --origin <name>', 'distribution/origin, where several check a header')
    .option('-w, --write <file>', 'write it there instead of printing it')
    .action(async (server: SnippetServer, options: SnippetOptions) => {
      cli.exit(await snippet(cli, server, options))
    })
}

interface SnippetOptions {
  readonly config?: string
  readonly origin?: string
  readonly write?: string
}

async function snippet(cli: CliKit, server: SnippetServer, options: SnippetOptions) {
  const { output } = cli
  const read = await cli.readPlan(options.config)
  if (read === undefined) return exitCodes.badConfig
  const all = targetsOf(read.plan)
  const fitting = all.filter((target) => options.origin === undefined || nameOf(target) === options.origin)
  const [target] = fitting
  if (target === undefined || fitting.length > 1) {
    const names = all.map(nameOf).join(', ')
    output.error(
      all.length === 0
        ? 'no origin of this configuration has originVerify'
        : `which origin? Say --origin with one of ${names}`,
    )
    return exitCodes.badConfig
  }
  const seams = read.openSeams()
  try {
    const secrets = await seams.secrets()
    const snapshot = secrets.handle(target.config.secret).current
    if (snapshot === undefined) {
      output.error(
        `there is no secret "${target.config.secret}" yet: the edge makes it when it starts, or "edgeward secrets set ${target.config.secret}"`,
      )
      return exitCodes.failed
    }
    const accepted = acceptedVersions(snapshot).map(({ value }) => value.reveal())
    const { header } = target.config
    if (options.write === undefined) {
      output.out(writeSnippet(server, header, accepted).trimEnd())
      return exitCodes.ok
    }
    const news = { header, accepted, send: snapshot.value.reveal() }
    await createTell(server === 'nginx' ? { nginx: options.write } : { apache: options.write })(news)
    output.error(`${options.write} was written; reload ${server}`)
    return exitCodes.ok
  } catch (error) {
    output.error(error instanceof Error ? error.message : String(error))
    return exitCodes.failed
  } finally {
    await seams.close()
  }
}
