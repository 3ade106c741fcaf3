import { once } from 'node:events'
import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { exitCodes, type ExitCode, type Output } from '../../../base/exit.ts'
import { FileLock } from '../../../seams/file-lock.ts'
import { asError } from '../../../seams/seam-error.ts'
import type { CliKit, CliPlan } from '../../module.ts'
import type { ImageEngineConfig } from '../config.ts'
import { isRecord } from '../engine/edits.ts'
import { notDeleted, type OptimiseChoices, readDeleted, readWish } from '../optimise/optimise-command.ts'
import { optimiseSchema } from './config.ts'
import { ledgerFolder } from './follow-optimiser.ts'
import { Ledger } from './ledger.ts'
import { openOptimiser } from './open-optimiser.ts'
import { type OptimiserReport, printReport, triesOf } from './report.ts'

/** `edgeward images report`: what the optimisers of the running edge have done, and what they could not do. */
export async function report(
  cli: CliKit,
  name: string | undefined,
  config: string | undefined,
): Promise<ExitCode> {
  const { output } = cli
  const read = await cli.readPlan(config)
  if (read === undefined) return exitCodes.badConfig
  const names = namesOf(read, name, output)
  if (names === undefined) return exitCodes.badConfig
  const reply = await read.askAdmin('GET', '/images/optimise')
  const isRunning = reply?.status === 200 && Array.isArray(reply.body)
  if (!isRunning) output.error('no edge with this configuration answers: only what is written down is shown')
  // The route of the same version wrote it.
  const reports = isRunning ? (reply.body as readonly OptimiserReport[]) : await writtenReports(read, names)
  for (const each of reports.filter((one) => names.includes(one.name)))
    for (const line of printReport(each)) output.out(line)
  return exitCodes.ok
}

/** `edgeward images retry`: failed and rejected pictures are tried once more, by the running edge or the next one. */
export async function retry(
  cli: CliKit,
  name: string,
  key: string | undefined,
  config: string | undefined,
): Promise<ExitCode> {
  const { output } = cli
  const read = await cli.readPlan(config)
  if (read === undefined) return exitCodes.badConfig
  if (namesOf(read, name, output) === undefined) return exitCodes.badConfig
  const body = key === undefined ? undefined : { key }
  const reply = await read.askAdmin('POST', `/images/optimise/${encodeURIComponent(name)}/retry`, body)
  let count: number
  if (reply?.status === 200 && isRecord(reply.body)) count = Number(reply.body['retried'])
  else {
    await using ledger = await Ledger.open(ledgerFolder(read.dataFolder), name, (error) =>
      output.error(error.message),
    )
    count = await ledger.retry(key)
    if (count > 0)
      output.error('no edge with this configuration answers: the next one that starts tries them')
  }
  if (count === 0 && key !== undefined) {
    output.error(`edgeward images retry: ${key} is not among the failures of ${name}`)
    return exitCodes.failed
  }
  output.out(`${count} to be tried again`)
  return exitCodes.ok
}

/** `edgeward images watch FOLDER`: the optimiser of a folder without an edge, until SIGINT or SIGTERM. */
export async function watch(folder: string, choices: OptimiseChoices, output: Output): Promise<ExitCode> {
  const say = (message: string): void => output.error(`edgeward images watch: ${message}`)
  const wish = readWish(choices)
  if (typeof wish === 'string') {
    say(wish)
    return exitCodes.badConfig
  }
  const deleted = readDeleted(choices)
  if (deleted === undefined) {
    say(notDeleted(choices))
    return exitCodes.badConfig
  }
  const from = path.resolve(folder)
  const to = path.resolve(choices.out ?? `${from}-optimised`)
  const isFolder = await stat(from).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder) {
    say(`${folder} is no folder`)
    return exitCodes.failed
  }
  if (from === to || from.startsWith(to + path.sep)) {
    say(`the originals lie in ${to}: give another folder for the results`)
    return exitCodes.badConfig
  }
  const { watch: config } = optimiseSchema.parse({
    watch: {
      from: { folder: from },
      to: { folder: to },
      sizes: Object.fromEntries(wish.sizes.map(({ name, ...size }) => [name, size])),
      formats: Object.keys(wish.formats),
      exif: choices.exif ?? false,
      deleted,
    },
  })
  // Hidden, and beside the results: whoever runs this again goes on.
  const keep = path.join(to, '.edgeward')
  await mkdir(to, { recursive: true })
  await using ledger = await Ledger.open(keep, 'watch', (error) => say(error.message))
  await using owner = FileLock.open(path.join(keep, 'watch.owner'))
  if (!owner.tryKeep()) {
    say(`another process writes to ${to} already`)
    return exitCodes.failed
  }
  const { optimiser, close } = await openOptimiser({
    config: config!,
    clock: systemClock,
    seams: { objects: () => Promise.reject(new Error('there are no objects without an edge')) },
    ledger,
    maxMemoryBytes: 1 << 30,
    onPicture(key, ending, says) {
      if (ending === 'made' || ending === 'removed') output.out(`${key}  ${says}`)
      if (ending === 'rejected' || ending === 'failed') say(`${key}: ${says}`)
    },
    report: { warn: say },
  })
  optimiser.start()
  say(`watching ${from}, results go to ${to}; Ctrl-C ends it`)
  // Its own timers keep nobody alive.
  const alive = setInterval(() => {}, 1 << 30)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  clearInterval(alive)
  await close()
  const { made, kept, removed } = optimiser.state
  output.out(`${made} made, ${kept} found done, ${ledger.failures.size} failed`)
  if (removed > 0) output.out(`${removed} removed with their originals`)
  for (const line of optimiser.tally.lines()) output.out(line)
  return exitCodes.ok
}

/** The optimisers of a configuration that are meant; undefined, and told, when there is none. */
function namesOf({ plan }: CliPlan, name: string | undefined, output: Output): readonly string[] | undefined {
  // `compile` of this module put it there.
  const engine = plan.modules['images'] as ImageEngineConfig | undefined
  const names = Object.keys(engine?.optimise ?? {})
  if (names.length === 0) output.error('this configuration has no images.optimise')
  else if (name !== undefined && !names.includes(name))
    output.error(`there is no optimiser ${name}; there are: ${names.join(', ')}`)
  else return name === undefined ? names : [name]
  return undefined
}

async function writtenReports(
  { dataFolder }: CliPlan,
  names: readonly string[],
): Promise<readonly OptimiserReport[]> {
  const reports: OptimiserReport[] = []
  for (const name of names) {
    await using ledger = await Ledger.open(ledgerFolder(dataFolder), name, (error) => {
      throw asError(error)
    })
    const tried = [...ledger.tried.values()].map(triesOf)
    reports.push({ name, isWorking: false, failures: [...ledger.failures.values()], tried, more: 0 })
  }
  return reports
}
