import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Group,
  type GroupStep,
  type NetworkInterface,
  planGroups,
  type Rule,
  rulesFor,
  ruleText,
} from './groups-plan.ts'
import { rangesOf } from './contract.ts'
import { coverOf } from './ranges.ts'

const HTTPS = [{ from: 443, to: 443 }]
const quotas = { rulesPerGroup: 4, groupsPerInterface: 16 }

interface World {
  groups: Group[]
  interfaces: NetworkInterface[]
}

/** EC2 in a few lines: does a step, and refuses what the quota refuses. */
function after(world: World, step: GroupStep): World {
  const change = (name: string, rules: (rules: readonly Rule[]) => readonly Rule[]): Group[] =>
    world.groups.map((group) => (group.name === name ? { ...group, rules: rules(group.rules) } : group))
  const attach = (id: string, ours: (ours: readonly string[]) => readonly string[]): NetworkInterface[] =>
    world.interfaces.map((each) => (each.id === id ? { ...each, ours: ours(each.ours) } : each))
  switch (step.kind) {
    case 'create':
      return { ...world, groups: [...world.groups, { name: step.group, rules: [], others: 0 }] }
    case 'authorize': {
      const groups = change(step.group, (rules) => [...rules, ...step.rules])
      for (const { rules } of groups)
        for (const isIpv6 of [true, false])
          assert.ok(rules.filter(({ cidr }) => cidr.includes(':') === isIpv6).length <= quotas.rulesPerGroup)
      return { ...world, groups }
    }
    case 'revoke': {
      const texts = new Set(step.rules.map(ruleText))
      return {
        ...world,
        groups: change(step.group, (rules) => rules.filter((rule) => !texts.has(ruleText(rule)))),
      }
    }
    case 'attach':
      return { ...world, interfaces: attach(step.interface, (ours) => [...ours, ...step.groups]) }
    case 'detach':
      return {
        ...world,
        interfaces: attach(step.interface, (ours) => ours.filter((name) => !step.groups.includes(name))),
      }
    case 'delete':
      assert.ok(world.interfaces.every(({ ours }) => !ours.includes(step.group)))
      return { ...world, groups: world.groups.filter(({ name }) => name !== step.group) }
  }
}

const textsOf = ({ groups }: World): string[] => groups.flatMap(({ rules }) => rules.map(ruleText)).toSorted()

/** Few blocks of few sizes, so that they nest, repeat and come back. */
const block = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 22, max: 24 }))
    .map(([third, length]) => `10.0.${third}.0/${length}`),
  fc.integer({ min: 0, max: 5 }).map((part) => `2001:db8:${part}::/48`),
)
const list = fc.array(block, { minLength: 1, maxLength: 20 })

test('from any list to any other, broken off anywhere and gone on to a third: quotas hold, what stays is let in, and only that in the end', () => {
  fc.assert(
    fc.property(list, list, list, fc.nat(30), (first, second, third, breakAt) => {
      let world: World = { groups: [], interfaces: [] }
      const follow = (texts: readonly string[], steps = Infinity): void => {
        const wanted = rangesOf(...texts)
        const rules = rulesFor(wanted, HTTPS)
        const seen = new Set<string>()
        const look = (): void => {
          for (const { id, ours } of world.interfaces) {
            const blocks = world.groups
              .filter(({ name }) => ours.includes(name))
              .flatMap((group) => group.rules)
            const cover = coverOf(rangesOf(...blocks.map(({ cidr }) => cidr)))
            for (const range of wanted) {
              if (cover.contains(range)) seen.add(`${id} ${range.text}`)
              else assert.ok(!seen.has(`${id} ${range.text}`), `${range.text} is uncovered`)
            }
          }
        }
        look()
        for (const step of planGroups('edge', world.groups, world.interfaces, rules, quotas).slice(
          0,
          steps,
        )) {
          world = after(world, step)
          look()
        }
        if (steps !== Infinity) return
        assert.deepEqual(textsOf(world), rules.map(ruleText).toSorted())
        const names = world.groups.map(({ name }) => name).toSorted()
        for (const { ours } of world.interfaces) assert.deepEqual([...ours].toSorted(), names)
        assert.deepEqual(planGroups('edge', world.groups, world.interfaces, rules, quotas), [])
      }
      follow(first)
      world = { ...world, interfaces: [{ id: 'eni-1', ours: [world.groups[0]!.name], others: 1 }] }
      follow(first)
      follow(second, breakAt)
      follow(third)
    }),
    { numRuns: 300 },
  )
})

test('rules of other ports and protocols go, rules that name groups stay and count', () => {
  const group = {
    name: 'edge-1',
    others: 1,
    rules: [
      { protocol: 'tcp', cidr: '10.0.0.0/24', from: 443, to: 443 },
      { protocol: 'tcp', cidr: '10.0.0.0/24', from: 80, to: 80 },
      { protocol: '-1', cidr: '10.0.0.0/16', from: 0, to: 65_535 },
    ],
  }
  const wanted = rulesFor(rangesOf('10.0.0.0/24', '10.0.1.0/24'), HTTPS)
  assert.deepEqual(
    planGroups('edge', [group], [], wanted, { rulesPerGroup: 4, groupsPerInterface: 5 }).map((step) =>
      'rules' in step ? [step.kind, step.group, step.rules.map(ruleText)] : step,
    ),
    [
      // The rule of port 80 covers nothing that is wanted and makes room; the one of all protocols covers it until then.
      ['revoke', 'edge-1', ['10.0.0.0/24 tcp 80']],
      ['authorize', 'edge-1', ['10.0.1.0/24 tcp 443']],
      ['revoke', 'edge-1', ['10.0.0.0/16 -1 0-65535']],
    ],
  )
})

test('an interface that would need more groups than its quota is told of before anything changes', () => {
  const wanted = rulesFor(rangesOf(...Array.from({ length: 9 }, (_, index) => `10.0.${index}.0/24`)), HTTPS)
  const groups = [{ name: 'edge-1', rules: [], others: 0 }]
  assert.throws(
    () =>
      planGroups('edge', groups, [{ id: 'eni-1', ours: ['edge-1'], others: 3 }], wanted, {
        rulesPerGroup: 4,
        groupsPerInterface: 5,
      }),
    /eni-1 would need 6 security groups; 5 is its quota\. Choose fewer/,
  )
})
