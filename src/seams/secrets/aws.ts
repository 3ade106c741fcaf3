import { randomUUID } from 'node:crypto'
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  paginateListSecrets,
  paginateListSecretVersionIds,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import type { Clock } from '../../base/clock.ts'
import { Secret } from '../../base/secret.ts'
import { type Handle, HandleSource } from '../handle.ts'
import { type Polling, startPolling } from '../polling.ts'
import { type Report, SeamError, isSeamError } from '../seam-error.ts'
import { checkPut } from './check-put.ts'
import type { PutSecretOptions, SecretSnapshot, SecretVersion, Secrets, StageMove } from './secrets.ts'
import { checkStages, findVersion, isSameVersions, moveStage, snapshotOf, type Versions } from './versions.ts'

const CURRENT = 'AWSCURRENT'
/** Of another writer who makes the same secret at the same moment. */
const PUT_ATTEMPTS = 3
/** The longest page there is. */
const PAGE = 100

export interface AwsSecretsOptions {
  /** Region and credentials come from the environment unless given, as in every AWS SDK. */
  readonly region: string | undefined
  readonly endpoint: string | undefined
  readonly refreshMs: number
  readonly clock: Clock
  readonly report: Report
  /** For tests, instead of those of the environment. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/**
 * Secrets in AWS Secrets Manager. Each process follows the secrets it was asked for, by looking every `refreshMs`;
 * labels and versions are Secrets Manager's own. Resolves also when the service does not answer yet: the error is
 * reported, and the first look that succeeds counts.
 */
export async function openAwsSecrets(options: AwsSecretsOptions): Promise<Secrets> {
  const { region, endpoint, credentials } = options
  const client = new SecretsManagerClient({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  })
  return await Promise.resolve(new AwsSecrets(client, options))
}

class AwsSecrets implements Secrets {
  readonly #client: SecretsManagerClient
  readonly #report: Report
  readonly #handles = new Map<string, HandleSource<SecretSnapshot | undefined>>()
  readonly #all = new Map<string, Versions>()
  readonly #polling: Polling
  #listed: readonly string[] = []
  #tail: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(client: SecretsManagerClient, { clock, refreshMs, report }: AwsSecretsOptions) {
    this.#client = client
    this.#report = report
    this.#polling = startPolling(clock, refreshMs, () => this.refresh(), report)
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
    return [...new Set([...this.#listed, ...this.#all.keys()])].sort()
  }

  async put(name: string, value: Secret, options: PutSecretOptions = {}): Promise<SecretVersion> {
    const token = options.token ?? randomUUID()
    const stages = options.stages ?? [CURRENT]
    checkPut(name, value, token)
    checkStages(name, new Set(stages))
    return await this.#inTurn(async () => {
      await this.#put(name, value.reveal(), token, stages)
      return findVersion(name, await this.#follow(name, { id: token, value }), { versionId: token })
    })
  }

  async #put(name: string, value: string, token: string, stages: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#client.send(
          new PutSecretValueCommand({
            SecretId: name,
            ClientRequestToken: token,
            SecretString: value,
            VersionStages: [...stages],
          }),
        )
        return
      } catch (error) {
        if (nameOf(error) !== 'ResourceNotFoundException') throw seamError(name, error)
      }
      try {
        await this.#client.send(
          new CreateSecretCommand({ Name: name, ClientRequestToken: token, SecretString: value }),
        )
      } catch (error) {
        if (nameOf(error) === 'ResourceExistsException' && attempt < PUT_ATTEMPTS) continue
        throw seamError(name, error)
      }
      // CreateSecret labels AWSCURRENT and takes no others.
      for (const stage of stages) if (stage !== CURRENT) await this.#updateStage(name, stage, { to: token })
      return
    }
  }

  async get(
    name: string,
    which: { readonly stage?: string; readonly versionId?: string } = {},
  ): Promise<SecretVersion> {
    if (!this.#all.has(name)) await this.#inTurn(() => this.#follow(name))
    return findVersion(name, this.#all.get(name) ?? [], which)
  }

  async moveStage(name: string, stage: string, move: StageMove): Promise<void> {
    await this.#inTurn(async () => {
      const versions = await this.#follow(name)
      if (versions.length === 0) throw new SeamError('not-found', `there is no secret "${name}"`)
      // Judged by the rules here for the sake of clear errors; the service judges again.
      if (moveStage(name, versions, stage, move) === versions) return
      await this.#updateStage(name, stage, move)
      await this.#follow(name)
    })
  }

  async #updateStage(name: string, stage: string, { to, from }: StageMove): Promise<void> {
    try {
      await this.#client.send(
        new UpdateSecretVersionStageCommand({
          SecretId: name,
          VersionStage: stage,
          ...(to !== undefined && { MoveToVersionId: to }),
          ...(from !== undefined && { RemoveFromVersionId: from }),
        }),
      )
    } catch (error) {
      throw seamError(name, error)
    }
  }

  async delete(name: string): Promise<boolean> {
    return await this.#inTurn(async () => {
      try {
        // With ForceDeleteWithoutRecovery the service does not say whether there was one.
        await this.#client.send(new DescribeSecretCommand({ SecretId: name }))
        await this.#client.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }))
      } catch (error) {
        if (nameOf(error) === 'ResourceNotFoundException') return false
        throw seamError(name, error)
      }
      this.#listed = this.#listed.filter((listed) => listed !== name)
      this.#take(name, [])
      return true
    })
  }

  async refresh(): Promise<void> {
    await this.#inTurn(async () => {
      this.#listed = await this.#list()
      for (const name of new Set([...this.#handles.keys(), ...this.#all.keys()])) await this.#follow(name)
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#polling.stop()
    await this.#tail
    this.#client.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** One call after the other, so that no older answer takes the place of a newer one. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed)
      throw new SeamError('closed', 'the store of secrets was used after it had been closed')
    const turn = this.#tail.then(work)
    this.#tail = turn.catch(ignoreHere)
    return await turn
  }

  /** A role may be allowed its secrets and not the list of all. */
  async #list(): Promise<readonly string[]> {
    const names: string[] = []
    try {
      for await (const page of paginateListSecrets({ client: this.#client }, {}))
        for (const { Name } of page.SecretList ?? []) if (Name !== undefined) names.push(Name)
    } catch (error) {
      if (nameOf(error) !== 'AccessDeniedException') throw seamError('', error)
    }
    return names
  }

  /** Reads versions and labels of a secret anew; a value is fetched once, because versions never change. */
  async #follow(name: string, fresh?: { readonly id: string; readonly value: Secret }): Promise<Versions> {
    const known = new Map((this.#all.get(name) ?? []).map((version) => [version.id, version.value]))
    if (fresh !== undefined) known.set(fresh.id, fresh.value)
    const found: SecretVersion[] = []
    try {
      const request = { SecretId: name, IncludeDeprecated: true, MaxResults: PAGE }
      for await (const page of paginateListSecretVersionIds({ client: this.#client }, request)) {
        for (const { VersionId: id, VersionStages, CreatedDate } of page.Versions ?? []) {
          if (id === undefined) continue
          const value = known.get(id) ?? (await this.#value(name, id))
          if (value === undefined) continue
          found.push(
            Object.freeze({
              id,
              value,
              createdAt: CreatedDate?.getTime() ?? 0,
              stages: Object.freeze([...(VersionStages ?? [])]),
            }),
          )
        }
      }
    } catch (error) {
      if (nameOf(error) !== 'ResourceNotFoundException') throw seamError(name, error)
      found.length = 0
    }
    const versions = found.toSorted((a, b) => a.createdAt - b.createdAt)
    this.#take(name, versions)
    return versions
  }

  /** Undefined for a version that was removed meanwhile, and for one that holds bytes instead of text. */
  async #value(name: string, id: string): Promise<Secret | undefined> {
    try {
      const { SecretString } = await this.#client.send(
        new GetSecretValueCommand({ SecretId: name, VersionId: id }),
      )
      return SecretString === undefined ? undefined : new Secret(SecretString)
    } catch (error) {
      if (nameOf(error) === 'ResourceNotFoundException') return undefined
      throw error
    }
  }

  #take(name: string, versions: Versions): void {
    const before = this.#all.get(name) ?? []
    if (versions.length === 0) this.#all.delete(name)
    else this.#all.set(name, versions)
    if (!isSameVersions(before, versions)) this.#handles.get(name)?.set(snapshotOf(name, versions))
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : ''
}

/** An error of the service as one of the seam. Its message is the service's; the cause could hold the request. */
function seamError(secret: string, error: unknown): Error {
  if (isSeamError(error)) return error
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const about =
    secret === '' ? 'secrets in AWS Secrets Manager' : `the secret "${secret}" in AWS Secrets Manager`
  switch (nameOf(error)) {
    case 'ResourceNotFoundException':
      return new SeamError('not-found', `${about}: ${said}`)
    case 'ResourceExistsException':
    case 'InvalidRequestException':
      return new SeamError('conflict', `${about}: ${said}`)
    case 'InvalidParameterException':
      return new SeamError('conflict', `${about}: ${said}`)
    case 'LimitExceededException':
      return new SeamError('limit', `${about}: ${said}`)
    case 'AccessDeniedException':
      return new SeamError('permission', `${about}: ${said}. The role of this edge must be allowed it`)
    default:
      return new SeamError('unavailable', `${about}: ${said}`)
  }
}

/** The caller has the rejection; the queue only needs to know that the turn is over. */
function ignoreHere(): void {}
