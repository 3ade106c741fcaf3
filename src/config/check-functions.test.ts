import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { checkConfig } from './check.ts'
import { compilePlan } from './compile.ts'

type Files = Readonly<Record<string, string>>

/** Checks a configuration whose functions are files in a folder of their own; gives `level path: message` lines. */
async function check(files: Files, behavior: object, top: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'edgeward-check-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const config = {
      distributions: {
        main: {
          origins: { o: { url: 'http://127.0.0.1:9' } },
          defaultBehavior: { origin: 'o', ...behavior },
        },
      },
      ...top,
    }
    const { problems, checked } = await checkConfig(config, folder)
    return {
      plan: checked === undefined ? undefined : compilePlan(checked, { baseFolder: folder, version: 1 }),
      files: checked?.files.map((file) => file.replace(folder, '')),
      lines: problems.map(({ level, path, message }) =>
        `${level} ${path.replace('distributions.main.defaultBehavior.', '')}: ${message}`.replaceAll(
          folder,
          '',
        ),
      ),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const CFF = 'function handler(event) { return event.request }'
const LAMBDA = 'exports.handler = async (event) => event.Records[0].cf.request'
const at = (viewerRequest: unknown) => ({ functions: { viewerRequest } })

interface Case {
  readonly what: string
  readonly files?: Files
  readonly behavior: object
  readonly top?: object
  /** Patterns, one per problem, in order. */
  readonly says: readonly RegExp[]
}

const cases: readonly Case[] = [
  {
    what: 'a name that leads nowhere, with the nearest right one',
    files: { 'a.js': CFF },
    behavior: at('rewrit'),
    top: { functions: { rewrite: { cloudFront: './a.js' } } },
    says: [/^error functions\.viewerRequest: there is no function "rewrit"/],
  },
  {
    what: 'a file that is not there',
    behavior: at({ cloudFront: './no.js' }),
    says: [/^error .*cloudFront: the file \/no\.js cannot be read: it does not exist/],
  },
  {
    what: 'a handler that is not there',
    behavior: at({ lambdaEdge: './no.js' }),
    says: [/^error .*lambdaEdge: there is no file \/no\.js/],
  },
  {
    what: 'a Python handler',
    files: { 'f/index.py': 'def handler(event, context): pass' },
    behavior: at({ lambdaEdge: './f' }),
    says: [/^error .*index\.py is a Python function; this edge runs Node\.js handlers only/],
  },
  {
    what: 'neither kind',
    behavior: at({ memoryMb: 128 }),
    says: [/^error functions\.viewerRequest: names no function/],
  },
  {
    what: 'both kinds',
    files: { 'a.js': CFF, 'b.js': LAMBDA },
    behavior: at({ cloudFront: './a.js', lambdaEdge: './b.js' }),
    says: [/^error functions\.viewerRequest: has both lambdaEdge and cloudFront/],
  },
  {
    what: 'settings of the other kind',
    files: { 'a.js': CFF },
    behavior: at({ cloudFront: './a.js', memoryMb: 128 }),
    says: [/^error functions\.viewerRequest\.memoryMb: is a setting of Lambda@Edge/],
  },
  {
    what: 'a CloudFront Function at an origin event',
    files: { 'a.js': CFF },
    behavior: { functions: { originRequest: { cloudFront: './a.js' } } },
    says: [/^error functions\.originRequest: a CloudFront Function cannot run at origin-request/],
  },
  {
    what: 'both kinds at the two viewer events',
    files: { 'a.js': CFF, 'b.js': LAMBDA },
    behavior: {
      functions: { viewerRequest: { cloudFront: './a.js' }, viewerResponse: { lambdaEdge: './b.js' } },
    },
    says: [/^error functions: has a CloudFront Function at one viewer event and Lambda@Edge at the other/],
  },
  {
    what: 'includeBody at a response',
    files: { 'b.js': LAMBDA },
    behavior: { functions: { originResponse: { lambdaEdge: './b.js', includeBody: true } } },
    says: [/^error functions\.originResponse: includeBody has no meaning at origin-response/],
  },
  {
    what: 'syntax that the runtime does not have, with every place',
    files: { 'a.js': `let a = 1\n${CFF}\nclass A {}` },
    behavior: at({ cloudFront: './a.js', runtime: '1.0' }),
    says: [
      /\/a\.js:1:1: let is not part of runtime 1\.0/,
      /\/a\.js:3:1: classes are not part of runtime 1\.0/,
    ],
  },
  {
    what: 'a source over 10 KB',
    files: { 'a.js': `${CFF}//${'x'.repeat(10_240)}` },
    behavior: at({ cloudFront: './a.js' }),
    says: [/the source is \d+ bytes; at most 10240 are allowed/],
  },
  {
    what: 'a handler that does not parse, with its place',
    files: { 'b.js': 'exports.handler = async (event) => {\n  return event.\n}' },
    behavior: at({ lambdaEdge: './b.js' }),
    says: [/^error .*lambdaEdge: \/b\.js:3:1: Unexpected token/],
  },
  {
    what: 'a handler in TypeScript that does not parse, with its place',
    files: { 'b.ts': 'export const handler = async (event: unknown) => {\n  return event.\n}' },
    behavior: at({ lambdaEdge: './b.ts' }),
    says: [/^error .*lambdaEdge: .*b\.ts:3:1: /],
  },
  {
    what: 'headers one can see that an event does not let through',
    files: {
      'b.js': `exports.handler = async (event) => {
  const { request } = event.Records[0].cf
  request.headers.connection = [{ value: 'close' }]
  delete request.headers['via']
  request.headers['x-fine'] = [{ value: '1' }]
  if (request.uri === '/x') return { status: '200', headers: { 'X-Upper': [{ value: '1' }] } }
  return request
}`,
    },
    behavior: at({ lambdaEdge: './b.js' }),
    says: [
      /^warning .*\/b\.js:3:3: the function sets "connection", which is a disallowed header/,
      /^warning .*\/b\.js:4:3: the function deletes "via", which is read-only at viewer-request/,
      /^warning .*\/b\.js:6:64: the function sets "X-Upper", which must be named in lower case/,
    ],
  },
  {
    what: 'environment variables, which Lambda@Edge does not have',
    files: { 'b.js': LAMBDA },
    behavior: at({ lambdaEdge: './b.js', env: { STAGE: 'test' } }),
    says: [/^warning .*env: Lambda@Edge has no environment variables; deployment writes STAGE into the code/],
  },
  {
    what: 'limits of Lambda@Edge',
    files: { 'b.js': LAMBDA },
    behavior: at({ lambdaEdge: './b.js', timeoutMs: 40_000, memoryMb: 512 }),
    says: [
      /timeoutMs: 40000 ms; Lambda@Edge ends a function after 30000/,
      /memoryMb: 512 MB; at viewer events/,
    ],
  },
  {
    what: 'a package over a megabyte at a viewer event',
    files: { 'f/index.js': LAMBDA, 'f/node_modules/big/data.bin': 'x'.repeat(2 * 1024 * 1024) },
    behavior: at({ lambdaEdge: './f' }),
    says: [/^warning .*the package is 2\.0 MB; at viewer events many accounts are still held to 1 MB/],
  },
  {
    what: 'the SDK that Lambda no longer carries, and layers',
    files: { 'b.js': `const aws = require('aws-sdk')\nconst layer = require('/opt/shared')\n${LAMBDA}` },
    behavior: at({ lambdaEdge: './b.js' }),
    says: [
      /\/b\.js:1:13: Lambda's Node\.js runtimes no longer carry aws-sdk 2/,
      /\/b\.js:2:15: \/opt\/shared would be a layer/,
    ],
  },
  {
    what: 'a store that is not there',
    files: { 'a.js': CFF },
    behavior: at({ cloudFront: './a.js', keyValueStore: 'shop' }),
    says: [/^error .*keyValueStore: there is no key-value store "shop"/],
  },
  {
    what: 'every problem of an import file',
    files: {
      'a.js': CFF,
      's.json': JSON.stringify({ data: [{ key: 'a', value: '1' }, { key: 'a', value: '2' }, { key: 'b' }] }),
    },
    behavior: at({ cloudFront: './a.js', keyValueStore: 'shop' }),
    top: { keyValueStores: { shop: { importFile: './s.json' } } },
    says: [
      /importFile: \/s\.json: data\[1\] repeats the key "a"/,
      /data\[2\] must have a "key" and a "value"/,
    ],
  },
  {
    what: 'a candidate that is neither shadow nor weight',
    files: { 'a.js': CFF },
    behavior: at({ cloudFront: './a.js', candidate: { cloudFront: './a.js' } }),
    says: [/^error .*candidate: needs exactly one of shadow and weight/],
  },
  {
    what: 'a candidate of the other kind',
    files: { 'a.js': CFF, 'b.js': LAMBDA },
    behavior: at({ cloudFront: './a.js', candidate: { lambdaEdge: './b.js', shadow: true } }),
    says: [/^error .*candidate: is a function of the other kind/],
  },
  {
    what: 'a key that does not exist',
    behavior: at({ cloudfront: './a.js' }),
    says: [/viewerRequest\.cloudfront: cloudfront is not a key/, /names no function/],
  },
]

for (const { what, files = {}, behavior, top, says } of cases) {
  test(`check tells: ${what}`, async () => {
    const { lines } = await check(files, behavior, top)
    assert.equal(lines.length, says.length, lines.join('\n'))
    for (const [index, pattern] of says.entries()) assert.match(lines[index]!, pattern)
  })
}

test('functions compile by name and inline, with their defaults, and their files are watched', async () => {
  const files = {
    'a.js': CFF,
    'f/index.mjs': "import { x } from './part.mjs'\nexport const handler = async () => x",
    'f/part.mjs': 'export const x = 1',
  }
  const found = await check(
    files,
    { functions: { viewerRequest: 'rewrite', originRequest: { lambdaEdge: './f', concurrency: 1 } } },
    { functions: { rewrite: { cloudFront: './a.js', run: 'inline' } } },
  )
  assert.deepEqual(found.lines, [])
  const functions = found.plan!.distributions[0]!.behaviors[0]!.functions!
  const live = functions.viewerRequest!.live
  assert.ok(live.kind === 'cloudfront')
  assert.deepEqual([live.name, live.runtime, live.run, live.source], ['rewrite', '2.0', 'inline', CFF])
  const lambda = functions.originRequest!.live
  assert.ok(lambda.kind === 'lambda-edge')
  const { name, handler, memoryMb, timeoutMs, isolation, concurrency, maxWorkers } = lambda
  assert.deepEqual(
    [name, handler, memoryMb, timeoutMs, isolation, concurrency, maxWorkers],
    ['f', 'index.handler', 128, 5000, 'process', 1, 32],
  )
  assert.equal(functions.viewerResponse, undefined)
  for (const file of ['/a.js', '/f/index.mjs', '/f/part.mjs']) assert.ok(found.files!.includes(file), file)
  const changed = await check(
    { ...files, 'f/part.mjs': 'export const x = 2' },
    { functions: { originRequest: { lambdaEdge: './f', concurrency: 1 } } },
  )
  const again = changed.plan!.distributions[0]!.behaviors[0]!.functions!.originRequest!.live
  assert.notEqual(again.identity, lambda.identity, 'a changed part makes another function')
})
