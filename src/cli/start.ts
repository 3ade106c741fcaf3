import cluster from 'node:cluster'
import { watch } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { type Admin, startAdmin } from '../admin/server.ts'
import { compilePlan } from '../config/compile.ts'
import { type Edge, startEdge } from '../edge.ts'
import { createOperationalLogger, type OperationalLogger } from '../log/operational.ts'
import type { Plan } from '../plan.ts'
import { isFirstProcess, runProcesses, type WorkerMessage } from './cluster.ts'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { type ReadConfig, readConfig, report } from './problems.ts'

export interface StartOptions {
  /** A file, `-` for JSON on standard input, or undefined to look for `edgeward.config.*`. */
  readonly config: string | undefined
  /** Overrides the port of the first listener; 0 takes a free one. */
  readonly port: number | undefined
  /** Reload when the configuration or a file it names changes. */
  readonly watch: boolean
}

/** A configuration that came on standard input is handed to the server processes in this variable. */
const HANDED_CONFIG = 'EDGEWARD_HANDED_CONFIG'
const WATCH_SETTLE_MS = 150

/** `edgeward start`: runs until it is told to stop, then drains. Resolves with the exit code. */
export async function start(options: StartOptions, output: Output): Promise<ExitCode> {
  const read = await readConfig(options.config, output, process.env[HANDED_CONFIG])
  if (read === undefined) return exitCodes.badConfig
  const plan = planOf(read, options, 1)
  if (cluster.isPrimary) {
    if (read.warnings.length > 0) output.error(report(read.name, [], read.warnings))
    if (plan.processes > 1) {
      const environment = read.text === undefined ? {} : { [HANDED_CONFIG]: read.text }
      const code = await runProcesses(
        plan.processes,
        environment,
        (urls) => tellListening(urls, output),
        (problem) => output.error(problem),
      )
      return code === 0 ? exitCodes.ok : exitCodes.failed
    }
  }
  return serve(options, read, plan, output)
}

async function serve(options: StartOptions, read: ReadConfig, plan: Plan, output: Output): Promise<ExitCode> {
  const operational = createOperationalLogger()
  let edge: Edge
  let admin: Admin | undefined
  try {
    edge = await startEdge({
      plan,
      operational,
      reusePort: cluster.isWorker,
      isFirstProcess: isFirstProcess(),
    })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (process.send !== undefined && cluster.isWorker)
      process.send({ kind: 'failed', message } satisfies WorkerMessage)
    else output.error(message)
    return exitCodes.failed
  }

  let version = 1
  const reload = async (why: string): Promise<string | undefined> => {
    const problems: string[] = []
    const next = await readConfig(
      options.config,
      { ...output, error: (text) => problems.push(text) },
      read.text,
    )
    if (next === undefined) {
      operational.error(`reload (${why}) refused, the old configuration stays:\n${problems.join('\n')}`)
      return problems.join('\n')
    }
    let notes: readonly string[]
    try {
      notes = await edge.reload(planOf(next, options, ++version))
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      operational.error(`reload (${why}) refused, the old configuration stays: ${problem}`)
      return problem
    }
    operational.info(
      `reloaded (${why})${notes.length === 0 ? '' : `; needs a restart to take effect: ${notes.join(', ')}`}`,
    )
    return undefined
  }

  // Of several processes the first answers the admin port.
  if (plan.admin !== undefined && isFirstProcess()) {
    try {
      admin = await startAdmin({
        planned: plan.admin,
        edge,
        dataFolder: read.dataFolder,
        reload: () => reload('admin'),
        routes: () => edge.adminRoutes(),
        report: (problem) => operational.error(problem),
      })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (plan.admin.isRequired) {
        output.error(message)
        await edge.stop()
        return exitCodes.failed
      }
      operational.warn(message)
    }
  }

  // Before the listening line: who reads it may change the file at once.
  const stopWatching = options.watch
    ? watchFiles(read.files, () => void reload('a file changed'), operational)
    : undefined
  const urls = edge.listeners.map((listener) => listener.url)
  if (cluster.isWorker && process.send !== undefined) {
    process.send({ kind: 'listening', urls } satisfies WorkerMessage)
    process.on('message', (message: WorkerMessage) => {
      if (message.kind === 'reload') void reload('SIGHUP')
    })
  } else tellListening(urls, output)
  for (const { name, url } of edge.moduleListeners()) output.out(`${name} listening on ${url}`)

  process.on('SIGHUP', () => {
    edge.log.reopen()
    if (!cluster.isWorker) void reload('SIGHUP')
  })
  await stopSignal()
  stopWatching?.()
  const stopping = edge.stop()
  operational.info('draining: no new requests, those in flight may end')
  const { cut } = await stopping
  await admin?.close()
  // The channel to the parent would keep this process alive.
  if (cluster.isWorker) process.disconnect?.()
  if (cut > 0) operational.warn(`${cut} connections were cut because the drain timeout was over`)
  return exitCodes.ok
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = 0
    const ask = () => {
      if (++asked === 1) resolve()
      else process.exit(130)
    }
    process.on('SIGTERM', ask)
    // A terminal sends SIGINT to the whole group; server processes wait for what their parent tells them.
    process.on('SIGINT', cluster.isWorker ? () => {} : ask)
  })
}

function planOf(read: ReadConfig, options: StartOptions, version: number): Plan {
  const plan = compilePlan(read.checked, { baseFolder: read.baseFolder, version })
  if (options.port === undefined) return plan
  const [first, ...others] = plan.listeners
  return first === undefined ? plan : { ...plan, listeners: [{ ...first, port: options.port }, ...others] }
}

function tellListening(urls: readonly string[], output: Output): void {
  for (const url of urls) output.out(`edgeward listening on ${url}`)
}

/** Watches the folders of the files, because editors replace a file instead of writing into it. */
function watchFiles(
  files: readonly string[],
  changed: () => void,
  operational: OperationalLogger,
): () => void {
  const byFolder = new Map<string, Set<string>>()
  for (const file of files) {
    const path = isAbsolute(file) ? file : join(process.cwd(), file)
    const names = byFolder.get(dirname(path)) ?? new Set()
    byFolder.set(dirname(path), names.add(basename(path)))
  }
  let timer: NodeJS.Timeout | undefined
  const watchers = [...byFolder].map(([folder, names]) => {
    const watcher = watch(folder, { persistent: false }, (_event, name) => {
      if (name === null || !names.has(name)) return
      clearTimeout(timer)
      timer = setTimeout(changed, WATCH_SETTLE_MS)
    })
    watcher.on('error', (error) =>
      operational.warn(`the folder ${folder} is not watched any more: ${error.message}`),
    )
    return watcher
  })
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}
