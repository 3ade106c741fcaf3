import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { check } from './check.ts'
import { demo } from './demo.ts'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { explainCommand } from './explain.ts'
import { addFunctionCommands } from './function-commands.ts'
import { init } from './init.ts'
import { invalidateCommand } from './invalidate.ts'
import { addModuleCommands } from './module-commands.ts'
import { addSecretsCommands } from './secrets.ts'
import { addWafCommands } from './waf-commands.ts'
import { start } from './start.ts'
import { warmCommand } from './warm.ts'

export interface Cli {
  /** Runs one command and resolves with its exit code. */
  run(argv: readonly string[]): Promise<ExitCode>
}

/** The command line: one action per command, complete help, exit code 2 for a wrong command line. */
export function createCli(output: Output): Cli {
  let code: ExitCode = exitCodes.ok
  const program = new Command('edgeward')
    .description('The programmable edge you own: a CDN-style reverse proxy that speaks CloudFront.')
    .version(version(), '-V, --version')
    .showHelpAfterError('(edgeward --help lists the commands)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.out(text.trimEnd()),
      writeErr: (text) => output.error(text.trimEnd()),
    })
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 the configuration or the command line is wrong.')

  program
    .command('start')
    .description('run the edge until SIGTERM or Ctrl-C, then drain')
    .argument(
      '[config]',
      'configuration file; without it, edgeward.config.{ts,js,mjs,json,yaml,yml} of this folder',
    )
    .option('-c, --config <file>', 'the same; "-" reads JSON from standard input')
    .option('-p, --port <number>', 'port of the first listener, 0 for a free one', portNumber)
    .option('-w, --watch', 'reload when the configuration or a file it names changes', false)
    .action(async (file: string | undefined, options: { config?: string; port?: number; watch: boolean }) => {
      code = await start({ config: options.config ?? file, port: options.port, watch: options.watch }, output)
    })

  program
    .command('check')
    .description(
      'report every problem of a configuration at once, with path, what was expected and what to do',
    )
    .argument('[config]', 'configuration file')
    .option('-c, --config <file>', 'the same; "-" reads JSON from standard input')
    .option('--json', 'print the problems as JSON', false)
    .action(async (file: string | undefined, options: { config?: string; json: boolean }) => {
      code = await check({ config: options.config ?? file, json: options.json }, output)
    })

  program
    .command('explain')
    .description(
      'say, stage by stage, what is decided for a request and why; asks the running edge, else the configuration',
    )
    .argument('<url>', 'the URL as a viewer would ask for it, for example http://localhost:8080/hotels/')
    .option('-X, --method <method>', 'request method', 'GET')
    .option(
      '-H, --header <line>',
      'request header "Name: value"; may be given again',
      (line: string, lines: string[]) => [...lines, line],
      [],
    )
    .option('--client <address>', 'address of the viewer, for geo rules')
    .option('-c, --config <file>', 'configuration file')
    .option('--offline', 'do not ask a running edge', false)
    .option('--json', 'print the explanation as JSON', false)
    .action(
      async (
        url: string,
        options: {
          method: string
          header: string[]
          client?: string
          config?: string
          offline: boolean
          json: boolean
        },
      ) => {
        code = await explainCommand({ url, ...options }, output)
      },
    )

  addWafCommands(program, output, (result) => (code = result))
  addFunctionCommands(program, output, (done) => (code = done))

  program
    .command('invalidate')
    .description(
      "take responses out of the running edge's cache: those of these paths, and those with these tags",
    )
    .argument(
      '[paths...]',
      'paths with query as in the cache key; * as the last character stands for anything',
    )
    .option(
      '-t, --tag <tag>',
      'responses with this tag (Cache-Tag), or with tags that begin so when it ends in *; may be given again',
      collect,
      [],
    )
    .option('-d, --distribution <name>', 'only of this distribution, by name or id')
    .option('--soft', 'mark stale instead of removing: they may be served while they are refreshed', false)
    .option('--all', 'everything', false)
    .option('-c, --config <file>', 'configuration file of the running edge')
    .action(
      async (
        paths: string[],
        options: { tag: string[]; distribution?: string; soft: boolean; all: boolean; config?: string },
      ) => {
        code = await invalidateCommand({ paths, ...options }, output)
      },
    )

  program
    .command('warm')
    .description('have the running edge fetch URLs into its cache, and say what came of it')
    .argument(
      '<sources...>',
      'files of URLs or sitemaps, - for standard input, addresses of sitemaps (….xml), URLs',
    )
    .option('-b, --base <url>', 'site of lines that are paths, and instead of the one that URLs name')
    .option('-n, --concurrency <number>', 'URLs fetched at the same time', positive, 8)
    .option(
      '-H, --header <line>',
      'request header "Name: value", where the key asks for it; may be given again',
      collect,
      [],
    )
    .option('-c, --config <file>', 'configuration file of the running edge')
    .option('--json', 'print every result as JSON', false)
    .action(
      async (
        sources: string[],
        options: { base?: string; concurrency: number; header: string[]; config?: string; json: boolean },
      ) => {
        code = await warmCommand({ sources, ...options }, output)
      },
    )

  program
    .command('init')
    .description('write a commented configuration that starts')
    .argument('[folder]', 'where to write it', '.')
    .action(async (folder: string) => {
      code = await init(folder, output)
    })

  program
    .command('demo')
    .description('run the travel portal of examples/demo: three origins behind one domain')
    .option('-p, --port <number>', 'port, 0 for a free one', portNumber, 8080)
    .action(async (options: { port: number }) => {
      code = await demo(options.port, output)
    })

  addSecretsCommands(program, output, (done) => (code = done))
  addModuleCommands(program, output, (done) => (code = done))

  return {
    async run(argv) {
      try {
        await program.parseAsync(argv, { from: 'user' })
        return code
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error
        return error.exitCode === 0 ? exitCodes.ok : exitCodes.badConfig
      }
    },
  }
}

function collect(value: string, values: string[]): string[] {
  return [...values, value]
}

function positive(text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < 1 || number > 128)
    throw new InvalidArgumentError('it is a number from 1 to 128.')
  return number
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('a port is a number from 0 to 65535.')
  return port
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
