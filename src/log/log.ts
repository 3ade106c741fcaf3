import type { Clock } from '../base/clock.ts'
import type { Handle, Plan } from '../plan.ts'
import type { Rooms } from '../rooms.ts'
import type { Outcome, Passage, Visit } from '../visit.ts'
import { AccessLog } from './access-log.ts'
import { CaptureLog } from './capture.ts'
import { createConsoleLine } from './console-line.ts'
import { Metrics } from './metrics.ts'
import type { OperationalLogger } from './operational.ts'
import { RecentVisits } from './recent-visits.ts'
import { createJsonFormat, createStandardFormat, type LineFacts } from './standard-format.ts'

export interface LogOptions {
  readonly clock: Clock
  readonly plan: Handle<Plan>
  readonly operational: OperationalLogger
  /** Where readable lines go; standard output if left out. */
  readonly writeConsole?: (text: string) => void
}

/** The log room: what becomes of a visit when its response has left. */
export interface Log {
  readonly finish: Rooms['log']['finish']
  readonly metrics: Metrics
  readonly visits: RecentVisits
  readonly access: AccessLog | undefined
  readonly capture: CaptureLog | undefined
  /** Ends the current files, after an operator has moved them away. */
  reopen(): void
  flush(): Promise<void>
  close(): Promise<void>
}

export function createLog({ clock, plan, operational, writeConsole }: LogOptions): Log {
  const planned = plan.current.log
  const report = (problem: string) => operational.warn(problem)
  const facts: LineFacts = {
    get pop() {
      return plan.current.identity.pop
    },
    logsCookies(name) {
      for (const each of plan.current.distributions) if (each.name === name) return each.logCookies
      return false
    },
  }
  const access =
    planned.access === undefined
      ? undefined
      : new AccessLog({
          clock,
          planned: planned.access,
          format: planned.access.format === 'json' ? createJsonFormat(facts) : createStandardFormat(facts),
          report,
        })
  const capture =
    planned.capture === undefined ? undefined : new CaptureLog({ clock, planned: planned.capture, report })
  const metrics = new Metrics()
  const visits = new RecentVisits(planned.keepVisits)
  const output = writeConsole === undefined && planned.console ? openStandardOutput() : undefined
  const write = writeConsole ?? ((text: string) => output?.write(text))
  const consoleLine = planned.console ? createConsoleLine(hasColours()) : undefined

  function finish(passage: Passage, outcome: Outcome): void {
    const { visit } = passage
    visit.finishedAt ??= clock.monotonic()
    if (!outcome.complete) settleResult(visit, outcome)
    metrics.add(visit)
    visits.add(visit)
    access?.add(visit)
    capture?.add(visit)
    if (consoleLine !== undefined) write(`${consoleLine(visit)}\n`)
  }

  return {
    finish,
    metrics,
    visits,
    access,
    capture,
    reopen: () => access?.reopen(),
    async flush() {
      await Promise.all([access?.flush(), capture?.flush()])
    },
    async close() {
      await Promise.all([access?.close(), capture?.flush()])
      metrics.close()
      output?.close()
    },
  }
}

/** Colours are for terminals whose owner does not refuse them (https://no-color.org). */
function hasColours(): boolean {
  return process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
}

/** Standard output, whose reader may leave: `edgeward start | head` must not end the edge. */
function openStandardOutput(): { write(text: string): void; close(): void } {
  const { stdout } = process
  let isOpen = true
  const stop = () => (isOpen = false)
  stdout.on('error', stop)
  return {
    write: (text) => {
      if (isOpen) stdout.write(text)
    },
    close: () => stdout.off('error', stop),
  }
}

/**
 * The result after the last byte, where that byte was not reached (DG:standard-logs-reference). Without a head nothing
 * was sent, which is status 000.
 */
function settleResult(visit: Visit, outcome: Outcome): void {
  if (visit.firstByteAt === undefined) visit.status = 0
  visit.resultType = 'Error'
  if (visit.cause === undefined && outcome.cause !== undefined) visit.cause = outcome.cause
  if (outcome.failure === 'origin-broke') {
    visit.fault ??= 'AbortedOrigin'
    visit.detailedResultType = 'AbortedOrigin'
  } else if (visit.status === 0) {
    visit.fault ??= 'ClientHungUp'
    visit.detailedResultType = 'ClientHungUpRequest'
  } else visit.detailedResultType = 'ClientCommError'
}
