import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIPv4, isIPv6 } from 'node:net'
import { text } from 'node:stream/consumers'
import { type FakeService, serve, ServiceError } from './json-service.ts'

export interface Ec2Rule {
  readonly protocol: string
  readonly from: number
  readonly to: number
  readonly cidr: string
}

interface StoredGroup {
  readonly id: string
  readonly name: string
  readonly vpc: string
  readonly tags: ReadonlyMap<string, string>
  readonly rules: Map<string, Ec2Rule>
}

interface StoredList {
  readonly id: string
  readonly name: string
  readonly family: string
  readonly tags: ReadonlyMap<string, string>
  maxEntries: number
  version: number
  entries: readonly string[]
  /** Describes that still say that a change goes on. */
  busy: number
}

export interface Ec2Options {
  readonly rulesPerGroup?: number
  readonly groupsPerInterface?: number
  /** Most that a page holds, whatever was asked for. */
  readonly pageSize?: number
}

export interface FakeEc2 extends FakeService {
  readonly groups: ReadonlyMap<string, StoredGroup>
  /** Interfaces with the ids of their groups. */
  readonly interfaces: Map<string, { readonly vpc: string; groups: readonly string[] }>
  readonly lists: ReadonlyMap<string, StoredList>
  /** Called after each call that changed something, and before its answer is sent. */
  watch(onChange: (() => void) | undefined): void
  /** Cuts the connection instead of answering, this many changing calls from now; `before` they are carried out or after. */
  cutAfter(changes: number | undefined, when?: 'before' | 'after'): void
}

/** A form of the query protocol as a tree: `IpPermissions.1.IpRanges.2.CidrIp=…`. */
type Tree = { [key: string]: Tree | string }

const CHANGES = /^(?:Create|Delete|Authorize|Revoke|Modify)/

/**
 * EC2 over its query protocol, as far as security groups, network interfaces and prefix lists go: quotas, duplicates,
 * rules that are not there, groups in use, versions of lists, pages.
 */
export async function fakeEc2({
  rulesPerGroup = 60,
  groupsPerInterface = 5,
  pageSize = 7,
}: Ec2Options = {}): Promise<FakeEc2> {
  const groups = new Map<string, StoredGroup>()
  const interfaces: FakeEc2['interfaces'] = new Map()
  const lists = new Map<string, StoredList>()
  const calls: FakeService['calls'] = []
  let next = 1
  let cut: { left: number; when: 'before' | 'after' } | undefined
  const newId = (kind: string): string => `${kind}-${String(next++).padStart(17, '0')}`

  function paged<T>(input: Tree, all: readonly T[], minimum: number): { page: readonly T[]; token: string } {
    const size = Number(input['MaxResults'] ?? 0)
    if (size !== 0 && (size < minimum || size > 1000))
      throw new ServiceError('InvalidParameterValue', `MaxResults must be from ${minimum} to 1000`)
    const start = input['NextToken'] === undefined ? 0 : Number(String(input['NextToken']).replace(/^t/, ''))
    const end = start + Math.min(size === 0 ? pageSize : size, pageSize)
    return { page: all.slice(start, end), token: end < all.length ? `<nextToken>t${end}</nextToken>` : '' }
  }

  function groupOf(input: Tree): StoredGroup {
    const group = groups.get(String(input['GroupId']))
    if (group === undefined)
      throw new ServiceError(
        'InvalidGroup.NotFound',
        `The security group '${String(input['GroupId'])}' does not exist`,
      )
    return group
  }

  function listOf(input: Tree): StoredList {
    const list = lists.get(String(input['PrefixListId']))
    if (list === undefined)
      throw new ServiceError(
        'InvalidPrefixListID.NotFound',
        `The prefix list ID '${String(input['PrefixListId'])}' does not exist`,
      )
    return list
  }

  const operations: Readonly<Record<string, (input: Tree) => string>> = {
    DescribeSecurityGroups(input) {
      const filters = filtersOf(input)
      const found = [...groups.values()].filter((group) =>
        filters.every(({ name, values }) => {
          if (name === 'vpc-id') return values.includes(group.vpc)
          if (name.startsWith('tag:')) return values.includes(group.tags.get(name.slice(4)) ?? '')
          throw new ServiceError('InvalidParameterValue', `The filter '${name}' is invalid`)
        }),
      )
      const { page, token } = paged(input, found, 5)
      return `<securityGroupInfo>${page.map(writeGroup).join('')}</securityGroupInfo>${token}`
    },
    CreateSecurityGroup(input) {
      const name = String(input['GroupName'])
      const vpc = String(input['VpcId'])
      if ([...groups.values()].some((group) => group.name === name && group.vpc === vpc))
        throw new ServiceError('InvalidGroup.Duplicate', `The security group '${name}' already exists`)
      if (name.startsWith('sg-') || input['GroupDescription'] === undefined)
        throw new ServiceError('InvalidParameterValue', 'GroupName, GroupDescription')
      const id = newId('sg')
      groups.set(id, { id, name, vpc, tags: tagsOf(input, 'security-group'), rules: new Map() })
      return `<groupId>${id}</groupId>`
    },
    AuthorizeSecurityGroupIngress(input) {
      const group = groupOf(input)
      const rules = rulesOf(input)
      const all = new Map(group.rules)
      for (const rule of rules) {
        if (all.has(keyOf(rule)))
          throw new ServiceError(
            'InvalidPermission.Duplicate',
            `the specified rule "peer: ${rule.cidr}, TCP, from port: ${rule.from}, to port: ${rule.to}, ALLOW" already exists`,
          )
        all.set(keyOf(rule), rule)
      }
      for (const isIpv6 of [true, false])
        if ([...all.values()].filter(({ cidr }) => cidr.includes(':') === isIpv6).length > rulesPerGroup)
          throw new ServiceError(
            'RulesPerSecurityGroupLimitExceeded',
            'The maximum number of rules per security group has been reached.',
          )
      for (const rule of rules) group.rules.set(keyOf(rule), rule)
      return '<return>true</return>'
    },
    RevokeSecurityGroupIngress(input) {
      const group = groupOf(input)
      const rules = rulesOf(input)
      for (const rule of rules)
        if (!group.rules.has(keyOf(rule)))
          throw new ServiceError(
            'InvalidPermission.NotFound',
            'The specified rule does not exist in this security group.',
          )
      for (const rule of rules) group.rules.delete(keyOf(rule))
      return '<return>true</return>'
    },
    DeleteSecurityGroup(input) {
      const { id } = groupOf(input)
      if ([...interfaces.values()].some(({ groups: held }) => held.includes(id)))
        throw new ServiceError('DependencyViolation', `resource ${id} has a dependent object`)
      groups.delete(id)
      return '<return>true</return>'
    },
    DescribeNetworkInterfaces(input) {
      const filters = filtersOf(input)
      const found = [...interfaces].filter(([, { vpc, groups: held }]) =>
        filters.every(({ name, values }) => {
          if (values.length > 200)
            throw new ServiceError(
              'FilterLimitExceeded',
              'The maximum number of filter values specified on a single call is 200',
            )
          if (name === 'vpc-id') return values.includes(vpc)
          if (name === 'group-id') return held.some((id) => values.includes(id))
          throw new ServiceError('InvalidParameterValue', `The filter '${name}' is invalid`)
        }),
      )
      const { page, token } = paged(input, found, 5)
      const items = page.map(
        ([id, { vpc, groups: held }]) =>
          `<item><networkInterfaceId>${id}</networkInterfaceId><vpcId>${vpc}</vpcId><groupSet>${held.map((group) => `<item><groupId>${group}</groupId><groupName>${groups.get(group)?.name ?? 'other'}</groupName></item>`).join('')}</groupSet></item>`,
      )
      return `<networkInterfaceSet>${items.join('')}</networkInterfaceSet>${token}`
    },
    ModifyNetworkInterfaceAttribute(input) {
      const id = String(input['NetworkInterfaceId'])
      const found = interfaces.get(id)
      if (found === undefined)
        throw new ServiceError(
          'InvalidNetworkInterfaceID.NotFound',
          `The networkInterface ID '${id}' does not exist`,
        )
      const wanted = itemsOf(input['SecurityGroupId']).map(String)
      if (wanted.length === 0) throw new ServiceError('InvalidParameterValue', 'at least one group')
      for (const group of wanted)
        if (!groups.has(group) && !found.groups.includes(group))
          throw new ServiceError('InvalidGroup.NotFound', `The security group '${group}' does not exist`)
      if (new Set(wanted).size < wanted.length)
        throw new ServiceError('InvalidParameterValue', 'a group twice')
      if (wanted.length > groupsPerInterface)
        throw new ServiceError(
          'SecurityGroupsPerInterfaceLimitExceeded',
          `You have reached the maximum number of security groups (${groupsPerInterface})`,
        )
      found.groups = wanted
      return '<return>true</return>'
    },
    DescribeManagedPrefixLists(input) {
      const filters = filtersOf(input)
      const found = [...lists.values()].filter((list) =>
        filters.every(({ name, values }) => {
          if (name === 'prefix-list-name') return values.includes(list.name)
          throw new ServiceError('InvalidParameterValue', `The filter '${name}' is invalid`)
        }),
      )
      const { page, token } = paged(input, found, 1)
      const written = page.map((list) => writeList(list))
      for (const list of page) list.busy = Math.max(0, list.busy - 1)
      return `<prefixListSet>${written.map((each) => `<item>${each}</item>`).join('')}</prefixListSet>${token}`
    },
    GetManagedPrefixListEntries(input) {
      const list = listOf(input)
      if (Number(input['TargetVersion']) !== list.version)
        throw new ServiceError('InvalidPrefixListVersion', 'this fake keeps the current version only')
      const { page, token } = paged(input, list.entries, 1)
      return `<entrySet>${page.map((cidr) => `<item><cidr>${cidr}</cidr></item>`).join('')}</entrySet>${token}`
    },
    CreateManagedPrefixList(input) {
      const id = newId('pl')
      const list: StoredList = {
        id,
        name: String(input['PrefixListName']),
        family: String(input['AddressFamily']),
        tags: tagsOf(input, 'prefix-list'),
        maxEntries: Number(input['MaxEntries']),
        version: 1,
        entries: [],
        busy: 0,
      }
      lists.set(id, list)
      return `<prefixList>${writeList(list)}</prefixList>`
    },
    ModifyManagedPrefixList(input) {
      const list = listOf(input)
      if (list.busy > 0)
        throw new ServiceError(
          'IncorrectState',
          `The prefix list ${list.id} is in the state modify-in-progress`,
        )
      const add = itemsOf(input['AddEntry']).map(cidrOf)
      const remove = itemsOf(input['RemoveEntry']).map(cidrOf)
      if (input['MaxEntries'] !== undefined) {
        if (add.length + remove.length > 0)
          throw new ServiceError(
            'InvalidParameterCombination',
            'You cannot modify the entries and the size at the same time',
          )
        if (Number(input['MaxEntries']) < list.entries.length)
          throw new ServiceError('InvalidParameterValue', 'MaxEntries is below the number of entries')
        list.maxEntries = Number(input['MaxEntries'])
        return `<prefixList>${writeList(list)}</prefixList>`
      }
      if (Number(input['CurrentVersion']) !== list.version)
        throw new ServiceError('PrefixListVersionMismatch', `The prefix list has the version ${list.version}`)
      if (add.length > 100 || remove.length > 100)
        throw new ServiceError('RequestLimitExceeded', 'at most 100 entries in one request')
      for (const cidr of [...add, ...remove]) checkCidr(cidr)
      if (
        remove.some((cidr) => !list.entries.includes(cidr)) ||
        add.some((cidr) => list.entries.includes(cidr))
      )
        throw new ServiceError('InvalidParameterValue', 'an entry is there already, or is not there')
      const entries = [...list.entries.filter((cidr) => !remove.includes(cidr)), ...add]
      if (entries.length > list.maxEntries)
        throw new ServiceError(
          'PrefixListMaxEntriesExceeded',
          `You have reached the maximum number of entries (${list.maxEntries})`,
        )
      list.entries = entries
      list.version++
      list.busy = 1
      return `<prefixList>${writeList(list)}</prefixList>`
    },
  }

  let onChange: (() => void) | undefined
  const service = await serve(
    calls,
    async (request: IncomingMessage, response: ServerResponse) => {
      const input = parseForm(await text(request))
      const action = String(input['Action'])
      if (input['Version'] !== '2016-11-15') throw new ServiceError('InvalidAction', 'Version')
      const run = operations[action]
      if (run === undefined) throw new ServiceError('InvalidAction', `The action ${action} is not valid`)
      const isCut = CHANGES.test(action) && cut !== undefined && cut.left-- <= 0
      if (isCut && cut?.when === 'before') return void request.socket.destroy()
      calls.push({ operation: action, input })
      const body = run(input)
      if (CHANGES.test(action)) onChange?.()
      if (isCut) return void request.socket.destroy()
      response.setHeader('content-type', 'text/xml;charset=UTF-8')
      response.end(
        `<?xml version="1.0" encoding="UTF-8"?>\n<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>00000000-0000-4000-8000-000000000000</requestId>${body}</${action}Response>`,
      )
    },
    ({ name, message }) => ({
      type: 'text/xml;charset=UTF-8',
      body: `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${escape(name)}</Code><Message>${escape(message)}</Message></Error></Errors><RequestID>00000000-0000-4000-8000-000000000000</RequestID></Response>`,
    }),
  )
  return Object.assign(service, {
    groups,
    interfaces,
    lists,
    watch: (told: (() => void) | undefined) => void (onChange = told),
    cutAfter(changes: number | undefined, when: 'before' | 'after' = 'before') {
      cut = changes === undefined ? undefined : { left: changes, when }
    },
  })
}

function parseForm(body: string): Tree {
  const root: Tree = {}
  for (const [key, value] of new URLSearchParams(body)) {
    const path = key.split('.')
    let at = root
    for (const part of path.slice(0, -1)) {
      const inner = (at[part] ??= {})
      if (typeof inner === 'string') throw new ServiceError('InvalidParameterValue', key)
      at = inner
    }
    at[path.at(-1)!] = value
  }
  return root
}

/** The members of a list, which are numbered from 1 without a gap. */
function itemsOf(tree: Tree | string | undefined): readonly (Tree | string)[] {
  if (tree === undefined) return []
  if (typeof tree === 'string') throw new ServiceError('InvalidParameterValue', 'no list')
  const keys = Object.keys(tree)
    .map(Number)
    .toSorted((a, b) => a - b)
  if (keys.some((key, index) => key !== index + 1))
    throw new ServiceError('InvalidParameterValue', 'numbers of a list')
  return keys.map((key) => tree[String(key)]!)
}

function cidrOf(entry: Tree | string): string {
  return typeof entry === 'string' ? entry : String(entry['Cidr'])
}

function treesOf(tree: Tree | string | undefined): readonly Tree[] {
  return itemsOf(tree).map((item) => {
    if (typeof item === 'string') throw new ServiceError('InvalidParameterValue', item)
    return item
  })
}

function filtersOf(input: Tree) {
  return treesOf(input['Filter']).map((filter) => ({
    name: String(filter['Name']),
    values: itemsOf(filter['Value']).map(String),
  }))
}

function tagsOf(input: Tree, type: string): ReadonlyMap<string, string> {
  const specifications = treesOf(input['TagSpecification'])
  if (specifications.some((each) => each['ResourceType'] !== type))
    throw new ServiceError('InvalidParameterValue', `'${type}' is the resource type here`)
  return new Map(
    specifications.flatMap((each) =>
      treesOf(each['Tag']).map((tag): [string, string] => [String(tag['Key']), String(tag['Value'])]),
    ),
  )
}

function rulesOf(input: Tree): readonly Ec2Rule[] {
  const rules = treesOf(input['IpPermissions']).flatMap((permission) => {
    const protocol = String(permission['IpProtocol'])
    const from = Number(permission['FromPort'] ?? 0)
    const to = Number(permission['ToPort'] ?? 65_535)
    return [
      ...treesOf(permission['IpRanges']).map((range) => String(range['CidrIp'])),
      ...treesOf(permission['Ipv6Ranges']).map((range) => String(range['CidrIpv6'])),
    ].map((cidr) => ({ protocol, from, to, cidr: checkCidr(cidr) }))
  })
  if (rules.length === 0) throw new ServiceError('MissingParameter', 'ipPermissions')
  return rules
}

function checkCidr(cidr: string): string {
  const [address = '', length = ''] = cidr.split('/')
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits)
    throw new ServiceError('InvalidParameterValue', `CIDR block ${cidr} is malformed`)
  return cidr
}

function keyOf({ protocol, from, to, cidr }: Ec2Rule): string {
  return `${protocol} ${from} ${to} ${cidr}`
}

function writeGroup({ id, name, vpc, tags, rules }: StoredGroup): string {
  const permissions = [
    ...Map.groupBy(rules.values(), ({ protocol, from, to }) => `${protocol} ${from} ${to}`).values(),
  ]
  const written = permissions.map((same) => {
    const { protocol, from, to } = same[0]!
    const ipv4 = same.filter(({ cidr }) => !cidr.includes(':'))
    const ipv6 = same.filter(({ cidr }) => cidr.includes(':'))
    return `<item><ipProtocol>${protocol}</ipProtocol><fromPort>${from}</fromPort><toPort>${to}</toPort><groups/><ipRanges>${ipv4.map(({ cidr }) => `<item><cidrIp>${cidr}</cidrIp></item>`).join('')}</ipRanges><ipv6Ranges>${ipv6.map(({ cidr }) => `<item><cidrIpv6>${cidr}</cidrIpv6></item>`).join('')}</ipv6Ranges><prefixListIds/></item>`
  })
  return `<item><groupId>${id}</groupId><groupName>${escape(name)}</groupName><vpcId>${vpc}</vpcId><ipPermissions>${written.join('')}</ipPermissions><tagSet>${writeTags(tags)}</tagSet></item>`
}

function writeList({ id, name, family, tags, maxEntries, version, busy }: StoredList): string {
  return `<prefixListId>${id}</prefixListId><addressFamily>${family}</addressFamily><state>${busy > 0 ? 'modify-in-progress' : 'modify-complete'}</state><prefixListName>${escape(name)}</prefixListName><maxEntries>${maxEntries}</maxEntries><version>${version}</version><tagSet>${writeTags(tags)}</tagSet>`
}

function writeTags(tags: ReadonlyMap<string, string>): string {
  return [...tags]
    .map(([key, value]) => `<item><key>${escape(key)}</key><value>${escape(value)}</value></item>`)
    .join('')
}

function escape(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
