import {
  CreateManagedPrefixListCommand,
  EC2Client,
  type ManagedPrefixList,
  ModifyManagedPrefixListCommand,
  paginateDescribeManagedPrefixLists,
  paginateGetManagedPrefixListEntries,
} from '@aws-sdk/client-ec2'
import { type Clock, waitFor } from '../../base/clock.ts'
import { calling } from './aws-error.ts'
import { parseRange, type Range } from './ranges.ts'
import { OWNER_TAG } from './security-groups.ts'
import { difference, type Step, type Target } from './target.ts'

/** Entries that one request may add, and as many that it may remove (EC2 API Reference, ModifyManagedPrefixList). */
const ENTRIES_PER_CALL = 100
const POLL_MS = 500
const POLLS = 240

export interface PrefixListsConfig {
  readonly prefixName: string
  /** Entries a list is made for; a security group that names the list counts that many rules. */
  readonly maxEntries: number
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
}

/** Managed prefix lists, one for each family. A list that is too small is resized first. */
export function createPrefixLists(config: PrefixListsConfig, clock: Clock): Target {
  const { prefixName, maxEntries } = config
  const client = new EC2Client({
    ...(config.region !== undefined && { region: config.region }),
    ...(config.endpoint !== undefined && { endpoint: config.endpoint }),
  })

  /** The list of a name that has our tag; names are not unique. */
  async function find(name: string): Promise<ManagedPrefixList | undefined> {
    const pages = paginateDescribeManagedPrefixLists(
      { client, pageSize: 100 },
      { Filters: [{ Name: 'prefix-list-name', Values: [name] }] },
    )
    for await (const page of pages)
      for (const list of page.PrefixLists ?? [])
        if (list.Tags?.some(({ Key, Value }) => Key === OWNER_TAG && Value === prefixName) === true)
          return list
    return undefined
  }

  /** Waits until a change is done: a list takes one at a time. Gives its version. */
  async function settled(name: string): Promise<ManagedPrefixList> {
    for (let poll = 0; poll < POLLS; poll++) {
      const list = await find(name)
      if (list === undefined) throw new Error(`the prefix list ${name} is gone`)
      // After a change that failed the list is as it was, and takes the next.
      if (list.State?.endsWith('-complete') === true || list.State === 'modify-failed') return list
      if (list.State?.endsWith('-failed') === true)
        throw new Error(`the prefix list ${name} is in the state ${list.State}: ${list.StateMessage ?? ''}`)
      await waitFor(clock, POLL_MS)
    }
    throw new Error(`the prefix list ${name} is still changing`)
  }

  async function entriesOf(list: ManagedPrefixList): Promise<readonly string[]> {
    const texts: string[] = []
    const pages = paginateGetManagedPrefixListEntries(
      { client, pageSize: 100 },
      { PrefixListId: list.PrefixListId!, TargetVersion: list.Version! },
    )
    for await (const page of pages)
      for (const { Cidr } of page.Entries ?? []) {
        const range = parseRange(Cidr!)
        texts.push(typeof range === 'string' ? Cidr! : range.text)
      }
    return texts
  }

  async function planFamily(
    family: 'ipv4' | 'ipv6',
    wanted: readonly Range[],
    list: ManagedPrefixList | undefined,
  ) {
    const name = `${prefixName}-${family}`
    const have = list === undefined ? [] : await entriesOf(list)
    const { add, remove } = difference(have, wanted)
    const steps: Step[] = []
    const step = (says: string, run: () => Promise<void>): void =>
      void steps.push({ says, run: () => calling(`${says} failed`, run) })
    // What is added and removed in one call is one new version: it is there at once or not at all. Where several calls
    // are needed all additions come first, so the list must hold both.
    const isOneCall = add.length <= ENTRIES_PER_CALL && remove.length <= ENTRIES_PER_CALL
    const needed = Math.max(wanted.length, isOneCall ? 0 : have.length + add.length)
    let id = list?.PrefixListId
    if (list === undefined) {
      if (wanted.length === 0) return { add, remove, steps }
      step(
        `create the prefix list ${name} with room for ${Math.max(maxEntries, needed)} entries`,
        async () => {
          const made = await client.send(
            new CreateManagedPrefixListCommand({
              PrefixListName: name,
              AddressFamily: family === 'ipv4' ? 'IPv4' : 'IPv6',
              MaxEntries: Math.max(maxEntries, needed),
              TagSpecifications: [
                { ResourceType: 'prefix-list', Tags: [{ Key: OWNER_TAG, Value: prefixName }] },
              ],
            }),
          )
          id = made.PrefixList!.PrefixListId!
        },
      )
    } else if (needed > (list.MaxEntries ?? 0)) {
      // A request that changes the size may not change entries.
      step(`make room for ${needed} entries in ${name}`, async () => {
        await settled(name)
        await client.send(new ModifyManagedPrefixListCommand({ PrefixListId: id!, MaxEntries: needed }))
      })
    }
    const change = (adding: readonly string[], removing: readonly string[]): void =>
      step(
        `${[
          ...(adding.length > 0 ? [`add ${entries(adding.length)}`] : []),
          ...(removing.length > 0 ? [`remove ${entries(removing.length)}`] : []),
        ].join(' and ')} in ${name}`,
        async () => {
          const { Version } = await settled(name)
          await client.send(
            new ModifyManagedPrefixListCommand({
              PrefixListId: id!,
              CurrentVersion: Version!,
              ...(adding.length > 0 && { AddEntries: adding.map((Cidr) => ({ Cidr })) }),
              ...(removing.length > 0 && { RemoveEntries: removing.map((Cidr) => ({ Cidr })) }),
            }),
          )
          await settled(name)
        },
      )
    if (isOneCall) {
      if (add.length + remove.length > 0) change(add, remove)
    } else {
      for (let at = 0; at < add.length; at += ENTRIES_PER_CALL)
        change(add.slice(at, at + ENTRIES_PER_CALL), [])
      for (let at = 0; at < remove.length; at += ENTRIES_PER_CALL)
        change([], remove.slice(at, at + ENTRIES_PER_CALL))
    }
    return { add, remove, steps }
  }

  return {
    name: `managed prefix lists ${prefixName}`,
    async plan(wanted) {
      return await calling('the prefix lists cannot be read', async () => {
        const plans = []
        for (const family of ['ipv4', 'ipv6'] as const) {
          const list = await find(`${prefixName}-${family}`)
          const ranges = wanted.filter((range) => range.family === (family === 'ipv4' ? 4 : 6))
          plans.push(await planFamily(family, ranges, list))
        }
        return {
          add: plans.flatMap(({ add }) => add),
          remove: plans.flatMap(({ remove }) => remove),
          steps: plans.flatMap(({ steps }) => steps),
        }
      })
    },
    close: () => client.destroy(),
  }
}

function entries(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`
}
