import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkConfig } from './check.ts'
import { compilePlan } from './compile.ts'

const words = [
  ...[
    'listeners',
    'distributions',
    'origins',
    'defaultBehavior',
    'behaviors',
    'origin',
    'path',
    'url',
    'tls',
  ],
  ...[
    'cachePolicy',
    'cachePolicies',
    'forwardedValues',
    'keyGroups',
    'publicKeys',
    'geoRestriction',
    'allow',
  ],
  ...[
    'redirect',
    'rewrite',
    'customErrorResponses',
    'headerBehavior',
    'identity',
    'main',
    '__proto__',
    'constructor',
  ],
]
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.constantFrom<unknown>(null, true, 0, -1, 1.5, '', '/a/*', 'site', 'http://127.0.0.1:1', 'all', [], {}),
    fc.string(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...words), tie('value'), { maxKeys: 5 }),
  ),
})).value

const base = {
  listeners: [{ port: 0 }],
  cachePolicies: { own: { headerBehavior: { allow: ['Accept'] } } },
  distributions: {
    main: {
      aliases: ['a.example'],
      origins: { site: { url: 'http://127.0.0.1:1' } },
      defaultBehavior: { origin: 'site', cachePolicy: 'own' },
      behaviors: [{ path: '/a/*', origin: 'site', rewrite: [{ from: '/a/*', to: '/$1' }] }],
      customErrorResponses: [{ errorCode: 404 }],
    },
  },
}

test('no JSON value makes the check throw, and what it accepts compiles', async () => {
  await fc.assert(
    fc.asyncProperty(anything, (raw) => checkAndCompile(raw)),
    { numRuns: 300 },
  )
})

test('a good configuration with one value replaced by another never makes the check throw', async () => {
  const places = placesOf(base)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), anything, (place, value) =>
      checkAndCompile(replaced(base, place, value)),
    ),
    { numRuns: 500 },
  )
})

async function checkAndCompile(raw: unknown): Promise<void> {
  const { problems, checked } = await checkConfig(raw, '/nowhere', { environment: {}, now: 0 })
  if (checked === undefined) assert.ok(problems.some(({ level }) => level === 'error'))
  else compilePlan(checked, { baseFolder: '/nowhere', version: 1 })
}

function placesOf(value: unknown, before: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...before]]
  return [[...before], ...Object.entries(value).flatMap(([key, each]) => placesOf(each, [...before, key]))]
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by
  if (Array.isArray(value))
    return value.map((each, index) => (String(index) === key ? replaced(each, rest, by) : each))
  const fields = value as Record<string, unknown> // `placesOf` gave the place.
  return { ...fields, [key]: replaced(fields[key], rest, by) }
}
