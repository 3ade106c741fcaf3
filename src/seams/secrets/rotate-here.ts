import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { Secret } from '../../base/secret.ts'
import type { PlannedSecrets } from '../../plan.ts'
import { FileLock } from '../file-lock.ts'
import { createFileAudit, type SecretsAudit } from './audit.ts'
import { EMBEDDED_REFRESH_MS } from './embedded.ts'
import { rotate, type RotationResult, type RotationWork } from './rotation.ts'
import type { Secrets } from './secrets.ts'

/** Random bytes of a value that the edge makes; SHA-256 of it needs no salt. */
const VALUE_BYTES = 32

/** A new random value: 43 letters, digits, - and _. */
export function randomValue(): Secret {
  return new Secret(randomBytes(VALUE_BYTES).toString('base64url'))
}

/** How long after a change every process has seen it: twice the time between its looks. */
export function handoverMsOf(planned: PlannedSecrets): number {
  return planned.store === 'embedded' ? 2 * EMBEDDED_REFRESH_MS : 2 * planned.refreshMs
}

/** The audit of the secrets of a data folder. */
export function auditOf(dataFolder: string, clock: Clock): SecretsAudit {
  return createFileAudit(join(dataFolder, 'secrets-audit.jsonl'), () => clock.now())
}

/** A secret that nothing but its own store knows of: a rotation is a new value. */
export function plainWork(createValue: () => Secret = randomValue): RotationWork {
  const nothing = (): Promise<void> => Promise.resolve()
  return { createValue, setSecret: nothing, testSecret: nothing, rollBack: nothing }
}

/** Runs `work` while no other process of this machine rotates the secret; undefined, at once, when one does. */
export async function whileRotating<T>(
  dataFolder: string,
  name: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const folder = join(dataFolder, 'rotations')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = FileLock.open(join(folder, `${encodeURIComponent(name)}.lock`))
  try {
    // The kernel lets go of it when its holder is killed: a crash leaves no lock behind.
    return lock.tryKeep() ? await work() : undefined
  } finally {
    await lock.close()
  }
}

export interface RotateHereOptions {
  readonly secrets: Secrets
  readonly name: string
  readonly work: RotationWork
  readonly clock: Clock
  readonly dataFolder: string
  readonly by: string
  readonly handoverMs: number
  readonly signal?: AbortSignal | undefined
}

/** Rotates, or resumes, under the lock of this machine. Undefined when another process is at it. */
export async function rotateHere(options: RotateHereOptions): Promise<RotationResult | undefined> {
  const { dataFolder, name, clock } = options
  return await whileRotating(dataFolder, name, () =>
    rotate({ ...options, audit: auditOf(dataFolder, clock) }),
  )
}
