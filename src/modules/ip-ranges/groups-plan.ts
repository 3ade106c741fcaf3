import { compareRanges, coverOf, parseRange, type Range } from './ranges.ts'
import { counted } from './target.ts'

/** Ports of TCP, both ends included. */
export interface Ports {
  readonly from: number
  readonly to: number
}

/** An inbound rule: a block that may reach ports. `protocol` other than tcp is never wanted. */
export interface Rule extends Ports {
  readonly protocol: string
  readonly cidr: string
}

/** A security group of ours as it stands. */
export interface Group {
  readonly name: string
  /** All inbound rules with a block. */
  readonly rules: readonly Rule[]
  /** Rules that name groups or prefix lists: left alone, but they count. */
  readonly others: number
}

/** A network interface that has at least one of our groups. */
export interface NetworkInterface {
  readonly id: string
  /** Names of ours, in any order. */
  readonly ours: readonly string[]
  /** How many others it has. */
  readonly others: number
}

export interface GroupQuotas {
  /** Inbound rules of one group; IPv4 and IPv6 are counted apart (Amazon VPC quotas). */
  readonly rulesPerGroup: number
  /** Groups of one interface. */
  readonly groupsPerInterface: number
}

/** One call of the plan. */
export type GroupStep =
  | { readonly kind: 'create'; readonly group: string }
  | { readonly kind: 'authorize'; readonly group: string; readonly rules: readonly Rule[] }
  | { readonly kind: 'revoke'; readonly group: string; readonly rules: readonly Rule[] }
  | { readonly kind: 'attach'; readonly interface: string; readonly groups: readonly string[] }
  | { readonly kind: 'detach'; readonly interface: string; readonly groups: readonly string[] }
  | { readonly kind: 'delete'; readonly group: string }

/** The same rule has the same text. */
export function ruleText({ protocol, from, to, cidr }: Rule): string {
  return `${cidr} ${protocol} ${from === to ? from : `${from}-${to}`}`
}

interface Draft {
  readonly group: Group
  readonly isNew: boolean
  readonly kept: Rule[]
  /** Unwanted, and no wanted rule touches it: may go first where room is short. */
  readonly obsolete: Rule[]
  /** Unwanted, but it covers what is wanted until the new rules stand. */
  readonly superseded: Rule[]
  readonly added: Rule[]
}

/**
 * The calls that make our groups hold exactly the wanted rules. No rule is touched twice and none that stays is
 * touched. New rules come before old ones go; only where a group is full do rules go first, and only those that
 * cover nothing wanted. A new group is filled before it is attached, attached wherever one of ours is, and only then
 * does anything go that it replaces. So the plan may be broken off after any call, and the next one made from what
 * then stands. Throws an Error where the quotas do not allow it.
 */
export function planGroups(
  prefix: string,
  groups: readonly Group[],
  interfaces: readonly NetworkInterface[],
  wantedRules: readonly Rule[],
  { rulesPerGroup, groupsPerInterface }: GroupQuotas,
): readonly GroupStep[] {
  const missing = new Map(wantedRules.map((rule) => [ruleText(rule), rule]))
  const covers = coversOf(wantedRules)
  const drafts = groups.toSorted(byNumber).map((group): Draft => {
    const draft: Draft = { group, isNew: false, kept: [], obsolete: [], superseded: [], added: [] }
    for (const rule of group.rules) {
      if (missing.delete(ruleText(rule))) draft.kept.push(rule)
      else if (covers(rule)) draft.superseded.push(rule)
      else draft.obsolete.push(rule)
    }
    return draft
  })

  const roomOf = (draft: Draft, family: 4 | 6): number =>
    rulesPerGroup -
    draft.group.others -
    [...draft.kept, ...draft.superseded, ...draft.added].filter((rule) => familyOf(rule) === family).length
  for (const family of [4, 6] as const) {
    const rules = [...missing.values()].filter((rule) => familyOf(rule) === family)
    for (let index = 0; rules.length > 0; index++) {
      if (index === drafts.length) {
        const name = freeName(prefix, drafts)
        drafts.push({
          group: { name, rules: [], others: 0 },
          isNew: true,
          kept: [],
          obsolete: [],
          superseded: [],
          added: [],
        })
      }
      const draft = drafts[index]!
      draft.added.push(...rules.splice(0, Math.max(0, roomOf(draft, family))))
    }
  }
  // One group stays, whatever happens: interfaces are found by it.
  const isEmptied = ({ kept, added, group }: Draft): boolean =>
    kept.length + added.length + group.others === 0
  const full = drafts.filter((draft) => !isEmptied(draft))
  const keepers = new Set(full.length > 0 ? full : drafts.slice(0, 1))
  checkInterfaces(interfaces, keepers, groupsPerInterface)

  const steps: GroupStep[] = []
  const isTight = ({ group, added }: Draft): boolean =>
    ([4, 6] as const).some(
      (family) =>
        [...group.rules, ...added].filter((rule) => familyOf(rule) === family).length + group.others >
        rulesPerGroup,
    )
  const adding = drafts.filter(({ added }) => added.length > 0)
  const tight = new Set(adding.filter(isTight))
  for (const draft of adding) {
    if (tight.has(draft)) continue
    if (draft.isNew) steps.push({ kind: 'create', group: draft.group.name })
    steps.push({ kind: 'authorize', group: draft.group.name, rules: draft.added })
  }
  for (const draft of tight) {
    steps.push({ kind: 'revoke', group: draft.group.name, rules: draft.obsolete })
    steps.push({ kind: 'authorize', group: draft.group.name, rules: draft.added })
  }
  for (const each of interfaces) {
    const lacking = [...keepers].map(({ group }) => group.name).filter((name) => !each.ours.includes(name))
    if (lacking.length > 0) steps.push({ kind: 'attach', interface: each.id, groups: lacking })
  }
  for (const draft of drafts) {
    const rules = tight.has(draft) ? draft.superseded : [...draft.superseded, ...draft.obsolete]
    if (rules.length > 0) steps.push({ kind: 'revoke', group: draft.group.name, rules })
  }
  const emptied = drafts.filter((draft) => !keepers.has(draft)).map(({ group }) => group.name)
  for (const each of interfaces) {
    const surplus = emptied.filter((name) => each.ours.includes(name))
    if (surplus.length > 0) steps.push({ kind: 'detach', interface: each.id, groups: surplus })
  }
  for (const group of emptied) steps.push({ kind: 'delete', group })
  return steps
}

/** What a step does, for people. */
export function describeGroupStep(step: GroupStep): string {
  switch (step.kind) {
    case 'create':
      return `create the group ${step.group}`
    case 'authorize':
      return `authorize ${counted(step.rules.length, 'rule')} in ${step.group}`
    case 'revoke':
      return `revoke ${counted(step.rules.length, 'rule')} in ${step.group}`
    case 'attach':
      return `attach ${step.groups.join(', ')} to ${step.interface}`
    case 'detach':
      return `detach ${step.groups.join(', ')} from ${step.interface}`
    case 'delete':
      return `delete the group ${step.group}`
  }
}

/** Every wanted block with every wanted port. */
export function rulesFor(wanted: readonly Range[], ports: readonly Ports[]): readonly Rule[] {
  return wanted.flatMap(({ text }) =>
    ports.map(({ from, to }) => ({ protocol: 'tcp', cidr: text, from, to })),
  )
}

/** Whether a rule lets in something that a wanted rule lets in too. */
function coversOf(wanted: readonly Rule[]): (rule: Rule) => boolean {
  const byPorts = [...Map.groupBy(wanted, ({ from, to }) => `${from}-${to}`).values()].map((rules) => ({
    ports: rules[0]!,
    cover: coverOf(rules.map(({ cidr }) => blockOf(cidr))),
  }))
  return (rule) =>
    byPorts.some(
      ({ ports, cover }) =>
        // `-1` is every protocol and, in its ports, every port.
        (rule.protocol === '-1' ||
          (rule.protocol === 'tcp' && rule.from <= ports.to && rule.to >= ports.from)) &&
        cover.overlaps(blockOf(rule.cidr)),
    )
}

function blockOf(cidr: string): Range {
  const range = parseRange(cidr)
  if (typeof range === 'string') throw new Error(range)
  return range
}

function familyOf({ cidr }: Rule): 4 | 6 {
  return cidr.includes(':') ? 6 : 4
}

function checkInterfaces(
  interfaces: readonly NetworkInterface[],
  keepers: ReadonlySet<Draft>,
  groupsPerInterface: number,
): void {
  for (const { id, ours, others } of interfaces) {
    // Those that go later are still there when the new ones come.
    const count = new Set([...ours, ...[...keepers].map(({ group }) => group.name)]).size + others
    if (count > groupsPerInterface)
      throw new Error(
        `the network interface ${id} would need ${counted(count, 'security group')}; ${groupsPerInterface} is its quota. ` +
          'Choose fewer ports, services or regions, set aggregate, or have the quota raised and set groupsPerInterface',
      )
  }
}

function freeName(prefix: string, drafts: readonly Draft[]): string {
  const taken = new Set(drafts.map(({ group }) => group.name))
  for (let number = 1; ; number++) if (!taken.has(`${prefix}-${number}`)) return `${prefix}-${number}`
}

/** `edge-2` before `edge-10`. */
function byNumber(a: Group, b: Group): number {
  return a.name.localeCompare(b.name, 'en', { numeric: true })
}

/** Rules in the order of their blocks. */
export function sortRules(rules: readonly Rule[]): readonly Rule[] {
  return rules.toSorted((a, b) => compareRanges(blockOf(a.cidr), blockOf(b.cidr)) || a.from - b.from)
}
