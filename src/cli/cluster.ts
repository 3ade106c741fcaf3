import cluster, { type Worker } from 'node:cluster'

/** What a worker tells its parent, and the parent its workers. */
export type WorkerMessage =
  | { readonly kind: 'listening'; readonly urls: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'reload' }

const PROCESS_SLOT = 'EDGEWARD_PROCESS_SLOT'

/**
 * Whether this process does what only one of several may: the control API, jobs and ports of modules. A process that takes
 * the place of one that died takes over its part.
 */
export function isFirstProcess(): boolean {
  return (process.env[PROCESS_SLOT] ?? '0') === '0'
}

/**
 * Runs `processes` copies of the server that share the ports, and tells when all of them listen. A worker that dies is
 * replaced, at most once a second; one that cannot start ends the edge. Resolves with the exit code when all have ended.
 */
export async function runProcesses(
  processes: number,
  environment: NodeJS.ProcessEnv,
  listening: (urls: readonly string[]) => void,
  report: (problem: string) => void,
): Promise<number> {
  cluster.schedulingPolicy = cluster.SCHED_NONE
  let isStopping = false
  let hasTold = false
  let urls: readonly string[] | undefined
  const listeners = new Set<number>()
  let exitCode = 0
  let alive = 0
  let lastStart = 0
  const allEnded = Promise.withResolvers<void>()

  function start(slot: number): void {
    lastStart = Date.now()
    alive++
    const worker = cluster.fork({ ...environment, [PROCESS_SLOT]: String(slot) })
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'listening') {
        listeners.add(slot)
        // The first process has opened the control API by then: whoever reads the line may use it at once.
        if (slot === 0) urls = message.urls
        if (hasTold || urls === undefined || listeners.size < processes) return
        hasTold = true
        listening(urls)
      } else if (message.kind === 'failed') {
        report(message.message)
        exitCode = 1
        stop()
      }
    })
    worker.on('exit', (code, signal) => {
      alive--
      if (isStopping) {
        if (alive === 0) allEnded.resolve()
        return
      }
      report(`a server process ended (${signal ?? `exit code ${code}`}) and is started again`)
      setTimeout(
        () => {
          if (!isStopping) start(slot)
        },
        Math.max(0, lastStart + 1000 - Date.now()),
      )
    })
  }

  function workers(): Worker[] {
    return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  }

  function stop(): void {
    isStopping = true
    for (const worker of workers()) worker.process.kill('SIGTERM')
  }

  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => {
    for (const worker of workers()) worker.send({ kind: 'reload' } satisfies WorkerMessage)
  })
  for (let slot = 0; slot < processes; slot++) start(slot)
  await allEnded.promise
  return exitCode
}
