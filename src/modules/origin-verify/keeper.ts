import type { Timer } from '../../base/clock.ts'
import type { Secret } from '../../base/secret.ts'
import { Fault } from '../../faults.ts'
import { HeaderList } from '../../http/header-list.ts'
import type { Plan } from '../../plan.ts'
import { acceptedVersions, rotationState } from '../../seams/secrets/rotation.ts'
import {
  auditOf,
  handoverMsOf,
  randomValue,
  rotateHere,
  whileRotating,
} from '../../seams/secrets/rotate-here.ts'
import type { SecretSnapshot, SecretVersion, Secrets } from '../../seams/secrets/secrets.ts'
import type { ModuleContext } from '../module.ts'
import type { ProbeAnswer } from './probe.ts'
import { createOriginVerifyWork, tellAccepters } from './rotation-work.ts'
import { type Target, targetsBySecret } from './targets.ts'

const LOOK_MS = 1_000
/** How long after a failure it is tried again: a tenth of the interval, within these bounds. */
const MIN_RETRY_MS = 5_000
const MAX_RETRY_MS = 300_000

/** What became of the rotations of one secret, for operators. */
export interface KeeperFacts {
  rotations: number
  failures: number
  /** Milliseconds since the epoch. */
  lastRotatedAt: number | undefined
  /** Set while the last rotation is one that failed. */
  alarm: string | undefined
}

/** Makes and rotates the secrets that origins check, in one process of the edge. */
export interface Keeper {
  facts(secret: string): KeeperFacts
  /** Makes the secrets of a plan that are missing, and tells their origins. */
  ensure(plan: Plan): Promise<void>
  /** Asks an origin as the edge does, with one version of the secret, whatever is current. */
  askThrough(target: Target, version: SecretVersion): Promise<ProbeAnswer>
  close(): Promise<void>
}

/** A value that goes out with one request of ours instead of the current one, by the header list it is sent with. */
export type Overrides = WeakMap<HeaderList, Secret>

export function createKeeper(context: ModuleContext, secrets: Secrets, overrides: Overrides): Keeper {
  const { clock, report, dataFolder } = context
  const facts = new Map<string, KeeperFacts>()
  const retryAt = new Map<string, number>()
  const stopping = new AbortController()
  let timer: Timer | undefined
  let ensured: Plan | undefined
  let running: Promise<void> = Promise.resolve()

  function factsOf(secret: string): KeeperFacts {
    let found = facts.get(secret)
    if (found === undefined) {
      found = { rotations: 0, failures: 0, lastRotatedAt: undefined, alarm: undefined }
      facts.set(secret, found)
    }
    return found
  }

  async function ensure(plan: Plan): Promise<void> {
    if (ensured === plan) return
    ensured = plan
    for (const [name, targets] of targetsBySecret(plan)) {
      const handle = secrets.handle(name)
      await secrets.refresh()
      if (handle.current === undefined) await makeFirst(name)
      if (!context.isFirstProcess) continue
      try {
        // Under the lock: somebody who rotates tells them himself, and knows better.
        await whileRotating(dataFolder, name, async () => {
          await secrets.refresh()
          const snapshot = handle.current
          if (snapshot !== undefined) await tellAccepters(targets, snapshot, acceptedVersions(snapshot))
        })
      } catch (error) {
        alarm(
          name,
          `the origins could not be told which values to accept: ${messageOf(error, handle.current)}`,
        )
      }
    }
  }

  /** Of several processes that start at once, one makes it. */
  async function makeFirst(name: string): Promise<void> {
    for (;;) {
      const made = await whileRotating(dataFolder, name, async () => {
        await secrets.refresh()
        if (secrets.handle(name).current !== undefined) return true
        const { id } = await secrets.put(name, randomValue())
        await auditOf(dataFolder, clock).write({
          secret: name,
          event: 'set',
          versionId: id,
          by: 'origin-verify',
        })
        return true
      })
      if (made === true) return
      await secrets.refresh()
      if (secrets.handle(name).current !== undefined) return
      await new Promise<void>((turn) => clock.after(50, turn))
    }
  }

  async function look(): Promise<void> {
    for (const [name, targets] of targetsBySecret(context.plan.current)) {
      if (stopping.signal.aborted) return
      const snapshot = secrets.handle(name).current
      const interval = intervalMs(targets)
      if (snapshot === undefined || interval === undefined) continue
      if (!isDue(snapshot, interval, clock.now()) || clock.now() < (retryAt.get(name) ?? 0)) continue
      try {
        await turn(name, targets, interval)
      } catch (error) {
        retryAt.set(name, clock.now() + retryMs(interval))
        alarm(name, `the rotation of "${name}" stopped: ${messageOf(error, secrets.handle(name).current)}`)
      }
    }
  }

  async function turn(name: string, targets: readonly Target[], interval: number): Promise<void> {
    const result = await rotateHere({
      secrets,
      name,
      clock,
      dataFolder,
      by: 'schedule',
      handoverMs: handoverMsOf(context.plan.current.secrets),
      signal: stopping.signal,
      work: createOriginVerifyWork({
        targets,
        clock,
        createValue: randomValue,
        signal: stopping.signal,
        askThroughEdge: askThrough,
      }),
    })
    if (result?.kind === 'rotated') {
      const known = factsOf(name)
      known.rotations++
      known.lastRotatedAt = clock.now()
      known.alarm = undefined
      report.info(
        `origin-verify: "${name}" was rotated${result.resumed ? ', resumed after an interruption' : ''}; version ${result.versionId} is current`,
      )
    } else if (result?.kind === 'rolled-back') {
      retryAt.set(name, clock.now() + retryMs(interval))
      const back =
        result.rollbackError === undefined
          ? 'everything was taken back'
          : `taking it back failed too (${result.rollbackError.message}), it is resumed later`
      alarm(name, `the rotation of "${name}" failed at ${result.step}: ${result.error.message}; ${back}`)
    }
  }

  async function askThrough(target: Target, { value }: SecretVersion): Promise<ProbeAnswer> {
    const headers = new HeaderList()
    overrides.set(headers, value)
    const mark = target.config.test.path.indexOf('?')
    const { path } = target.config.test
    try {
      const answer = await context.fetchFrom({
        distribution: target.distribution,
        origin: target.origin,
        path: mark === -1 ? path : path.slice(0, mark),
        ...(mark !== -1 && { query: path.slice(mark + 1) }),
        headers,
        signal: stopping.signal,
      })
      if (answer instanceof Fault) return answer.message
      answer.body.discard()
      return answer.status
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  function alarm(name: string, message: string): void {
    const known = factsOf(name)
    known.failures++
    known.alarm = message
    report.error(`ALARM origin-verify: ${message}`)
  }

  function schedule(): void {
    timer = clock.after(LOOK_MS, () => {
      running = look().then(() => {
        if (!stopping.signal.aborted) schedule()
      })
    })
  }

  if (context.isFirstProcess) schedule()
  return {
    facts: factsOf,
    ensure,
    askThrough,
    async close() {
      stopping.abort(new Error('the edge is stopping'))
      timer?.cancel()
      await running
    },
  }
}

/** A value is replaced when it is as old as the interval; a rotation that was interrupted is finished at once. */
export function isDue(snapshot: SecretSnapshot, interval: number, nowMs: number): boolean {
  if (rotationState(snapshot).kind !== 'idle') return true
  const current = snapshot.stages.get('AWSCURRENT')
  return current !== undefined && nowMs - current.createdAt >= interval
}

/** The shortest of those who share a secret; undefined when none wants a schedule. */
function intervalMs(targets: readonly Target[]): number | undefined {
  const all = targets.flatMap(({ config }) =>
    config.rotateEverySeconds === false ? [] : [config.rotateEverySeconds * 1_000],
  )
  return all.length === 0 ? undefined : Math.min(...all)
}

function retryMs(interval: number): number {
  return Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, interval / 10))
}

function messageOf(error: unknown, snapshot: SecretSnapshot | undefined): string {
  let message = error instanceof Error ? error.message : String(error)
  for (const { value } of snapshot?.versions ?? []) message = message.replaceAll(value.reveal(), '[secret]')
  return message
}
