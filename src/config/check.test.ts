import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { checkConfig } from './check.ts'

/** A configuration and every problem it has, in order. */
interface Golden {
  readonly title: string
  readonly config: unknown
  readonly environment?: Readonly<Record<string, string>>
  readonly problems: unknown
}

const folder = path.join(import.meta.dirname, 'testdata')
const options = { environment: {}, now: Date.UTC(2026, 10, 24) }
const site = {
  origins: { site: { url: 'http://127.0.0.1:9001' } },
  defaultBehavior: { origin: 'site' },
}

for (const name of readdirSync(folder).filter((each) => each.startsWith('problems-'))) {
  const golden = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Golden
  test(`${name}: ${golden.title}`, async () => {
    const { problems } = await checkConfig(golden.config, '/nowhere', {
      ...options,
      environment: golden.environment ?? {},
    })
    assert.deepEqual(JSON.parse(JSON.stringify(problems)), golden.problems)
  })
}

for (const raw of [undefined, null, 5, 'text', [], [[]], true]) {
  test(`${JSON.stringify(raw)} is no configuration and is told so`, async () => {
    const { problems, checked } = await checkConfig(raw, '/nowhere', options)
    assert.equal(checked, undefined)
    assert.equal(problems.length, 1)
    assert.equal(problems[0]?.path, '')
    assert.equal(problems[0]?.expected, 'an object')
  })
}

test('a configuration without problems is given back with every default', async () => {
  const { problems, checked } = await checkConfig({ distributions: { main: site } }, '/nowhere', options)
  assert.deepEqual(problems, [])
  assert.deepEqual(checked?.config.listeners, [{ port: 8080, proxyProtocol: false, fastLane: true }])
  assert.equal(checked?.config.distributions['main']?.defaultBehavior.compress, true)
})

test('warnings alone do not keep a configuration from running', async () => {
  const config = { distributions: { main: { ...site, behaviors: [{ path: '/a/*', origin: 'site' }] } } }
  const { problems, checked } = await checkConfig(config, '/nowhere', options)
  assert.deepEqual(
    problems.map(({ level }) => level),
    ['warning'],
  )
  assert.notEqual(checked, undefined)
})

test('a page under its bare path, or a pattern that matches it, ends the warning about it', async () => {
  for (const behavior of [
    { path: '/a', redirect: { to: '/a/' } },
    { path: '/?', origin: 'site' },
  ]) {
    const behaviors = [{ path: '/a/*', origin: 'site' }, behavior]
    const { problems } = await checkConfig(
      { distributions: { main: { ...site, behaviors } } },
      '/nowhere',
      options,
    )
    assert.deepEqual(problems, [])
  }
})

test('a key called __proto__ is refused wherever it stands, not passed over', async () => {
  const text =
    '{"keyGroups":{"__proto__":""},"distributions":{"__proto__":{},"main":{"origins":{"__proto__":1}}}}'
  const { problems, checked } = await checkConfig(JSON.parse(text), '/nowhere', options)
  assert.equal(checked, undefined)
  const places = problems
    .filter(({ message }) => message.startsWith('__proto__'))
    .map((problem) => problem.path)
  assert.deepEqual(places, [
    'keyGroups.__proto__',
    'distributions.__proto__',
    'distributions.main.origins.__proto__',
  ])
})

const quotas: readonly (readonly [what: string, path: string, distribution: object])[] = [
  ['101 aliases', 'distributions.main.aliases', { aliases: names(101, (i) => `a${i}.example`) }],
  [
    '76 behaviors',
    'distributions.main.behaviors',
    { behaviors: names(76, (i) => ({ path: `/p${i}`, origin: 'site' })) },
  ],
  [
    '101 origins',
    'distributions.main.origins',
    {
      origins: Object.fromEntries(
        names(101, (i) => [i === 0 ? 'site' : `o${i}`, { url: 'http://127.0.0.1:1' }]),
      ),
    },
  ],
  [
    '31 custom headers',
    'distributions.main.origins.site.customHeaders',
    {
      origins: {
        site: {
          url: 'http://127.0.0.1:1',
          customHeaders: Object.fromEntries(names(31, (i) => [`X-${i}`, 'v'])),
        },
      },
    },
  ],
  [
    'a custom header of 1784 characters',
    'distributions.main.origins.site.customHeaders.X-Long',
    { origins: { site: { url: 'http://127.0.0.1:1', customHeaders: { 'X-Long': 'v'.repeat(1784) } } } },
  ],
]

for (const [what, place, distribution] of quotas) {
  test(`${what} run here, with a warning that CloudFront takes fewer`, async () => {
    const config = { distributions: { main: { ...site, ...distribution } } }
    const { problems, checked } = await checkConfig(config, '/nowhere', options)
    assert.deepEqual(
      problems.map(({ level, path: at }) => [level, at]),
      [['warning', place]],
    )
    assert.notEqual(checked, undefined)
  })
}

test('names that every object has are names like others', async () => {
  const origins = { constructor: { url: 'http://127.0.0.1:1' }, toString: { url: 'http://127.0.0.1:2' } }
  const config = {
    distributions: { hasOwnProperty: { origins, defaultBehavior: { origin: 'constructor' } } },
  }
  const { problems } = await checkConfig(config, '/nowhere', options)
  assert.deepEqual(problems, [])
  const missing = {
    distributions: { main: { ...site, defaultBehavior: { origin: 'valueOf', cachePolicy: 'toString' } } },
  }
  const found = await checkConfig(missing, '/nowhere', options)
  assert.deepEqual(
    found.problems.map((problem) => problem.path),
    ['distributions.main.defaultBehavior.origin', 'distributions.main.defaultBehavior.cachePolicy'],
  )
})

function names<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
