import type { Clock } from '../../../src/base/clock.ts'
import { type FakeService, type Input, jsonService, ServiceError } from './json-service.ts'

interface Version {
  readonly id: string
  readonly value: string
  readonly createdAt: number
  stages: Set<string>
}

const DAY_MS = 86_400_000
const PAGE = 60

/**
 * AWS Secrets Manager as its API Reference describes it: versions that never change, labels that move only from where
 * they are said to be, AWSPREVIOUS that follows AWSCURRENT, and the quotas.
 */
export async function fakeSecretsManager(clock: Clock): Promise<FakeService> {
  const secrets = new Map<string, Version[]>()

  function versionsOf(input: Input): Version[] {
    const found = secrets.get(String(input['SecretId']))
    if (found === undefined)
      throw new ServiceError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
    return found
  }

  /** AWSCURRENT leaves AWSPREVIOUS to the version it left. */
  function label(versions: Version[], stage: string, version: Version): void {
    const holder = versions.find(({ stages }) => stages.has(stage))
    if (holder === version) return
    holder?.stages.delete(stage)
    version.stages.add(stage)
    if (stage === 'AWSCURRENT' && holder !== undefined) label(versions, 'AWSPREVIOUS', holder)
  }

  function add(name: string, input: Input, stages: readonly string[]): Version {
    const versions = secrets.get(name) ?? []
    const id = String(input['ClientRequestToken'])
    const value = String(input['SecretString'])
    if (id.length < 32 || id.length > 64)
      throw new ServiceError('InvalidParameterException', 'ClientRequestToken')
    if (Buffer.byteLength(value) > 65_536) throw new ServiceError('InvalidParameterException', 'SecretString')
    const known = versions.find((version) => version.id === id)
    if (known !== undefined) {
      if (known.value === value) return known
      throw new ServiceError('ResourceExistsException', `A version with the token ${id} exists and differs.`)
    }
    const version: Version = { id, value, createdAt: clock.now(), stages: new Set() }
    const labelled = new Set([...versions, version].filter((each) => each.stages.size > 0))
    const all = [...versions, version]
    // Old versions without labels go when there are more than a hundred, younger ones do not.
    while (all.length > 100) {
      const at = all.findIndex(
        (each) => each !== version && !labelled.has(each) && clock.now() - each.createdAt >= DAY_MS,
      )
      if (at === -1) throw new ServiceError('LimitExceededException', 'Too many versions.')
      all.splice(at, 1)
    }
    for (const stage of stages) label(all, stage, version)
    secrets.set(name, all)
    return version
  }

  return await jsonService('secretsmanager-2017-10-17', {
    CreateSecret(input) {
      const name = String(input['Name'])
      if (secrets.has(name)) throw new ServiceError('ResourceExistsException', `The secret ${name} exists.`)
      const { id } = add(name, input, ['AWSCURRENT'])
      return { Name: name, VersionId: id }
    },
    PutSecretValue(input) {
      versionsOf(input)
      // The model says that it is a list of strings.
      const stages = (input['VersionStages'] as string[] | undefined) ?? ['AWSCURRENT']
      if (stages.length === 0 || stages.length > 20)
        throw new ServiceError('InvalidParameterException', 'VersionStages')
      const version = add(String(input['SecretId']), input, stages)
      return { Name: input['SecretId'], VersionId: version.id, VersionStages: [...version.stages] }
    },
    GetSecretValue(input) {
      const { VersionId: id, VersionStage: stage = id === undefined ? 'AWSCURRENT' : undefined } = input
      const found = versionsOf(input).find(
        (version) =>
          (id === undefined || version.id === id) &&
          (stage === undefined || version.stages.has(String(stage))),
      )
      if (found === undefined) throw new ServiceError('ResourceNotFoundException', 'no such version')
      return {
        Name: input['SecretId'],
        VersionId: found.id,
        SecretString: found.value,
        VersionStages: [...found.stages],
      }
    },
    ListSecretVersionIds(input) {
      const all = versionsOf(input).filter(
        ({ stages }) => input['IncludeDeprecated'] === true || stages.size > 0,
      )
      // Pages are short, so that whoever does not turn them is found out.
      const from = Number(input['NextToken'] ?? 0)
      const page = Math.min(Number(input['MaxResults'] ?? 100), PAGE)
      return {
        Versions: all.slice(from, from + page).map(({ id, createdAt, stages }) => ({
          VersionId: id,
          VersionStages: stages.size === 0 ? undefined : [...stages],
          CreatedDate: createdAt / 1000,
        })),
        NextToken: from + page < all.length ? String(from + page) : undefined,
      }
    },
    ListSecrets(input) {
      const all = [...secrets.keys()]
      const from = Number(input['NextToken'] ?? 0)
      return {
        SecretList: all.slice(from, from + 2).map((Name) => ({ Name })),
        NextToken: from + 2 < all.length ? String(from + 2) : undefined,
      }
    },
    UpdateSecretVersionStage(input) {
      const versions = versionsOf(input)
      const { VersionStage, MoveToVersionId: to, RemoveFromVersionId: from } = input
      const stage = String(VersionStage)
      const find = (id: unknown) => {
        if (id === undefined) return undefined
        const found = versions.find((version) => version.id === id)
        if (found === undefined)
          throw new ServiceError('ResourceNotFoundException', `no version ${String(id)}`)
        return found
      }
      const target = find(to)
      const source = find(from)
      const holder = versions.find(({ stages }) => stages.has(stage))
      if (holder !== undefined && holder !== target && holder !== source)
        throw new ServiceError('InvalidParameterException', `the label ${stage} is on another version`)
      if (target === undefined && stage === 'AWSCURRENT')
        throw new ServiceError('InvalidParameterException', 'AWSCURRENT must be on a version')
      if (target === undefined) source?.stages.delete(stage)
      else label(versions, stage, target)
      return { Name: input['SecretId'] }
    },
    DescribeSecret(input) {
      versionsOf(input)
      return { Name: input['SecretId'] }
    },
    DeleteSecret(input) {
      // With this it does not fail where there is none.
      if (input['ForceDeleteWithoutRecovery'] !== true)
        throw new ServiceError('InvalidRequestException', 'window')
      secrets.delete(String(input['SecretId']))
      return { Name: input['SecretId'] }
    },
  })
}
