import type { Secret } from '../../base/secret.ts'
import type { Handle } from '../handle.ts'

/** One version of a secret. A version never changes; its labels move. */
export interface SecretVersion {
  /** The client request token it was put with. */
  readonly id: string
  readonly value: Secret
  readonly createdAt: number
  /** Staging labels on this version; none makes it old, and it may be pruned. */
  readonly stages: readonly string[]
}

/** A secret as it stands at one moment. */
export interface SecretSnapshot {
  readonly name: string
  /** The value labelled AWSCURRENT. */
  readonly value: Secret
  /** The version each label is on: AWSCURRENT, AWSPREVIOUS, AWSPENDING and labels of your own. */
  readonly stages: ReadonlyMap<string, SecretVersion>
  /** All versions kept, oldest first. */
  readonly versions: readonly SecretVersion[]
}

/** How a version is put. */
export interface PutSecretOptions {
  /** Client request token, 32 to 64 characters; a random one unless given. Repeating a put with it is harmless. */
  readonly token?: string
  /** Labels for the new version, each taken from where it was; `['AWSCURRENT']` unless given. */
  readonly stages?: readonly string[]
}

/** Where a label goes. At least one of the two. */
export interface StageMove {
  readonly to?: string
  /** The version that has the label now; required when one has it. */
  readonly from?: string
}

/**
 * Named secrets with versions and staging labels, by the rules of AWS Secrets Manager (PutSecretValue,
 * UpdateSecretVersionStage). Requests read `handle(name).current`; everything else is off the request path.
 * Errors: `invalid`, `limit` (65,536 bytes a value, 20 labels a version, 100 versions), `not-found`, `conflict`.
 */
export interface Secrets extends AsyncDisposable {
  /** The secret of this name, followed through every change; `current` is undefined while there is none. */
  handle(name: string): Handle<SecretSnapshot | undefined>
  /** Names known here, sorted. */
  names(): readonly string[]
  /**
   * Adds a version, and the secret with it where there was none. The first version is AWSCURRENT whatever `stages`
   * says. A version that takes AWSCURRENT leaves AWSPREVIOUS to the one that had it. A `token` seen before with the
   * same value changes nothing and gives that version; with another value it rejects with `conflict`.
   */
  put(name: string, value: Secret, options?: PutSecretOptions): Promise<SecretVersion>
  /** The version with a label (AWSCURRENT unless given) or an id, or with both. Rejects with `not-found`. */
  get(name: string, which?: { readonly stage?: string; readonly versionId?: string }): Promise<SecretVersion>
  /**
   * Moves a label to another version, or takes it away where `to` is missing. Moving AWSCURRENT labels the version
   * that had it AWSPREVIOUS; taking AWSCURRENT away is `invalid`. Rejects with `conflict` when `from` does not have it.
   */
  moveStage(name: string, stage: string, move: StageMove): Promise<void>
  /** Removes the secret with all its versions, at once. Gives whether there was one. */
  delete(name: string): Promise<boolean>
  /** Takes in at once what others have changed. */
  refresh(): Promise<void>
  close(): Promise<void>
}
