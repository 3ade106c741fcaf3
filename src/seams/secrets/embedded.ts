import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Secret } from '../../base/secret.ts'
import { FileLock } from '../file-lock.ts'
import type { Handle } from '../handle.ts'
import { HandleSource } from '../handle.ts'
import { startPolling } from '../polling.ts'
import type { Polling } from '../polling.ts'
import { removeFile, temporaryPathOf } from '../replace-file.ts'
import { SeamError, reportAsWarning } from '../seam-error.ts'
import type { Report } from '../seam-error.ts'
import type { PutSecretOptions, SecretSnapshot, SecretVersion, Secrets, StageMove } from './secrets.ts'
import { readSecretsFile, stampOf, writeSecretsFile } from './secrets-file.ts'
import type { AllSecrets, FileStamp, Sealing } from './secrets-file.ts'
import { checkPut } from './check-put.ts'
import { findVersion, isSameVersions, moveStage, putVersion, snapshotOf } from './versions.ts'
import type { Versions } from './versions.ts'

/** How often a process looks for what others wrote. */
export const EMBEDDED_REFRESH_MS = 1_000

export interface EmbeddedSecretsOptions {
  /** The file; created with mode 0600 by the first put, its folder with mode 0700. */
  readonly file: string
  readonly clock: Clock
  readonly sealing?: Sealing
  /** How often to look for what other processes wrote; 1,000 ms unless given. */
  readonly refreshMs?: number
  /** Told of failures in the background; a process warning unless given. */
  readonly report?: Report
}

/**
 * Secrets in one file that only its owner can read. Rejects with `permission` when others can, and with `corrupt`
 * when it cannot be understood; nothing is overwritten then. Any number of processes of a machine may open it.
 */
export async function openEmbeddedSecrets(options: EmbeddedSecretsOptions): Promise<Secrets> {
  await mkdir(dirname(options.file), { recursive: true, mode: 0o700 })
  const lock = FileLock.open(`${options.file}.lock`)
  try {
    const secrets = new EmbeddedSecrets(options, lock)
    await secrets.start()
    return secrets
  } catch (error) {
    await lock.close()
    throw error
  }
}

class EmbeddedSecrets implements Secrets {
  readonly #options: EmbeddedSecretsOptions
  readonly #lock: FileLock
  readonly #report: Report
  readonly #handles = new Map<string, HandleSource<SecretSnapshot | undefined>>()
  #all: AllSecrets = new Map()
  #stamp: FileStamp
  #polling: Polling | undefined
  #closing: Promise<void> | undefined

  constructor(options: EmbeddedSecretsOptions, lock: FileLock) {
    this.#options = options
    this.#lock = lock
    this.#report = options.report ?? reportAsWarning
  }

  async start(): Promise<void> {
    await this.#lock.hold(async () => {
      await removeFile(temporaryPathOf(this.#options.file))
      await this.#catchUp()
    })
    const { clock, refreshMs = EMBEDDED_REFRESH_MS } = this.#options
    this.#polling = startPolling(clock, refreshMs, () => this.refresh(), this.#report)
  }

  handle(name: string): Handle<SecretSnapshot | undefined> {
    let handle = this.#handles.get(name)
    if (handle === undefined) {
      handle = new HandleSource(snapshotOf(name, this.#all.get(name) ?? []), this.#report)
      this.#handles.set(name, handle)
    }
    return handle
  }

  names(): readonly string[] {
    return [...this.#all.keys()].sort()
  }

  async put(name: string, value: Secret, options: PutSecretOptions = {}): Promise<SecretVersion> {
    const token = options.token ?? randomUUID()
    checkPut(name, value, token)
    return await this.#change(name, (versions) => {
      const put = { token, value, stages: options.stages }
      const after = putVersion(name, versions, put, this.#options.clock.now())
      return { versions: after.versions, result: after.version }
    })
  }

  async get(
    name: string,
    which: { readonly stage?: string; readonly versionId?: string } = {},
  ): Promise<SecretVersion> {
    return await Promise.resolve(findVersion(name, this.#all.get(name) ?? [], which))
  }

  async moveStage(name: string, stage: string, move: StageMove): Promise<void> {
    await this.#change(name, (versions) => {
      if (versions.length === 0) throw new SeamError('not-found', `there is no secret "${name}"`)
      return { versions: moveStage(name, versions, stage, move), result: undefined }
    })
  }

  async delete(name: string): Promise<boolean> {
    return await this.#change(name, (versions) => ({ versions: [], result: versions.length > 0 }))
  }

  async refresh(): Promise<void> {
    if ((await stampOf(this.#options.file)) === this.#stamp) return
    await this.#lock.hold(() => this.#catchUp())
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeOnce()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #closeOnce(): Promise<void> {
    await this.#polling?.stop()
    await this.#lock.close()
  }

  /** Changes the versions of one secret and writes the file; what `decide` throws rejects, and nothing is written. */
  async #change<T>(
    name: string,
    decide: (versions: Versions) => { versions: Versions; result: T },
  ): Promise<T> {
    return await this.#lock.hold(async () => {
      await this.#catchUp()
      const before = this.#all.get(name) ?? []
      const { versions, result } = decide(before)
      if (versions === before || (versions.length === 0 && before.length === 0)) return result
      const all = new Map(this.#all)
      if (versions.length === 0) all.delete(name)
      else all.set(name, versions)
      await writeSecretsFile(this.#options.file, all, this.#options.sealing)
      this.#stamp = await stampOf(this.#options.file)
      this.#take(all)
      return result
    })
  }

  async #catchUp(): Promise<void> {
    const { file, sealing } = this.#options
    const stamp = await stampOf(file)
    if (stamp === this.#stamp) return
    const all = await readSecretsFile(file, sealing)
    if (all === undefined) {
      throw new SeamError(
        'corrupt',
        `the secrets file ${file} was there and is not any more: put it back, or restart without it`,
      )
    }
    this.#stamp = stamp
    this.#take(all)
  }

  #take(all: AllSecrets): void {
    const before = this.#all
    this.#all = all
    for (const [name, handle] of this.#handles) {
      const versions = all.get(name) ?? []
      if (!isSameVersions(before.get(name) ?? [], versions)) handle.set(snapshotOf(name, versions))
    }
  }
}
