import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { distributionIdFor, domainLabelFor } from '../base/ids.ts'
import { Secret } from '../base/secret.ts'
import type { Plan } from '../plan.ts'
import { checkConfig } from './check.ts'
import { compilePlan } from './compile.ts'
import { plainPlan } from './plain-plan.fixture.ts'

/** A configuration and what of its plan must be so. */
interface Golden {
  readonly title: string
  readonly config: unknown
  readonly environment?: Readonly<Record<string, string>>
  readonly plan: Readonly<Record<string, unknown>>
}

const folder = path.join(import.meta.dirname, 'testdata')
const site = { origins: { site: { url: 'http://127.0.0.1:9001' } }, defaultBehavior: { origin: 'site' } }

for (const name of readdirSync(folder).filter((each) => each.startsWith('plan-'))) {
  const golden = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Golden
  test(`${name}: ${golden.title}`, async () => {
    const plain = plainPlan(await planOf(golden.config, golden.environment))
    assertHolds(plain, golden.plan, 'plan')
  })
}

test('id and domain name follow from the name of a distribution, in the zone of the identity', async () => {
  const own = await planOf({ distributions: { main: site } })
  assert.equal(own.distributions[0]?.id, distributionIdFor('main'))
  assert.equal(own.distributions[0]?.domainName, `${domainLabelFor('main')}.edgeward.localhost`)
  const like = await planOf({ identity: 'cloudfront', distributions: { main: site } })
  assert.equal(like.distributions[0]?.domainName, `${domainLabelFor('main')}.cloudfront.net`)
})

test('a distribution that is alone answers to any host', async () => {
  const plan = await planOf({ distributions: { main: { ...site, aliases: ['a.example'] } } })
  assert.equal(plan.findDistribution('whatever.example')?.name, 'main')
})

test('one of several distributions answers to its names only, also when the others are switched off', async () => {
  const main = { ...site, aliases: ['a.example', '*.b.example'] }
  const plan = await planOf({
    distributions: { main, off: { ...site, aliases: ['c.example'], enabled: false } },
  })
  assert.equal(plan.findDistribution('A.example')?.name, 'main')
  assert.equal(plan.findDistribution('x.y.b.example')?.name, 'main')
  assert.equal(plan.findDistribution('c.example'), undefined)
  assert.equal(plan.findDistribution('whatever.example'), undefined)
})

test('only proxies in the listed ranges are trusted', async () => {
  const plan = await planOf({
    trustedProxies: ['10.0.0.0/8', '2001:db8::/32'],
    distributions: { main: site },
  })
  assert.equal(plan.isTrustedProxy('10.1.2.3'), true)
  assert.equal(plan.isTrustedProxy('2001:db8::1'), true)
  assert.equal(plan.isTrustedProxy('11.0.0.1'), false)
  const none = await planOf({ distributions: { main: site } })
  assert.equal(none.isTrustedProxy('127.0.0.1'), false)
})

test('values from the environment are secrets', async () => {
  const origins = { site: { url: 'http://127.0.0.1:1', customHeaders: { 'X-Key': { env: 'KEY' } } } }
  const plan = await planOf({ distributions: { main: { ...site, origins } } }, { KEY: 'hidden' })
  const value = plan.distributions[0]?.origins.get('site')?.customHeaders[0]?.value
  assert.ok(value instanceof Secret)
  assert.equal(value.reveal(), 'hidden')
  assert.doesNotMatch(JSON.stringify(plan.distributions[0]?.behaviors), /hidden/)
})

const stores: readonly (readonly [config: object, planned: object])[] = [
  [{ folder: './x' }, { store: 'embedded', folder: '/nowhere/x' }],
  [{ bucket: 'photos' }, { bucket: 'photos', prefix: '', pathStyle: false, endpoint: undefined }],
  [{ bucket: 's3://photos/a/b/' }, { bucket: 'photos', prefix: 'a/b/', region: undefined }],
  [
    { bucket: 's3://photos', endpoint: 'http://127.0.0.1:9000' },
    { pathStyle: true, credentials: undefined },
  ],
  [{ bucket: 's3://photos', endpoint: 'http://s3.local', pathStyle: false }, { pathStyle: false }],
  [
    { bucket: 's3://photos', credentials: { accessKeyId: 'AKIA', secretAccessKey: { env: 'KEY' } } },
    { credentials: { accessKeyId: 'AKIA', secretAccessKey: new Secret(''), sessionToken: undefined } },
  ],
]
for (const [config, planned] of stores) {
  test(`the store of objects ${JSON.stringify(config)} is planned`, async () => {
    const plan = await planOf({ distributions: { main: site }, objects: { x: config } }, { KEY: 'hidden' })
    assertHolds(plan.objects['x'], planned, 'objects.x')
    const { store, ...rest } = plan.objects['x']!
    assert.doesNotMatch(JSON.stringify([store, rest]), /hidden/)
    if ('credentials' in rest && rest.credentials !== undefined)
      assert.equal(rest.credentials.secretAccessKey.reveal(), 'hidden')
  })
}

test('the plan is frozen', async () => {
  const plan = await planOf({ distributions: { main: site } })
  const behavior = plan.distributions[0]?.behaviors[0]
  for (const part of [
    plan,
    plan.limits,
    plan.distributions,
    behavior,
    behavior?.cachePolicy,
    behavior?.origins[0],
  ]) {
    assert.ok(Object.isFrozen(part))
  }
})

test('a behavior that only redirects has the origin of the default behavior for error pages', async () => {
  const behaviors = [{ path: '/old', redirect: { to: '/new' } }]
  const plan = await planOf({ distributions: { main: { ...site, behaviors } } })
  assert.equal(plan.distributions[0]?.behaviors[0]?.origins[0]?.name, 'site')
  assert.equal(plan.distributions[0]?.behaviors[0]?.redirect?.status, 302)
})

test('an origin may have a name that every object has', async () => {
  const origins = { constructor: { url: 'http://127.0.0.1:1' } }
  const plan = await planOf({
    distributions: { main: { origins, defaultBehavior: { origin: 'constructor' } } },
  })
  assert.equal(plan.distributions[0]?.behaviors[0]?.origins[0]?.name, 'constructor')
})

async function planOf(config: unknown, environment: Readonly<Record<string, string>> = {}): Promise<Plan> {
  const { problems, checked } = await checkConfig(config, '/nowhere', { environment, now: 0 })
  assert.ok(checked !== undefined, JSON.stringify(problems, undefined, 2))
  return compilePlan(checked, { baseFolder: '/nowhere', version: 1 })
}

/** Asserts what an excerpt says, and nothing about what it leaves out. */
function assertHolds(actual: unknown, excerpt: unknown, place: string): void {
  if (typeof excerpt !== 'object' || excerpt === null) {
    assert.deepEqual(actual, excerpt, `${place} is ${JSON.stringify(actual)}`)
    return
  }
  assert.ok(typeof actual === 'object' && actual !== null, `${place} is ${JSON.stringify(actual)}`)
  if (Array.isArray(excerpt))
    assert.equal(Object.keys(actual).length, excerpt.length, `${place} has another length`)
  const fields = new Map<string, unknown>(Object.entries(actual))
  for (const [key, expected] of Object.entries(excerpt))
    assertHolds(fields.get(key), expected, `${place}.${key}`)
}
