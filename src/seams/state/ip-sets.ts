import { randomUUID } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'
import type { Handle } from '../handle.ts'
import { HandleSource } from '../handle.ts'
import type { Journal } from '../journal.ts'
import { SeamError } from '../seam-error.ts'
import { checkText, openPart } from './part.ts'
import type { PartOptions } from './part.ts'
import type { IpSet, IpSetContent, IpSets } from './state.ts'

/** WAF quotas: 10,000 addresses per IP set, 100 IP sets per account and Region. */
export const MAX_ADDRESSES = 10_000
export const MAX_IP_SETS = 100

const ipSetSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  family: z.enum(['ipv4', 'ipv6', 'any']),
  addresses: z.array(z.string()).readonly(),
  version: z.number(),
  lockToken: z.string(),
})
const recordSchema = z.union([z.strictObject({ set: ipSetSchema }), z.strictObject({ deleted: z.string() })])
type IpSetRecord = z.infer<typeof recordSchema>

/** IP sets in a journal; see IpSets. */
export class EmbeddedIpSets implements IpSets {
  #sets = new Map<string, IpSet>()
  readonly #handles = new Map<string, HandleSource<IpSet | undefined>>()
  readonly #options: PartOptions
  #journal!: Journal<IpSetRecord>

  private constructor(options: PartOptions) {
    this.#options = options
  }

  static async open(options: PartOptions): Promise<EmbeddedIpSets> {
    const sets = new EmbeddedIpSets(options)
    sets.#journal = await openPart<IpSetRecord>(options, {
      name: 'ip-sets',
      schema: recordSchema,
      apply: (records, fromScratch) => sets.#apply(records, fromScratch),
      snapshot: () => sets.list().map((set) => ({ set })),
    })
    return sets
  }

  handle(name: string): Handle<IpSet | undefined> {
    let handle = this.#handles.get(name)
    if (handle === undefined) {
      handle = new HandleSource(this.#sets.get(name), this.#options.report)
      this.#handles.set(name, handle)
    }
    return handle
  }

  list(): readonly IpSet[] {
    return [...this.#sets.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async create(name: string, content: IpSetContent): Promise<IpSet> {
    checkText('the name of an IP set', name, 128)
    const { family } = content
    const addresses = checkedAddresses(name, family, content.addresses)
    return await this.#journal.transact(() => {
      if (this.#sets.has(name))
        throw new SeamError('exists', `the IP set "${name}" exists already: update it instead`)
      if (this.#sets.size >= MAX_IP_SETS) {
        throw new SeamError('limit', `there are ${MAX_IP_SETS} IP sets, which is the limit: delete one first`)
      }
      const description = content.description ?? ''
      const set = freeze({ name, description, family, addresses, version: 1, lockToken: randomUUID() })
      return { records: [{ set }], result: set }
    })
  }

  async update(
    name: string,
    lockToken: string,
    addresses: readonly string[],
    description?: string,
  ): Promise<IpSet> {
    return await this.#journal.transact(() => {
      const before = this.#find(name, lockToken)
      const set = freeze({
        ...before,
        description: description ?? before.description,
        addresses: checkedAddresses(name, before.family, addresses),
        version: before.version + 1,
        lockToken: randomUUID(),
      })
      return { records: [{ set }], result: set }
    })
  }

  async delete(name: string, lockToken: string): Promise<void> {
    await this.#journal.transact(() => {
      this.#find(name, lockToken)
      return { records: [{ deleted: name }], result: undefined }
    })
  }

  async refresh(): Promise<void> {
    await this.#journal.refresh()
  }

  async close(): Promise<void> {
    await this.#journal.close()
  }

  #find(name: string, lockToken: string): IpSet {
    const set = this.#sets.get(name)
    if (set === undefined) throw new SeamError('not-found', `there is no IP set "${name}": create it first`)
    if (set.lockToken !== lockToken) {
      throw new SeamError(
        'conflict',
        `the IP set "${name}" was changed since it was read: read it again and repeat the change with its new lock token`,
      )
    }
    return set
  }

  #apply(records: readonly IpSetRecord[], fromScratch: boolean): void {
    if (fromScratch) this.#sets = new Map()
    for (const record of records) {
      if ('set' in record) this.#sets.set(record.set.name, freeze(record.set))
      else this.#sets.delete(record.deleted)
    }
    for (const [name, handle] of this.#handles) {
      const set = this.#sets.get(name)
      const isSame = set?.lockToken === handle.current?.lockToken
      // Rebuilt from the file but unchanged: keep the object, so that nobody compiles it again.
      if (!isSame) handle.set(set)
      else if (fromScratch && handle.current !== undefined) this.#sets.set(name, handle.current)
    }
  }
}

function freeze(set: IpSet): IpSet {
  Object.freeze(set.addresses)
  return Object.freeze(set)
}

function checkedAddresses(
  name: string,
  family: IpSet['family'],
  addresses: readonly string[],
): readonly string[] {
  if (addresses.length > MAX_ADDRESSES) {
    throw new SeamError(
      'limit',
      `the IP set "${name}" would have ${addresses.length} addresses; ${MAX_ADDRESSES} is the limit: spread them over several sets`,
    )
  }
  for (const address of addresses) {
    if (isCidr(address, family)) continue
    throw new SeamError(
      'invalid',
      `the IP set "${name}" cannot hold ${JSON.stringify(address.slice(0, 60))}: expected an ${family === 'any' ? 'address' : family} block such as ` +
        `${family === 'ipv6' ? '2001:db8::/32' : '192.0.2.0/24'}, and not /0`,
    )
  }
  return [...addresses]
}

/** Whether `text` is a CIDR block of the family with a prefix length of at least 1 (WAFV2 IPSet: any but /0). */
function isCidr(text: string, family: IpSet['family']): boolean {
  const slash = text.indexOf('/')
  if (slash === -1) return false
  const address = text.slice(0, slash)
  const length = text.slice(slash + 1)
  if (!/^[1-9][0-9]{0,2}$/.test(length)) return false
  if (isIPv4(address)) return family !== 'ipv6' && Number(length) <= 32
  return isIPv6(address) && !address.includes('%') && family !== 'ipv4' && Number(length) <= 128
}
