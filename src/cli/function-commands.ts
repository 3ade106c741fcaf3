import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ExitCode, Output } from '../base/exit.ts'
import type { FunctionEventName } from '../planned-functions.ts'
import { printFigures, printLogs, runOne, testFolder } from './functions.ts'
import { kvs, type KvsCommand } from './kvs.ts'

const EVENTS = ['viewer-request', 'origin-request', 'origin-response', 'viewer-response'] as const

interface RunFlags {
  readonly event: string
  readonly at?: FunctionEventName
  readonly kind?: 'lambda-edge' | 'cloudfront'
  readonly handler?: string
  readonly runtime?: '1.0' | '2.0'
  readonly inline: boolean
  readonly kvs?: string
  readonly timeout?: number
  readonly json: boolean
}

/** `edgeward functions …` and `edgeward kvs …`. */
export function addFunctionCommands(program: Command, output: Output, done: (code: ExitCode) => void): void {
  const functions = program
    .command('functions')
    .description('try edge functions without a running edge, and see what those of a running one do')

  functions
    .command('run')
    .description('run one function on one event; print its result, what it changed and every rule it broke')
    .argument('<file>', 'the function; or the folder of a Lambda@Edge handler')
    .requiredOption('-e, --event <file>', 'the event, as JSON')
    .addOption(new Option('--at <event>', 'run it at this event, whatever the file says').choices(EVENTS))
    .addOption(
      new Option('--kind <kind>', 'left out: told by the file').choices(['lambda-edge', 'cloudfront']),
    )
    .option('--handler <name>', 'Lambda@Edge: file and export, for example index.handler')
    .option('--timeout <ms>', 'Lambda@Edge: how long it may take', milliseconds)
    .addOption(new Option('--runtime <version>', 'CloudFront Functions').choices(['1.0', '2.0']))
    .option('--inline', 'CloudFront Functions: in this process instead of the sandbox', false)
    .option('--kvs <file>', "CloudFront Functions: key-value store, in AWS's import format")
    .option('--json', 'print the run as JSON', false)
    .action(async (file: string, { inline, ...flags }: RunFlags) => {
      done(await runOne(file, { ...flags, run: inline ? 'inline' : 'sandbox' }, output))
    })

  functions
    .command('test')
    .description('run a folder of cases (*.case.json: function, event, what is expected) and print a table')
    .argument('<folder>')
    .option('--json', 'print the results as JSON', false)
    .action(async (folder: string, options: { json: boolean }) =>
      done(await testFolder(folder, options, output)),
    )

  functions
    .command('logs')
    .description('what the functions of the running edge wrote to their consoles, and how they failed')
    .option('-r, --request <id>', 'of one request, by its X-Amz-Cf-Id')
    .option('-f, --function <name>', 'of one function')
    .option('-n, --limit <number>', 'invocations at most', milliseconds, 100)
    .option('-c, --config <file>', 'configuration file of the edge')
    .option('--json', 'print them as JSON', false)
    .action(
      async (options: {
        request?: string
        function?: string
        limit: number
        config?: string
        json: boolean
      }) => done(await printLogs(options, output)),
    )

  functions
    .command('list')
    .description('runs, failures, cold starts and candidates of the functions of the running edge')
    .option('-c, --config <file>', 'configuration file of the edge')
    .action(async (options: { config?: string }) => done(await printFigures(options, output)))

  addStoreCommands(program, async (command, options) => done(await kvs(command, options, output)))
}

function addStoreCommands(
  program: Command,
  run: (command: KvsCommand, options: { config?: string; ifMatch?: string }) => Promise<void>,
): void {
  const stores = program
    .command('kvs')
    .description('read and change the key-value stores of the running edge')
  const add = (usage: string, description: string) =>
    stores
      .command(usage)
      .description(description)
      .option('-c, --config <file>', 'configuration file of the edge')
  const addChange = (usage: string, description: string) =>
    add(usage, description).option(
      '--if-match <etag>',
      'refuse unless the store still has this ETag; left out, the one it has now',
    )
  type Flags = { config?: string; ifMatch?: string }
  add('list', 'all stores').action((options: Flags) => run({ kind: 'list' }, options))
  add('keys <store>', 'all keys and values').action((store: string, options: Flags) =>
    run({ kind: 'keys', store }, options),
  )
  add('export <store>', "all keys and values in AWS's import format").action(
    (store: string, options: Flags) => run({ kind: 'export', store }, options),
  )
  add('get <store> <key>', 'one value').action((store: string, key: string, options: Flags) =>
    run({ kind: 'get', store, key }, options),
  )
  addChange('put <store> <key> <value>', 'set one value; prints the new ETag').action(
    (store: string, key: string, value: string, options: Flags) =>
      run({ kind: 'put', store, key, value }, options),
  )
  addChange('delete <store> <key>', 'remove one key; prints the new ETag').action(
    (store: string, key: string, options: Flags) => run({ kind: 'delete', store, key }, options),
  )
  addChange(
    'import <store> <file>',
    "put every pair of a file in AWS's import format; other keys stay",
  ).action((store: string, file: string, options: Flags) => run({ kind: 'import', store, file }, options))
}

function milliseconds(text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < 1) throw new InvalidArgumentError('expected a whole number from 1 on.')
  return number
}
