import { randomUUID } from 'node:crypto'
import { type Clock, waitFor } from '../../base/clock.ts'
import type { Secret } from '../../base/secret.ts'
import { SeamError, asError } from '../seam-error.ts'
import type { AuditEntry, RotationStep, SecretsAudit } from './audit.ts'
import type { SecretSnapshot, SecretVersion, Secrets } from './secrets.ts'

const CURRENT = 'AWSCURRENT'
const PENDING = 'AWSPENDING'
const PREVIOUS = 'AWSPREVIOUS'

/**
 * What a rotation does besides moving labels. Each may be called again after a crash, with the same version, so each
 * must do no harm when it is repeated. What they throw takes the rotation back.
 */
export interface RotationWork {
  /** createSecret: a new value. */
  createValue(): Secret
  /** setSecret: whoever checks the secret accepts the pending and the current value from here on. */
  setSecret(snapshot: SecretSnapshot, pending: SecretVersion): Promise<void>
  /** testSecret: rejects unless the pending value works. */
  testSecret(snapshot: SecretSnapshot, pending: SecretVersion): Promise<void>
  /** Takes back what setSecret did: current and previous are accepted again, and current is used. */
  rollBack(snapshot: SecretSnapshot): Promise<void>
}

/** Where the labels say that a rotation stands. */
export type RotationState =
  | { readonly kind: 'idle' }
  /** There is a pending version: it goes on at setSecret. */
  | { readonly kind: 'pending'; readonly version: SecretVersion }
  /** The pending version is current already; only its label is left over. */
  | { readonly kind: 'unfinished'; readonly version: SecretVersion }

/** Reads the state of a rotation off the labels alone, so that whoever comes after a crash knows it. */
export function rotationState(snapshot: SecretSnapshot): RotationState {
  const pending = snapshot.stages.get(PENDING)
  if (pending === undefined) return { kind: 'idle' }
  return snapshot.stages.get(CURRENT)?.id === pending.id
    ? { kind: 'unfinished', version: pending }
    : { kind: 'pending', version: pending }
}

/**
 * The versions whoever checks the secret must accept: pending and current during a rotation, current and previous
 * otherwise. In order of age, so that finishSecret, which changes names but not the set, changes nothing here.
 * A value is born pending, is current for one interval and previous for one, and dies with the next setSecret.
 */
export function acceptedVersions(snapshot: SecretSnapshot): readonly SecretVersion[] {
  const state = rotationState(snapshot)
  const other = state.kind === 'pending' ? state.version : snapshot.stages.get(PREVIOUS)
  const ids = new Set([snapshot.stages.get(CURRENT)?.id, other?.id])
  return snapshot.versions.filter(({ id }) => ids.has(id))
}

export interface RotateOptions {
  readonly secrets: Secrets
  readonly name: string
  readonly work: RotationWork
  readonly audit: SecretsAudit
  readonly clock: Clock
  /** Who asked, for the audit. */
  readonly by: string
  /**
   * How long after a rotation some process may still use the value before it. The next one waits that long before
   * its setSecret, which is when that value stops being accepted.
   */
  readonly handoverMs: number
  /** Ends it where it stands, as a crash would: the next call resumes. */
  readonly signal?: AbortSignal | undefined
}

export type RotationResult =
  | {
      readonly kind: 'rotated'
      readonly versionId: string
      /** True when it went on after a crash. */
      readonly resumed: boolean
    }
  | { readonly kind: 'stopped'; readonly versionId: string }
  | {
      readonly kind: 'rolled-back'
      readonly versionId: string
      readonly step: RotationStep
      /** What failed; no value stands in its message. */
      readonly error: Error
      /** Why taking it back failed too; the rotation then stands where it was and is resumed by the next. */
      readonly rollbackError: Error | undefined
    }

/**
 * Rotates a secret in the four steps of AWS Secrets Manager, or goes on with a rotation that crashed. The caller makes
 * sure that one runs at a time; should two do, the label moves of one are refused as `conflict`.
 * Rejects only when the store or the audit fails: then the state is what the labels say, and the next call resumes.
 */
export async function rotate(options: RotateOptions): Promise<RotationResult> {
  const { secrets, name, work, audit, by } = options
  // Followed before it is refreshed: a store behind a network knows of a secret what it was asked for.
  secrets.handle(name)
  await secrets.refresh()
  const state = rotationState(snapshotOf(secrets, name))
  let resumed = false
  let pending: SecretVersion

  if (state.kind === 'unfinished') {
    await note('resumed', 'finishSecret', state.version.id)
    await finish(state.version)
    return { kind: 'rotated', versionId: state.version.id, resumed: true }
  }
  if (state.kind === 'pending') {
    resumed = true
    pending = state.version
    await note('resumed', 'setSecret', pending.id)
  } else {
    const token = randomUUID()
    await note('begin', 'createSecret', token)
    pending = await secrets.put(name, work.createValue(), { token, stages: [PENDING] })
    await note('done', 'createSecret', token)
  }

  for (const step of ['setSecret', 'testSecret'] as const) {
    try {
      if (step === 'setSecret') await handOver()
      await note('begin', step, pending.id)
      await work[step](snapshotOf(secrets, name), pending)
    } catch (error) {
      if (options.signal?.aborted === true) return { kind: 'stopped', versionId: pending.id }
      return await takeBack(step, pending, asError(error))
    }
    await note('done', step, pending.id)
  }
  await finish(pending)
  return { kind: 'rotated', versionId: pending.id, resumed }

  async function finish(version: SecretVersion): Promise<void> {
    await note('begin', 'finishSecret', version.id)
    const current = snapshotOf(secrets, name).stages.get(CURRENT)
    if (current?.id !== version.id) {
      await secrets.moveStage(name, CURRENT, {
        to: version.id,
        ...(current === undefined ? {} : { from: current.id }),
      })
    }
    await secrets.moveStage(name, PENDING, { from: version.id })
    await note('done', 'finishSecret', version.id)
  }

  async function takeBack(
    step: RotationStep,
    version: SecretVersion,
    failure: Error,
  ): Promise<RotationResult> {
    const error = scrubbed(failure, snapshotOf(secrets, name))
    await note('failed', step, version.id, error.message)
    try {
      const snapshot = snapshotOf(secrets, name)
      await work.rollBack(snapshot)
      // Last: until the label is gone, whoever comes after a crash goes on and fails or succeeds as a whole.
      await secrets.moveStage(name, PENDING, { from: version.id })
    } catch (thrown) {
      const rollbackError = scrubbed(asError(thrown), snapshotOf(secrets, name))
      await note('rollback-failed', step, version.id, rollbackError.message)
      return { kind: 'rolled-back', versionId: version.id, step, error, rollbackError }
    }
    await note('rolled-back', step, version.id)
    return { kind: 'rolled-back', versionId: version.id, step, error, rollbackError: undefined }
  }

  /** Waits until no process can use the value before the current one any more. */
  async function handOver(): Promise<void> {
    const finishedAt = lastFinish(await audit.read(name))
    if (finishedAt === undefined) return
    const waitMs = Math.min(finishedAt + options.handoverMs - options.clock.now(), options.handoverMs)
    if (waitMs > 0) await waitFor(options.clock, waitMs, options.signal)
  }

  function note(event: AuditEntry['event'], step: RotationStep, versionId: string, message?: string) {
    return audit.write({
      secret: name,
      event,
      step,
      versionId,
      by,
      ...(message === undefined ? {} : { message }),
    })
  }
}

/** When the label was last moved: the begin of that step, which is written before. */
function lastFinish(entries: readonly AuditEntry[]): number | undefined {
  const last = entries.findLast(
    ({ event, step }) => step === 'finishSecret' && (event === 'begin' || event === 'done'),
  )
  return last === undefined ? undefined : Date.parse(last.time)
}

function snapshotOf(secrets: Secrets, name: string): SecretSnapshot {
  const snapshot = secrets.handle(name).current
  if (snapshot !== undefined) return snapshot
  throw new SeamError(
    'not-found',
    `there is no secret "${name}" to rotate: "edgeward secrets set ${name}" makes it`,
  )
}

/** An error without any value of the secret, whatever a client library wrote into it. The cause is dropped. */
function scrubbed(error: Error, snapshot: SecretSnapshot): Error {
  const values = snapshot.versions.map(({ value }) => value.reveal()).filter((value) => value !== '')
  const shown = [error.message, error.stack ?? '', String(error.cause ?? '')].join('\n')
  if (!values.some((value) => shown.includes(value))) return error
  let { message } = error
  for (const value of values) message = message.replaceAll(value, '[secret]')
  const clean = new Error(message)
  clean.name = error.name
  delete clean.stack
  return clean
}
