import { randomUUID } from 'node:crypto'
import { type FakeService, jsonService, ServiceError } from './json-service.ts'

export interface FakeWaf extends FakeService {
  /** The web ACL as the service holds it. */
  acl(): Readonly<Record<string, unknown>>
  /** Changes it as somebody else would, which makes every lock token given out before stale. */
  change(more: Readonly<Record<string, unknown>>): void
  /** Somebody else changes it this many times between a read and a write of others. */
  interfere(times: number): void
}

const KEPT = [
  ...[
    'Name',
    'Id',
    'ARN',
    'DefaultAction',
    'Description',
    'Rules',
    'VisibilityConfig',
    'CustomResponseBodies',
  ],
  ...['CaptchaConfig', 'ChallengeConfig', 'TokenDomains', 'AssociationConfig', 'DataProtectionConfig'],
  ...['OnSourceDDoSProtectionConfig', 'ApplicationConfig', 'Capacity', 'LabelNamespace'],
]

/** AWS WAF with one web ACL: an update replaces all of it, under the lock token of the last read. */
export async function fakeWaf(given: Readonly<Record<string, unknown>>): Promise<FakeWaf> {
  let acl: Record<string, unknown> = { ...given }
  let token: string = randomUUID()
  let interferences = 0

  function find(input: Readonly<Record<string, unknown>>): void {
    if (input['Id'] !== acl['Id'] || input['Name'] !== acl['Name'] || input['Scope'] !== 'REGIONAL')
      throw new ServiceError(
        'WAFNonexistentItemException',
        'AWS WAF couldn’t perform the operation because your resource doesn’t exist.',
      )
  }

  const service = await jsonService('wafv2-2019-07-29', {
    GetWebACL(input) {
      find(input)
      return { WebACL: acl, LockToken: token }
    },
    UpdateWebACL(input) {
      find(input)
      if (interferences > 0) {
        interferences--
        token = randomUUID()
      }
      if (input['LockToken'] !== token)
        throw new ServiceError(
          'WAFOptimisticLockException',
          'AWS WAF couldn’t save your changes because you tried to update or delete a resource that has changed since you last retrieved it.',
        )
      // The model says that these are rules.
      const rules =
        (input['Rules'] as
          | { Name: string; Priority: number; Action?: unknown; OverrideAction?: unknown }[]
          | undefined) ?? []
      if (new Set(rules.map(({ Priority }) => Priority)).size < rules.length)
        throw new ServiceError('WAFInvalidParameterException', 'priorities must differ')
      if (new Set(rules.map(({ Name }) => Name)).size < rules.length)
        throw new ServiceError('WAFInvalidParameterException', 'names must differ')
      for (const rule of rules) {
        if ((rule.Action === undefined) === (rule.OverrideAction === undefined))
          throw new ServiceError(
            'WAFInvalidParameterException',
            'a rule has one of Action and OverrideAction',
          )
        const or = JSON.stringify(rule).match(/"OrStatement":\{"Statements":\[(.*?)\]\}/)
        if (or !== null && or[1]!.split('ByteMatchStatement').length < 3)
          throw new ServiceError('WAFInvalidParameterException', 'an OrStatement has two statements or more')
      }
      if (input['Description'] === '') throw new ServiceError('WAFInvalidParameterException', 'Description')
      const next: Record<string, unknown> = {}
      // What is not sent is gone; what a caller cannot send stays.
      for (const name of KEPT) {
        const value =
          input[name] ?? (['ARN', 'Capacity', 'LabelNamespace'].includes(name) ? acl[name] : undefined)
        if (value !== undefined) next[name] = value
      }
      acl = next
      token = randomUUID()
      return { NextLockToken: token }
    },
  })
  return Object.assign(service, {
    acl: () => acl,
    change(more: Readonly<Record<string, unknown>>) {
      acl = { ...acl, ...more }
      token = randomUUID()
    },
    interfere: (times: number) => void (interferences = times),
  })
}
