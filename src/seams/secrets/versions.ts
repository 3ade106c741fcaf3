import type { Secret } from '../../base/secret.ts'
import { SeamError } from '../seam-error.ts'
import type { SecretSnapshot, SecretVersion, StageMove } from './secrets.ts'

/** Quotas of AWS Secrets Manager (User Guide, "Quotas"). */
export const MAX_SECRET_BYTES = 65_536
export const MAX_STAGES = 20
export const MAX_VERSIONS = 100
/** Versions younger than this are not pruned (API Reference, PutSecretValue). */
export const KEEP_UNLABELLED_MS = 24 * 60 * 60 * 1_000

const CURRENT = 'AWSCURRENT'
const PREVIOUS = 'AWSPREVIOUS'

/** The versions of one secret, oldest first. */
export type Versions = readonly SecretVersion[]

/** What there is to put. `stages` undefined means AWSCURRENT. */
export interface NewVersion {
  readonly token: string
  readonly value: Secret
  readonly stages: readonly string[] | undefined
}

/** The versions after a put, and the version it stands for; see Secrets.put. Throws `conflict`, `invalid`, `limit`. */
export function putVersion(
  name: string,
  versions: Versions,
  put: NewVersion,
  nowMs: number,
): { readonly versions: Versions; readonly version: SecretVersion } {
  const { token, value } = put
  const known = versions.find((version) => version.id === token)
  if (known !== undefined) {
    if (known.value.reveal() === value.reveal()) return { versions, version: known }
    throw new SeamError(
      'conflict',
      `the secret "${name}" has a version ${token} with another value, and a version never changes: use a new token`,
    )
  }
  const stages = new Set(put.stages ?? [CURRENT])
  // API Reference, PutSecretValue: the first version is labelled AWSCURRENT automatically.
  if (versions.length === 0) stages.add(CURRENT)
  checkStages(name, stages)
  let after: SecretVersion[] = [...versions, { id: token, value, createdAt: nowMs, stages: [] }]
  for (const stage of stages) after = withStage(after, stage, token)
  after = prune(after, nowMs)
  if (after.length > MAX_VERSIONS) {
    throw new SeamError(
      'limit',
      `the secret "${name}" has ${MAX_VERSIONS} versions that are labelled or younger than a day, which is the limit: put fewer`,
    )
  }
  return { versions: after, version: after.find((version) => version.id === token)! }
}

/** The versions after a label has moved; see Secrets.moveStage. Throws `not-found`, `conflict`, `invalid`, `limit`. */
export function moveStage(name: string, versions: Versions, stage: string, move: StageMove): Versions {
  const { to, from } = move
  if (to === undefined && from === undefined) {
    throw new SeamError('invalid', `moving ${stage} of "${name}" needs a version to move it to or from`)
  }
  checkStages(name, new Set([stage]))
  for (const id of [to, from]) {
    if (id !== undefined && !versions.some((version) => version.id === id)) {
      throw new SeamError('not-found', `the secret "${name}" has no version ${id}`)
    }
  }
  const holder = versions.find((version) => version.stages.includes(stage))
  if (to !== undefined && holder?.id === to) return versions
  if (holder?.id !== from) {
    throw new SeamError(
      'conflict',
      `${stage} of "${name}" is on ${holder === undefined ? 'no version' : `version ${holder.id}`}, not on ${from ?? 'none'}: ` +
        'say where it is now in `from`',
    )
  }
  if (to !== undefined) return withStage(versions, stage, to)
  if (stage === CURRENT) {
    throw new SeamError(
      'invalid',
      `AWSCURRENT of "${name}" can be moved to another version but not taken away`,
    )
  }
  return versions.map((version) => without(version, stage))
}

/** The versions as a snapshot for requests, or undefined where there are none. */
export function snapshotOf(name: string, versions: Versions): SecretSnapshot | undefined {
  const stages = new Map<string, SecretVersion>()
  for (const version of versions) for (const stage of version.stages) stages.set(stage, version)
  const current = stages.get(CURRENT)
  return current === undefined ? undefined : Object.freeze({ name, value: current.value, stages, versions })
}

/** Puts a label on one version, taking it from the other; AWSCURRENT pulls AWSPREVIOUS behind it. */
function withStage(versions: Versions, stage: string, id: string): SecretVersion[] {
  const before = versions.find((version) => version.stages.includes(stage))
  let after = versions.map((version) => {
    const bare = without(version, stage)
    return version.id === id ? { ...bare, stages: [...bare.stages, stage] } : bare
  })
  if (stage === CURRENT && before !== undefined && before.id !== id)
    after = withStage(after, PREVIOUS, before.id)
  return after
}

function without(version: SecretVersion, stage: string): SecretVersion {
  if (!version.stages.includes(stage)) return version
  return { ...version, stages: version.stages.filter((other) => other !== stage) }
}

/** Removes the oldest unlabelled versions above the quota, except those of the last day. */
function prune(versions: SecretVersion[], nowMs: number): SecretVersion[] {
  let surplus = versions.length - MAX_VERSIONS
  return versions.filter((version) => {
    const isOld = version.stages.length === 0 && nowMs - version.createdAt >= KEEP_UNLABELLED_MS
    if (surplus <= 0 || !isOld) return true
    surplus--
    return false
  })
}

/** Refuses labels that no store takes. */
export function checkStages(name: string, stages: ReadonlySet<string>): void {
  if (stages.size === 0)
    throw new SeamError('invalid', `a version of "${name}" needs at least one staging label`)
  if (stages.size > MAX_STAGES) {
    throw new SeamError(
      'limit',
      `a version of "${name}" can have ${MAX_STAGES} staging labels, not ${stages.size}`,
    )
  }
  for (const stage of stages) {
    if (stage.length >= 1 && stage.length <= 256) continue
    throw new SeamError(
      'invalid',
      `a staging label of "${name}" has ${stage.length} characters; expected 1 to 256`,
    )
  }
}

/** True when nothing differs: the same versions with the same values and labels. */
export function isSameVersions(a: Versions, b: Versions): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  return a.every((version, i) => {
    const other = b[i]!
    if (version.id !== other.id || version.value.reveal() !== other.value.reveal()) return false
    return version.stages.join('\n') === other.stages.join('\n')
  })
}

/** The version with a label (AWSCURRENT unless given), an id, or both. Throws `not-found`. */
export function findVersion(
  name: string,
  versions: Versions,
  which: { readonly stage?: string; readonly versionId?: string },
): SecretVersion {
  const { versionId, stage = versionId === undefined ? CURRENT : undefined } = which
  const found = versions.find(
    (version) =>
      (versionId === undefined || version.id === versionId) &&
      (stage === undefined || version.stages.includes(stage)),
  )
  if (found !== undefined) return found
  const wanted = [stage, versionId].filter((part) => part !== undefined).join(' ')
  throw new SeamError('not-found', `there is no secret "${name}" with ${wanted}`)
}
