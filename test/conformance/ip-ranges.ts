/**
 * From one real ip-ranges.json to the next: security groups against an EC2 endpoint with quotas, broken off everywhere.
 *
 * Reads `ip-ranges` of the corpora (`../shared/corpora` or `$EDGEWARD_CORPORA`). After every call that changes
 * something, every range of the new document that was let in before must still be.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { readDocument } from '../../src/modules/ip-ranges/document.ts'
import { coverOf, parseRange, type Range } from '../../src/modules/ip-ranges/ranges.ts'
import { createSecurityGroups } from '../../src/modules/ip-ranges/security-groups.ts'
import { createSnsVerifier, type Heard, SnsRefusal } from '../../src/aws/sns.ts'
import { applyTarget } from '../../src/modules/ip-ranges/target.ts'
import { type FakeEc2, fakeEc2 } from '../support/aws/ec2.ts'
import { forgeries, snsSender } from '../support/aws/sns.ts'
import { corpus } from '../support/corpora.ts'

const RULES_PER_GROUP = 60
const GROUPS_PER_INTERFACE = 16
const INTERFACES = ['eni-1', 'eni-2', 'eni-3']

interface Setting {
  readonly services: readonly string[]
  readonly ports: readonly number[]
  readonly aggregate: boolean
}

const SETTINGS: readonly Setting[] = [
  { services: ['CLOUDFRONT'], ports: [443], aggregate: false },
  { services: ['CLOUDFRONT'], ports: [80, 443], aggregate: false },
  { services: ['CLOUDFRONT'], ports: [80, 443], aggregate: true },
  { services: ['CLOUDFRONT_ORIGIN_FACING'], ports: [443], aggregate: false },
  { services: ['CLOUDFRONT_ORIGIN_FACING'], ports: [443], aggregate: true },
  { services: ['S3', 'DYNAMODB'], ports: [443], aggregate: false },
  { services: ['API_GATEWAY', 'GLOBALACCELERATOR'], ports: [443], aggregate: true },
  { services: ['ROUTE53_HEALTHCHECKS', 'EC2_INSTANCE_CONNECT'], ports: [22, 443], aggregate: false },
]

let passed = 0
let total = 0
let uncovered = 0
const failures: string[] = []

function expect(what: string, isSo: boolean): void {
  total++
  if (isSo) passed++
  else failures.push(what)
}

const folder = corpus('ip-ranges')
if (folder === undefined) {
  console.log('the corpus ip-ranges is not here; set EDGEWARD_CORPORA to the folder it is in')
  console.log('RESULT name=ip-ranges skipped=no-corpus')
} else {
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    AWS_REGION: 'eu-central-1',
    // A call that breaks off is the end of the run here.
    AWS_MAX_ATTEMPTS: '1',
  })
  await run(folder)
}

async function run(root: string): Promise<void> {
  const documents = ['ip-ranges-2023-05-26.json', 'ip-ranges-2024-06-01.json'].map((file) =>
    readFileSync(path.join(root, file), 'utf8'),
  )
  console.log(
    'services                                ports    ranges      rules + -   calls  groups  broken off',
  )
  for (const setting of SETTINGS) {
    const [first, second] = documents.map(
      (text) => readDocument(text, 'aws', { ...setting, regions: [], families: ['ipv4', 'ipv6'] }).ranges,
    )
    await follow(setting, first!, second!)
  }
  await refuseForgeries()
  for (const failure of failures) console.log(`FAILED ${failure}`)
  console.log(`RESULT name=ip-ranges passed=${passed} total=${total} uncovered=${uncovered}`)
  if (passed < total || uncovered > 0) process.exitCode = 1
}

async function follow(setting: Setting, first: readonly Range[], second: readonly Range[]): Promise<void> {
  const name = `${setting.services.join('+')} ${setting.ports.join('+')}${setting.aggregate ? ' aggregated' : ''}`
  const rules = (ranges: readonly Range[]): Set<string> =>
    new Set(ranges.flatMap(({ text }) => setting.ports.map((port) => `${text} tcp ${port}`)))
  const [before, after] = [rules(first), rules(second)]
  const added = after.difference(before)
  const removed = before.difference(after)

  const whole = await installed(setting, first)
  expect(`${name}: the first document stands`, same(held(whole.ec2), before))
  const fresh = [...whole.ec2.groups.values()].length
  const needed = Math.max(
    ...[4, 6].map((family) =>
      Math.ceil([...before].filter((rule) => rule.includes(':') === (family === 6)).length / RULES_PER_GROUP),
    ),
  )
  expect(`${name}: as few groups as the quota allows`, fresh === needed)
  const plan = await whole.target.plan(second)
  expect(
    `${name}: the plan adds what is new and removes what is gone`,
    same(new Set(plan.add), added) && same(new Set(plan.remove), removed),
  )
  const from = whole.ec2.calls.length
  watchCover(whole.ec2, setting, second)
  await applyTarget(whole.target, second, () => {})
  const touched = whole.ec2.calls.slice(from).flatMap(({ operation, input }) => touchedBy(operation, input))
  expect(
    `${name}: no rule is touched that stays, and none twice`,
    touched.length === added.size + removed.size && same(new Set(touched), added.union(removed)),
  )
  expect(`${name}: the second document stands`, same(held(whole.ec2), after))
  expect(`${name}: every interface has every group`, isAttached(whole.ec2))
  const changes = whole.ec2.calls.length
  await applyTarget(whole.target, second, () => {})
  expect(
    `${name}: applied twice it changes nothing`,
    whole.ec2.calls.slice(changes).every(({ operation }) => operation.startsWith('Describe')),
  )
  const groups = whole.ec2.groups.size
  await whole.close()

  let broken = 0
  for (const when of ['before', 'after'] as const)
    for (let call = 0; call < plan.steps.length; call++) {
      const run = await installed(setting, first)
      const { ec2, target } = run
      watchCover(ec2, setting, second)
      ec2.cutAfter(call, when)
      const isBroken = await applyTarget(target, second, () => {}).then(
        () => false,
        () => true,
      )
      ec2.cutAfter(undefined)
      await applyTarget(target, second, () => {})
      expect(
        `${name}: broken off ${when} call ${call + 1} is mended`,
        isBroken &&
          same(held(ec2), after) &&
          isAttached(ec2) &&
          (await target.plan(second)).steps.length === 0,
      )
      broken++
      await run.close()
    }
  console.log(
    `${setting.services.join('+').padEnd(39)} ${setting.ports.join('+').padEnd(6)} ${String(first.length).padStart(4)} > ${String(second.length).padEnd(4)} ${String(added.size).padStart(5)} ${String(removed.size).padStart(4)}   ${String(plan.steps.length).padStart(5)}   ${`${fresh} > ${groups}`.padStart(5)}  ${broken} places${setting.aggregate ? '  aggregated' : ''}`,
  )
}

/** An endpoint with the first document applied, and three interfaces that have its groups and one of somebody else. */
async function installed(setting: Setting, first: readonly Range[]) {
  const ec2 = await fakeEc2({
    rulesPerGroup: RULES_PER_GROUP,
    groupsPerInterface: GROUPS_PER_INTERFACE,
    pageSize: 2,
  })
  const target = createSecurityGroups({
    vpcId: 'vpc-1',
    ports: setting.ports.map((port) => ({ from: port, to: port })),
    prefixName: 'edge',
    rulesPerGroup: RULES_PER_GROUP,
    groupsPerInterface: GROUPS_PER_INTERFACE,
    endpoint: ec2.endpoint,
  })
  await applyTarget(target, first, () => {})
  for (const id of INTERFACES)
    ec2.interfaces.set(id, { vpc: 'vpc-1', groups: ['sg-other', [...ec2.groups.keys()][0]!] })
  await applyTarget(target, first, () => {})
  return {
    ec2,
    target,
    async close() {
      target.close()
      await ec2[Symbol.asyncDispose]()
    },
  }
}

/** After each change, on each interface and port: what of the new document was let in once stays so. */
function watchCover(ec2: FakeEc2, setting: Setting, published: readonly Range[]): void {
  const seen = new Set<string>()
  const look = (): void => {
    for (const [id, { groups }] of ec2.interfaces)
      for (const port of setting.ports) {
        const cover = coverOf(
          groups
            .flatMap((group) => [...(ec2.groups.get(group)?.rules.values() ?? [])])
            .filter(({ protocol, from, to }) => protocol === 'tcp' && from <= port && port <= to)
            .map(({ cidr }) => rangeOf(cidr)),
        )
        for (const range of published) {
          const key = `${id} ${port} ${range.text}`
          if (cover.contains(range)) seen.add(key)
          else if (seen.has(key)) {
            uncovered++
            failures.push(`${key} was let in and is not any more`)
          }
        }
      }
  }
  look()
  ec2.watch(look)
}

function held(ec2: FakeEc2): Set<string> {
  return new Set(
    [...ec2.groups.values()].flatMap(({ rules }) =>
      [...rules.values()].map(({ cidr, protocol, from }) => `${rangeOf(cidr).text} ${protocol} ${from}`),
    ),
  )
}

function isAttached(ec2: FakeEc2): boolean {
  const wanted = new Set(['sg-other', ...ec2.groups.keys()])
  return [...ec2.interfaces.values()].every(
    ({ groups }) => groups.length === wanted.size && same(new Set(groups), wanted),
  )
}

/** The rules that a call adds or removes. */
function touchedBy(operation: string, input: Readonly<Record<string, unknown>>): string[] {
  if (!operation.endsWith('SecurityGroupIngress')) return []
  type Permission = {
    FromPort: string
    IpRanges?: Record<string, { CidrIp: string }>
    Ipv6Ranges?: Record<string, { CidrIpv6: string }>
  }
  // The endpoint has checked the form.
  return Object.values(input['IpPermissions'] as Record<string, Permission>).flatMap((permission) =>
    [
      ...Object.values(permission.IpRanges ?? {}).map(({ CidrIp }) => CidrIp),
      ...Object.values(permission.Ipv6Ranges ?? {}).map(({ CidrIpv6 }) => CidrIpv6),
    ].map((cidr) => `${rangeOf(cidr).text} tcp ${permission.FromPort}`),
  )
}

async function refuseForgeries(): Promise<void> {
  const now = (): number => Date.UTC(2026, 10, 24)
  const sender = await snsSender(now)
  const ids = new Set<string>()
  const heard: Heard = {
    add: (id) => Promise.resolve(!ids.has(id) && ids.add(id) !== undefined),
    forget: (id) => Promise.resolve(void ids.delete(id)),
  }
  const verifier = createSnsVerifier({
    topicArn: sender.topicArn,
    now,
    heard,
    fetchText: () => Promise.resolve(sender.certificate),
  })
  const genuine = sender.notification('{}')
  expect(
    'a genuine notification is believed',
    (await verifier.verify(genuine)).message.Type === 'Notification',
  )
  const all = await forgeries(sender, genuine, now)
  for (const { name, body } of all)
    expect(
      `notification refused: ${name}`,
      await verifier.verify(body).then(
        () => false,
        (error: unknown) => error instanceof SnsRefusal,
      ),
    )
  console.log(`${all.length} notifications that are forged, replayed or tampered with`)
}

function rangeOf(cidr: string): Range {
  const range = parseRange(cidr)
  if (typeof range === 'string') throw new Error(range)
  return range
}

function same(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.isSubsetOf(b)
}
