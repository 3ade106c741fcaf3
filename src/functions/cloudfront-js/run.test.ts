import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { KeyValueSource } from '../key-value-store/read.ts'
import { functionLimits } from './limits.ts'
import { FunctionSourceError, loadFunction } from './load.ts'
import type { FunctionRun } from './run.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
const ways = ['sandbox', 'inline'] as const
type Runtime = '1.0' | '2.0'

const store: KeyValueSource = {
  name: 'store',
  current: {
    items: new Map([
      ['text', 'value'],
      ['json', '{"a":[1]}'],
    ]),
    bytes: 20,
    etag: 'KV1',
    creationDateTime: '2026-01-01T00:00:00.000Z',
    lastUpdatedDateTime: '2026-01-02T00:00:00.000Z',
  },
}

async function run(
  source: string,
  options: {
    readonly way?: 'sandbox' | 'inline'
    readonly runtime?: Runtime
    readonly rawQuery?: string
    readonly event?: 'viewer-request' | 'viewer-response'
    readonly store?: KeyValueSource
    readonly times?: number
  } = {},
): Promise<FunctionRun> {
  const runner = await loadFunction(
    { file: 'f.js', source, runtime: options.runtime ?? '2.0', run: options.way ?? 'sandbox' },
    options.store,
  )
  const eventJson = JSON.stringify({
    version: '1.0',
    context: { eventType: options.event ?? 'viewer-request' },
    viewer: { ip: '192.0.2.1' },
    request: { method: 'GET', uri: '/', querystring: {}, headers: {}, cookies: {} },
  })
  let done: FunctionRun | undefined
  for (let i = 0; i < (options.times ?? 1); i++)
    done = await runner.run({ eventJson, now: NOW, rawQuery: options.rawQuery, edgeLocation: 'EDG' })
  runner.close()
  return done!
}

/** The value of an expression in a handler, through JSON. */
async function valueOf(expression: string, options: Parameters<typeof run>[1] = {}): Promise<unknown> {
  const isAsync = expression.includes('await ')
  const imports = options.runtime === '1.0' ? '' : `import cf from 'cloudfront'\n`
  const done = await run(
    `${imports}${isAsync ? 'async ' : ''}function handler(event) { return { value: ${expression} } }`,
    options,
  )
  assert.ok(done.kind === 'returned', done.kind === 'failed' ? done.message : '')
  return (JSON.parse(done.resultJson) as { value?: unknown }).value
}

const expressions: readonly (readonly [expression: string, gives: unknown, runtime?: Runtime])[] = [
  ['event.request.uri', '/'],
  ['event.request.rawQueryString()', 'a=1&b'],
  ['Date.now()', NOW],
  ['new Date().toISOString()', new Date(NOW).toISOString()],
  ['new Date(0).getTime()', 0],
  [
    "require('crypto').createHash('sha256').update('a').digest('hex')",
    createHash('sha256').update('a').digest('hex'),
  ],
  [
    "require('crypto').createHash('md5').update('ä').digest('base64')",
    createHash('md5').update('ä').digest('base64'),
  ],
  [
    "require('crypto').createHmac('sha1', 'key').update('a').update('b').digest('base64url')",
    createHmac('sha1', 'key').update('ab').digest('base64url'),
  ],
  ["require('crypto').createHash('sha256').update('a').digest().length", 32],
  ["require('querystring').parse('a=1&b=%20x&a=2')", { a: ['1', '2'], b: ' x' }],
  ["require('querystring').stringify({ a: [1, 2], b: 'x y' })", 'a=1&a=2&b=x%20y'],
  ["Buffer.from('aGk=', 'base64').toString()", 'hi'],
  ["Buffer.from('hi').toString('hex')", '6869'],
  [
    "Buffer.concat([Buffer.from('a'), Buffer.from('ä')]).toString('base64url')",
    Buffer.from('aä').toString('base64url'),
  ],
  ["atob('aGk=') + btoa('hi')", 'hiaGk='],
  ["new TextDecoder().decode(new TextEncoder().encode('ä€😀'))", 'ä€😀'],
  ["'a-b-c'.replaceAll('-', '+')", 'a+b+c'],
  ["/(?<year>\\d+)/.exec('in 2026').groups.year", '2026'],
  ['cf.edgeLocation.name', 'EDG'],
  ['typeof setTimeout + typeof fetch + typeof process + typeof Map', 'undefinedundefinedundefinedundefined'],
  ['await Promise.all([Promise.resolve(1), 2])', [1, 2]],
  ["String.bytesFrom([65, 66]) + 'ä'.toUTF8().length", 'AB2', '1.0'],
  ["String.bytesFrom('aGk=', 'base64')", 'hi', '1.0'],
  [
    "require('crypto').createHash('md5').update('a').digest('hex')",
    createHash('md5').update('a').digest('hex'),
    '1.0',
  ],
  ['typeof Buffer + typeof atob', 'undefinedundefined', '1.0'],
]

const stored: readonly (readonly [expression: string, gives: unknown])[] = [
  ["await cf.kvs().get('text')", 'value'],
  ["await cf.kvs('some-id').get('json', { format: 'json' })", { a: [1] }],
  ["(await cf.kvs().get('text', { format: 'bytes' })).toString('hex')", Buffer.from('value').toString('hex')],
  ["await cf.kvs().exists('text')", true],
  ["await cf.kvs().exists('other')", false],
  ['await cf.kvs().count()', 2],
  [
    'await cf.kvs().meta()',
    {
      creationDateTime: '2026-01-01T00:00:00.000Z',
      lastUpdatedDateTime: '2026-01-02T00:00:00.000Z',
      keyCount: 2,
    },
  ],
]

const failing: readonly (readonly [what: string, source: string, says: RegExp, place?: string])[] = [
  ['an exception', 'function handler(event) {\n  throw new TypeError("no")\n}', /^TypeError: no$/, '2'],
  ['a thrown text', 'function handler(event) { throw "text" }', /text/],
  [
    'a missing property',
    'function handler(event) {\n\n  return event.nothing.there\n}',
    /TypeError: .*there/,
    '3',
  ],
  ['an endless loop', 'function handler(event) { for (;;) {} }', /exceeded its compute utilisation/],
  [
    'a loop that catches its end',
    'function handler(event) { for (;;) { try { for (;;) {} } catch (e) {} } }',
    /exceeded its compute utilisation/,
  ],
  ['endless recursion', 'function handler(event) { return handler(event) + 1 }', /stack|utilisation/],
  ['eval', 'function handler(event) { return eval("1") }', /eval is not available/],
  [
    'new Function',
    'function handler(event) { return new Function("return 1")() }',
    /new Function is not available/,
  ],
  [
    'a constructor by the back door',
    'function handler(event) { return (() => 1).constructor("return 1")() }',
    /not available/,
  ],
  ['an unknown module', 'function handler(event) { return require("fs") }', /Cannot find module "fs"/],
  [
    'a promise that never settles',
    'async function handler(event) { await new Promise(() => {}) }',
    /never settled/,
  ],
  ['a rejected promise', 'async function handler(event) { throw new Error("later") }', /Error: later/],
  [
    'a missing key',
    'import cf from "cloudfront"\nasync function handler(event) { return await cf.kvs().get("no") }',
    /Key not found/,
  ],
  [
    'an unknown hash',
    'function handler(event) { return require("crypto").createHash("sha512") }',
    /not supported algorithm/,
  ],
]

for (const way of ways) {
  for (const [expression, gives, runtime] of expressions) {
    test(`${way}: ${expression} in runtime ${runtime ?? '2.0'}`, async () => {
      assert.deepEqual(
        await valueOf(expression, { way, rawQuery: 'a=1&b', runtime: runtime ?? '2.0' }),
        gives,
      )
    })
  }

  for (const [expression, gives] of stored) {
    test(`${way}: ${expression}`, async () => {
      assert.deepEqual(await valueOf(expression, { way, store }), gives)
    })
  }

  for (const [what, source, says, line] of failing) {
    test(`${way}: ${what} fails the run and says where`, async () => {
      const done = await run(source, { way, store })
      assert.ok(done.kind === 'failed', JSON.stringify(done))
      assert.match(done.message, says)
      if (line !== undefined) assert.equal(String(done.place?.line), line)
    })
  }

  test(`${way}: rawQueryString tells no query string from an empty one`, async () => {
    assert.equal(await valueOf('event.request.rawQueryString()', { way }), undefined)
    assert.equal(await valueOf('event.request.rawQueryString()', { way, rawQuery: '' }), '')
  })

  test(`${way}: console.log takes one argument, and output ends at the limit`, async () => {
    const two = await run(
      `function handler(event) { console.log('one', 'two'); console.log({ a: 1 }); return event.request }`,
      { way },
    )
    assert.deepEqual(two.logs, ['one', '{"a":1}'])
    const long = 'x'.repeat(functionLimits.logBytes - 1)
    const source = `function handler(event) { var x = 'x'; while (x.length < ${long.length}) x += x; console.log(x.slice(0, ${long.length})); console.log('yy'); console.log('zz'); return 1 }`
    const cut = await run(source, { way })
    assert.deepEqual(cut.logs, [long, 'y [truncated]'])
  })

  test(`${way}: what a function keeps outside of its handler does not reach the next run`, async () => {
    const done = await run('var n = 0\nfunction handler(event) { n++; return { n: n } }', { way, times: 3 })
    assert.equal(done.kind === 'returned' && done.resultJson, '{"n":1}')
  })

  test(`${way}: compute utilisation grows with the work and is at most 100`, async () => {
    const loop = (rounds: number) =>
      `function handler(event) { var n = 0; for (var i = 0; i < ${rounds}; i++) n += i; return { n: n } }`
    const few = await run(loop(10), { way })
    const half = await run(loop(functionLimits.steps / 2), { way })
    const over = await run(loop(functionLimits.steps + 10), { way })
    assert.ok(few.utilisation <= 1, String(few.utilisation))
    assert.ok(half.utilisation >= 50 && half.utilisation <= 52, String(half.utilisation))
    assert.equal(over.utilisation, 100)
    assert.equal(over.kind, 'failed')
  })

  test(`${way}: helpers of cf ask for origins, at viewer-request only`, async () => {
    const source = `import cf from 'cloudfront'\nfunction handler(event) { cf.updateRequestOrigin({ domainName: 'a.example' }); cf.logCustomData('seen'); return event.request }`
    const done = await run(source, { way })
    assert.ok(done.kind === 'returned')
    assert.deepEqual(done.origin, { kind: 'updateRequestOrigin', value: { domainName: 'a.example' } })
    assert.equal(done.logData, 'seen')
    const late = await run(source, { way, event: 'viewer-response' })
    assert.match(late.kind === 'failed' ? late.message : '', /viewer-request functions only/)
  })

  test(`${way}: a function without a store is told so`, async () => {
    const done = await run('import cf from "cloudfront"\nfunction handler(event) { return cf.kvs() }', {
      way,
    })
    assert.match(done.kind === 'failed' ? done.message : '', /KeyValueStore is not associated/)
  })
}

test('sandbox: more memory than two megabytes ends the run, and the next one is as good as the first', async () => {
  const runner = await loadFunction(
    {
      file: 'f.js',
      runtime: '2.0',
      run: 'sandbox',
      source: `function handler(event) { if (event.request.uri === '/') return 'fine'; var all = []; for (var i = 0; i < 100; i++) all.push(new Uint8Array(100000)); return all.length }`,
    },
    undefined,
  )
  const input = (uri: string) => ({
    eventJson: JSON.stringify({ context: {}, request: { uri } }),
    now: NOW,
    rawQuery: undefined,
    edgeLocation: undefined,
  })
  for (let i = 0; i < 3; i++) {
    const failed = await runner.run(input('/big'))
    assert.match(failed.kind === 'failed' ? failed.message : '', /more than 2097152 bytes of memory/)
    const fine = await runner.run(input('/'))
    assert.equal(fine.kind === 'returned' && fine.resultJson, '"fine"')
  }
})

test('sandbox: a regular expression that backtracks for ever is stopped', async () => {
  const done = await run(`function handler(event) { return /(a+)+$/.test('${'a'.repeat(60)}b') }`)
  assert.match(done.kind === 'failed' ? done.message : '', /did not end in time/)
})

test('a source that a runtime refuses is told with every place', async () => {
  const source = 'class A {}\nfunction handler(event) {\n  return { ...event }\n}'
  await assert.rejects(run(source), (error) => {
    assert.ok(error instanceof FunctionSourceError)
    assert.match(error.message, /f\.js:1:1: classes are not part of runtime 2\.0/)
    assert.match(error.message, /f\.js:3:12: spread syntax is not part of runtime 2\.0/)
    return true
  })
})
