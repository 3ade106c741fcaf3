import { randomUUID } from 'node:crypto'
import { type FakeService, jsonService, ServiceError } from './json-service.ts'

export interface FakeIpSets extends FakeService {
  /** Addresses by the name of the set. */
  addresses(): ReadonlyMap<string, readonly string[]>
  /** Somebody else updates every set before the next update, this many times. */
  interfere(times: number): void
}

interface Stored {
  readonly Id: string
  readonly Name: string
  readonly IPAddressVersion: unknown
  Addresses: readonly string[]
  token: string
}

/** AWS WAF with IP sets: names once, updates under the lock token of the last read, two sets a page. */
export async function fakeIpSets(): Promise<FakeIpSets> {
  const sets = new Map<string, Stored>()
  let interferences = 0
  const find = (input: Readonly<Record<string, unknown>>): Stored => {
    const found = [...sets.values()].find(({ Id, Name }) => Id === input['Id'] && Name === input['Name'])
    if (found === undefined) throw new ServiceError('WAFNonexistentItemException', 'there is no such IP set')
    return found
  }
  // The model says that these are texts.
  const addressesOf = (input: Readonly<Record<string, unknown>>): readonly string[] =>
    input['Addresses'] as string[]
  const summary = ({ Id, Name, token }: Stored) => ({ Id, Name, LockToken: token })

  const service = await jsonService('wafv2-2019-07-29', {
    ListIPSets(input) {
      const start = Number(input['NextMarker'] ?? 0)
      const all = [...sets.values()]
      const end = start + 2
      return {
        IPSets: all.slice(start, end).map(summary),
        ...(start < all.length && { NextMarker: String(end) }),
      }
    },
    CreateIPSet(input) {
      const Name = String(input['Name'])
      if (sets.has(Name)) throw new ServiceError('WAFDuplicateItemException', 'the name is taken')
      const made = {
        Id: randomUUID(),
        Name,
        IPAddressVersion: input['IPAddressVersion'],
        Addresses: addressesOf(input),
        token: randomUUID(),
      }
      sets.set(Name, made)
      return { Summary: summary(made) }
    },
    GetIPSet(input) {
      const { token, ...IPSet } = find(input)
      return { IPSet: { ...IPSet, ARN: 'arn:aws:wafv2:x', Description: '' }, LockToken: token }
    },
    UpdateIPSet(input) {
      const set = find(input)
      if (interferences-- > 0) set.token = randomUUID()
      if (input['LockToken'] !== set.token)
        throw new ServiceError('WAFOptimisticLockException', 'it has changed')
      if (input['Description'] === '') throw new ServiceError('WAFInvalidParameterException', 'Description')
      set.Addresses = addressesOf(input)
      set.token = randomUUID()
      return { NextLockToken: set.token }
    },
  })
  return Object.assign(service, {
    addresses: () => new Map([...sets].map(([name, { Addresses }]) => [name, Addresses])),
    interfere: (times: number) => void (interferences = times),
  })
}
