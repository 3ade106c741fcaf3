import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  EC2Client,
  type IpPermission,
  ModifyNetworkInterfaceAttributeCommand,
  paginateDescribeNetworkInterfaces,
  paginateDescribeSecurityGroups,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroup,
} from '@aws-sdk/client-ec2'
import { calling } from './aws-error.ts'
import {
  describeGroupStep,
  type Group,
  type GroupStep,
  planGroups,
  type Ports,
  type Rule,
  rulesFor,
  ruleText,
  sortRules,
} from './groups-plan.ts'
import { parseRange } from './ranges.ts'
import type { Target } from './target.ts'

/** The tag by which groups and lists of ours are found again; its value is the prefix of their names. */
export const OWNER_TAG = 'edgeward:ip-ranges'
const DESCRIPTION = 'kept by edgeward ip-ranges'
/** Rules in one call. The quota of a group is far below what a request may hold. */
const PAGE = 1000

export interface SecurityGroupsConfig {
  readonly vpcId: string
  readonly ports: readonly Ports[]
  readonly prefixName: string
  readonly rulesPerGroup: number
  readonly groupsPerInterface: number
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
}

interface Found {
  readonly groups: readonly Group[]
  readonly ids: ReadonlyMap<string, string>
}

/** EC2 security groups of a VPC: as many as the quota needs, on every interface that has one of them. */
export function createSecurityGroups(config: SecurityGroupsConfig): Target {
  const { vpcId, prefixName } = config
  const client = new EC2Client({
    ...(config.region !== undefined && { region: config.region }),
    ...(config.endpoint !== undefined && { endpoint: config.endpoint }),
  })

  async function readGroups(): Promise<Found> {
    const groups: Group[] = []
    const ids = new Map<string, string>()
    const pages = paginateDescribeSecurityGroups(
      { client, pageSize: PAGE },
      {
        Filters: [
          { Name: 'vpc-id', Values: [vpcId] },
          { Name: `tag:${OWNER_TAG}`, Values: [prefixName] },
        ],
      },
    )
    for await (const page of pages) {
      for (const group of page.SecurityGroups ?? []) {
        ids.set(group.GroupName!, group.GroupId!)
        groups.push(groupOf(group))
      }
    }
    return { groups, ids }
  }

  /** Interfaces with all their groups by id: the call that changes them replaces the whole list. */
  async function readInterfaces(ids: readonly string[]): Promise<Map<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>()
    if (ids.length === 0) return found
    const pages = paginateDescribeNetworkInterfaces(
      { client, pageSize: PAGE },
      {
        Filters: [
          { Name: 'vpc-id', Values: [vpcId] },
          { Name: 'group-id', Values: [...ids] },
        ],
      },
    )
    for await (const page of pages)
      for (const { NetworkInterfaceId, Groups } of page.NetworkInterfaces ?? [])
        found.set(NetworkInterfaceId!, Groups?.map(({ GroupId }) => GroupId!) ?? [])
    return found
  }

  return {
    name: `security groups ${prefixName} of ${vpcId}`,
    async plan(wanted) {
      const { groups, ids: known } = await calling('the security groups cannot be read', readGroups)
      const attached = await calling('the network interfaces cannot be read', () =>
        readInterfaces([...known.values()]),
      )
      const names = new Map([...known].map(([name, id]) => [id, name]))
      const interfaces = [...attached].map(([id, all]) => {
        const ours = all.flatMap((group) => names.get(group) ?? [])
        return { id, ours, others: all.length - ours.length }
      })
      const rules = rulesFor(wanted, config.ports)
      const plan = planGroups(prefixName, groups, interfaces, rules, config)
      const have = new Map(groups.flatMap((group) => group.rules).map((rule) => [ruleText(rule), rule]))
      const wantedTexts = new Set(rules.map(ruleText))
      // Of this plan: what its own steps make is known to those that follow.
      const ids = new Map(known)
      const groupsOf = new Map(attached)
      return {
        add: rules.map(ruleText).filter((text) => !have.has(text)),
        remove: sortRules([...have.values()])
          .map(ruleText)
          .filter((text) => !wantedTexts.has(text)),
        steps: plan.map((step) => ({
          says: describeGroupStep(step),
          run: () => calling(`${describeGroupStep(step)} failed`, () => run(step, ids, groupsOf)),
        })),
      }
    },
    close: () => client.destroy(),
  }

  async function run(
    step: GroupStep,
    ids: Map<string, string>,
    groupsOf: Map<string, readonly string[]>,
  ): Promise<void> {
    switch (step.kind) {
      case 'create': {
        const { GroupId } = await client.send(
          new CreateSecurityGroupCommand({
            GroupName: step.group,
            Description: DESCRIPTION,
            VpcId: vpcId,
            // In the same call, so that a group without its tag never exists.
            TagSpecifications: [
              {
                ResourceType: 'security-group',
                Tags: [
                  { Key: OWNER_TAG, Value: prefixName },
                  { Key: 'Name', Value: step.group },
                ],
              },
            ],
          }),
        )
        ids.set(step.group, GroupId!)
        return
      }
      case 'authorize':
        await client.send(
          new AuthorizeSecurityGroupIngressCommand({
            GroupId: ids.get(step.group)!,
            IpPermissions: permissionsOf(step.rules, DESCRIPTION),
          }),
        )
        return
      case 'revoke':
        await client.send(
          new RevokeSecurityGroupIngressCommand({
            GroupId: ids.get(step.group)!,
            IpPermissions: permissionsOf(step.rules),
          }),
        )
        return
      case 'attach':
      case 'detach': {
        const named = step.groups.map((name) => ids.get(name)!)
        const before = groupsOf.get(step.interface)!
        const Groups =
          step.kind === 'attach' ? [...before, ...named] : before.filter((id) => !named.includes(id))
        await client.send(
          new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: step.interface, Groups }),
        )
        groupsOf.set(step.interface, Groups)
        return
      }
      case 'delete':
        await client.send(new DeleteSecurityGroupCommand({ GroupId: ids.get(step.group)! }))
        return
    }
  }
}

function groupOf({ GroupName, IpPermissions }: SecurityGroup): Group {
  const rules: Rule[] = []
  let others = 0
  for (const permission of IpPermissions ?? []) {
    const { IpProtocol = '-1', FromPort = 0, ToPort = 65_535 } = permission
    for (const cidr of [
      ...(permission.IpRanges ?? []).map(({ CidrIp }) => CidrIp!),
      ...(permission.Ipv6Ranges ?? []).map(({ CidrIpv6 }) => CidrIpv6!),
    ])
      rules.push({ protocol: IpProtocol, from: FromPort, to: ToPort, cidr: canonical(cidr) })
    others += (permission.UserIdGroupPairs?.length ?? 0) + (permission.PrefixListIds?.length ?? 0)
  }
  return { name: GroupName!, rules, others }
}

function canonical(cidr: string): string {
  const range = parseRange(cidr)
  return typeof range === 'string' ? cidr : range.text
}

function permissionsOf(rules: readonly Rule[], Description?: string): IpPermission[] {
  const described = Description === undefined ? {} : { Description }
  return [...Map.groupBy(rules, ({ protocol, from, to }) => `${protocol} ${from} ${to}`).values()].map(
    (same) => {
      const { protocol, from, to } = same[0]!
      const ipv4 = same.filter(({ cidr }) => !cidr.includes(':'))
      const ipv6 = same.filter(({ cidr }) => cidr.includes(':'))
      return {
        IpProtocol: protocol,
        ...(protocol !== '-1' && { FromPort: from, ToPort: to }),
        ...(ipv4.length > 0 && { IpRanges: ipv4.map(({ cidr }) => ({ CidrIp: cidr, ...described })) }),
        ...(ipv6.length > 0 && { Ipv6Ranges: ipv6.map(({ cidr }) => ({ CidrIpv6: cidr, ...described })) }),
      }
    },
  )
}
