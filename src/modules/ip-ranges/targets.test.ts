import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { fakeEc2 } from '../../../test/support/aws/ec2.ts'
import { fakeIpSets } from '../../../test/support/aws/waf-ip-sets.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { openEmbeddedState } from '../../seams/state/embedded.ts'
import { createAwsIpSets } from './aws-ip-sets.ts'
import { rangesOf, targetContract } from './contract.ts'
import { createIpSet } from './ip-set.ts'
import { createNftables } from './nftables.ts'
import { createNginx } from './nginx.ts'
import { createPrefixLists } from './prefix-lists.ts'
import { openNamespace, whyNoNamespaces } from './namespace.fixture.ts'
import { createSecurityGroups } from './security-groups.ts'

const environment = {
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'example',
  AWS_REGION: 'eu-central-1',
}
const kept = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]))
before(() => Object.assign(process.env, environment))
after(() => {
  for (const [name, value] of Object.entries(kept)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

/** Waiting takes no time. */
function instantClock(): Clock {
  return {
    ...systemClock,
    after(_delayMs, action) {
      queueMicrotask(action)
      return { cancel: () => {} }
    },
  }
}

for (const rulesPerGroup of [4, 60])
  targetContract(`EC2 security groups of ${rulesPerGroup} rules`, async () => {
    const ec2 = await fakeEc2({ rulesPerGroup, groupsPerInterface: 16, pageSize: 2 })
    const target = createSecurityGroups({
      vpcId: 'vpc-1',
      ports: [{ from: 443, to: 443 }],
      prefixName: 'edge',
      rulesPerGroup,
      groupsPerInterface: 16,
      endpoint: ec2.endpoint,
    })
    return {
      target,
      async letIn() {
        // What an interface lets in is what the groups attached to it let in; the first is attached by whoever owns it.
        const [first] = ec2.groups.keys()
        if (!ec2.interfaces.has('eni-1') && first !== undefined) {
          ec2.interfaces.set('eni-1', { vpc: 'vpc-1', groups: ['sg-other', first] })
          for (const { run, says } of (
            await target.plan(
              rangesOf(
                ...[...ec2.groups.values()].flatMap(({ rules }) =>
                  [...rules.values()].map(({ cidr }) => cidr),
                ),
              ),
            )
          ).steps)
            if (says.startsWith('attach')) await run()
        }
        return await Promise.resolve(
          (ec2.interfaces.get('eni-1')?.groups ?? []).flatMap((id) =>
            [...(ec2.groups.get(id)?.rules.values() ?? [])].map(({ cidr }) => cidr),
          ),
        )
      },
      async [Symbol.asyncDispose]() {
        target.close()
        await ec2[Symbol.asyncDispose]()
      },
    }
  })

targetContract('managed prefix lists', async () => {
  const ec2 = await fakeEc2({ pageSize: 4 })
  const target = createPrefixLists(
    { prefixName: 'edge', maxEntries: 17, endpoint: ec2.endpoint },
    instantClock(),
  )
  return {
    target,
    letIn: () => Promise.resolve([...ec2.lists.values()].flatMap(({ entries }) => entries)),
    async [Symbol.asyncDispose]() {
      target.close()
      await ec2[Symbol.asyncDispose]()
    },
  }
})

targetContract('IP sets of AWS WAF', async () => {
  const waf = await fakeIpSets()
  const target = createAwsIpSets({ prefixName: 'edge', scope: 'REGIONAL', endpoint: waf.endpoint })
  return {
    target,
    letIn: () => Promise.resolve([...waf.addresses().values()].flat()),
    async [Symbol.asyncDispose]() {
      target.close()
      await waf[Symbol.asyncDispose]()
    },
  }
})

targetContract('an IP set of the edge', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-ip-set-'))
  const state = await openEmbeddedState({ folder, clock: systemClock, processes: 1, report: () => {} })
  return {
    target: createIpSet('office', 'IP set office', () => Promise.resolve(state)),
    letIn: () => Promise.resolve(state.ipSets.handle('office').current?.addresses ?? []),
    async [Symbol.asyncDispose]() {
      await state.close()
      await rm(folder, { recursive: true })
    },
  }
})

targetContract('the allow list of nginx', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-nginx-allow-'))
  const file = join(folder, 'allow.conf')
  const loaded = join(folder, 'loaded.conf')
  return {
    // What nginx runs with is what it read last.
    target: createNginx({ file, deny: true, reload: ['cp', file, loaded] }),
    letIn: async () =>
      [...(await readFile(loaded, 'utf8')).matchAll(/^allow (.*);$/gm)].map(([, text]) => text!),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
})

targetContract(
  'nftables',
  async () => {
    const namespace = openNamespace()
    const target = createNftables({
      family: 'inet',
      table: 'edgeward',
      set: 'edge',
      command: [...namespace.inside, 'nft'],
    })
    return {
      target,
      letIn: () => {
        const [command, ...args] = namespace.inside
        const printed = execFileSync(command!, [...args, 'nft', 'list', 'ruleset'], { encoding: 'utf8' })
        return Promise.resolve(printed.match(/[0-9a-f.:]+\/\d+/g) ?? [])
      },
      [Symbol.asyncDispose]: () => Promise.resolve(namespace[Symbol.dispose]()),
    }
  },
  whyNoNamespaces(),
)
