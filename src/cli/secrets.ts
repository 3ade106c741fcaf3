import type { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { Secret } from '../base/secret.ts'
import { modules } from '../modules/index.ts'
import type { CliPlan } from '../modules/module.ts'
import { SeamError, isSeamError } from '../seams/seam-error.ts'
import type { RotationWork } from '../seams/secrets/rotation.ts'
import { auditOf, handoverMsOf, plainWork, randomValue, rotateHere } from '../seams/secrets/rotate-here.ts'
import type { Secrets } from '../seams/secrets/secrets.ts'
import { readPlan } from './module-commands.ts'
import { readSecretValue } from './read-secret-value.ts'

const BY = 'command line'
/** Timers of the edge keep no process alive; a command that waits for one must stay. */
const STAY_MS = 60_000

interface Options {
  readonly config?: string
}

/** `edgeward secrets set|get|list|history|rotate`. */
export function addSecretsCommands(program: Command, output: Output, exit: (code: ExitCode) => void): void {
  const group = program.command('secrets').description('make, read and rotate the secrets of an edge')

  group
    .command('set')
    .description('set a value, read from standard input; a secret that origins check is rotated to it')
    .argument('<name>', 'name of the secret')
    .option('-c, --config <file>', 'configuration file')
    .action(async (name: string, options: Options) =>
      exit(await withSecrets(options, output, set(name), name)),
    )

  group
    .command('get')
    .description('print a value, and nothing else')
    .argument('<name>', 'name of the secret')
    .option('-s, --stage <label>', 'the version with this label', 'AWSCURRENT')
    .option('-c, --config <file>', 'configuration file')
    .action(async (name: string, options: Options & { stage: string }) =>
      exit(
        await withSecrets(
          options,
          output,
          async ({ secrets }) => {
            output.out((await secrets.get(name, { stage: options.stage })).value.reveal())
            return exitCodes.ok
          },
          name,
        ),
      ),
    )

  group
    .command('list')
    .description('list the secrets, without values')
    .option('-c, --config <file>', 'configuration file')
    .action(async (options: Options) => exit(await withSecrets(options, output, list)))

  group
    .command('history')
    .description('list the versions of a secret and what was done to it, without values')
    .argument('<name>', 'name of the secret')
    .option('-c, --config <file>', 'configuration file')
    .action(async (name: string, options: Options) =>
      exit(await withSecrets(options, output, history(name), name)),
    )

  group
    .command('rotate')
    .description(
      'replace a value in four steps that are tested and taken back when they fail; resumes one that broke off',
    )
    .argument('<name>', 'name of the secret')
    .option('-c, --config <file>', 'configuration file')
    .action(async (name: string, options: Options) =>
      exit(await withSecrets(options, output, rotateNow(name), name)),
    )
}

interface Work {
  readonly read: CliPlan
  readonly secrets: Secrets
  readonly output: Output
}

async function withSecrets(
  { config }: Options,
  output: Output,
  work: (given: Work) => Promise<ExitCode>,
  name?: string,
): Promise<ExitCode> {
  const read = await readPlan(config, output)
  if (read === undefined) return exitCodes.badConfig
  const seams = read.openSeams()
  const stay = setInterval(() => {}, STAY_MS)
  try {
    const secrets = await seams.secrets()
    if (name !== undefined) secrets.handle(name)
    // A store behind a network knows of a secret what it was asked for.
    await secrets.refresh()
    return await work({ read, secrets, output })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    output.error(error.message)
    return isSeamError(error, 'invalid', 'limit') ? exitCodes.badConfig : exitCodes.failed
  } finally {
    clearInterval(stay)
    await seams.close()
  }
}

function set(name: string) {
  return async (given: Work): Promise<ExitCode> => {
    const { read, secrets, output } = given
    const value = await readSecretValue(`value of ${name}: `, output)
    if (value === '') throw new SeamError('invalid', `no value came on standard input for "${name}"`)
    const createValue = (): Secret => new Secret(value)
    const checked = workOf(given, name, createValue)
    // Refuses what the origins could not take.
    checked?.createValue()
    if (checked !== undefined && secrets.handle(name).current !== undefined) {
      output.error(`"${name}" is checked by origins: it is rotated to this value`)
      return await rotateTo(given, name, createValue)
    }
    const { id } = await secrets.put(name, new Secret(value))
    await auditOf(read.dataFolder, systemClock).write({ secret: name, event: 'set', versionId: id, by: BY })
    output.out(`${name} is set; version ${id}`)
    return exitCodes.ok
  }
}

async function list({ secrets, output }: Work): Promise<ExitCode> {
  const names = secrets.names()
  for (const name of names) secrets.handle(name)
  await secrets.refresh()
  if (names.length === 0) output.error('there are no secrets yet; "edgeward secrets set NAME" makes one')
  const width = Math.max(...names.map((name) => name.length), 0)
  for (const name of names) {
    const current = secrets.handle(name).current?.stages.get('AWSCURRENT')
    const since = current === undefined ? 'no current version' : `since ${timeOf(current.createdAt)}`
    const versions = secrets.handle(name).current?.versions.length ?? 0
    output.out(`${name.padEnd(width)}  ${versions === 1 ? '1 version' : `${versions} versions`}, ${since}`)
  }
  return exitCodes.ok
}

function history(name: string) {
  return async ({ read, secrets, output }: Work): Promise<ExitCode> => {
    const versions = secrets.handle(name).current?.versions
    const entries = await auditOf(read.dataFolder, systemClock).read(name)
    if (versions === undefined && entries.length === 0) {
      throw new SeamError('not-found', `there is no secret "${name}"; "edgeward secrets list" lists them`)
    }
    output.out(`versions of ${name}`)
    for (const { id, createdAt, stages } of (versions ?? []).toReversed())
      output.out(`  ${timeOf(createdAt)}  ${id}  ${stages.join(' ') || '-'}`)
    output.out('what was done')
    for (const { time, event, step, versionId, by, message } of entries) {
      const what = [step, event].filter((word) => word !== undefined).join(' ')
      output.out(
        `  ${time}  ${what.padEnd(24)}  ${(versionId ?? '-').slice(0, 8)}  by ${by}${message === undefined ? '' : `: ${message}`}`,
      )
    }
    return exitCodes.ok
  }
}

function rotateNow(name: string) {
  return (given: Work): Promise<ExitCode> => rotateTo(given, name, randomValue)
}

async function rotateTo(given: Work, name: string, createValue: () => Secret): Promise<ExitCode> {
  const { read, secrets, output } = given
  const checked = workOf(given, name, createValue)
  if (checked !== undefined && (await read.askAdmin('GET', '/readyz')) === undefined) {
    output.error('no edge answers at the admin port: the origins are not asked through it')
  }
  const result = await rotateHere({
    secrets,
    name,
    work: checked ?? plainWork(createValue),
    clock: systemClock,
    dataFolder: read.dataFolder,
    by: BY,
    handoverMs: handoverMsOf(read.plan.secrets),
  })
  switch (result?.kind) {
    case undefined:
      output.error(`another process is rotating "${name}"; try again when it is done`)
      return exitCodes.failed
    case 'rotated':
      output.out(
        `${name} is rotated${result.resumed ? ', a rotation that had broken off' : ''}; version ${result.versionId} is current`,
      )
      return exitCodes.ok
    case 'stopped':
      output.error(`the rotation of "${name}" was stopped; the next one resumes it`)
      return exitCodes.failed
    case 'rolled-back':
      output.error(`the rotation of "${name}" failed at ${result.step}: ${result.error.message}`)
      output.error(
        result.rollbackError === undefined
          ? 'everything was taken back; the value before it is current'
          : `taking it back failed too: ${result.rollbackError.message}. Run this again when that is mended`,
      )
      return exitCodes.failed
  }
}

/** How a module that uses the secret rotates it. */
function workOf({ read }: Work, name: string, createValue: () => Secret): RotationWork | undefined {
  for (const module of modules) {
    const work = module.rotation?.(name, {
      plan: read.plan,
      clock: systemClock,
      createValue,
      askAdmin: (method, path, body) => read.askAdmin(method, path, body),
    })
    if (work !== undefined) return work
  }
  return undefined
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
