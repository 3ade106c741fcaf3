import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandlerFolder, openPool } from './handlers.fixture.ts'

const ECHO =
  'exports.handler = async (event, context) => ({ event, left: context.getRemainingTimeInMillis() })'

/** Ways to write a handler, each of which answers `{ said: 'hi' }`. */
const forms: readonly (readonly [name: string, file: string, source: string])[] = [
  ['CommonJS and async', 'index.js', `exports.handler = async () => ({ said: 'hi' })`],
  [
    'CommonJS and a callback',
    'index.js',
    `exports.handler = (event, context, callback) => callback(null, { said: 'hi' })`,
  ],
  [
    'a callback after a while',
    'index.js',
    `exports.handler = (event, context, callback) => { setTimeout(() => callback(null, { said: 'hi' }), 5) }`,
  ],
  ['module.exports', 'index.cjs', `module.exports = { handler: async () => ({ said: 'hi' }) }`],
  [
    'computed exports',
    'index.cjs',
    `const name = 'handler'; module.exports = Object.fromEntries([[name, async () => ({ said: 'hi' })]])`,
  ],
  ['an ES module', 'index.mjs', `export const handler = async () => ({ said: 'hi' })`],
  ['an ES module in a .js file', 'index.js', `export async function handler() { return { said: 'hi' } }`],
  [
    'TypeScript',
    'index.ts',
    `enum Word { Hi = 'hi' }\nexport const handler = async (event: { a: number }): Promise<{ said: Word }> => ({ said: Word.Hi })`,
  ],
  [
    'TypeScript that requires',
    'index.ts',
    `const path = require('node:path')\nexport const handler = async () => ({ said: path.join('hi'), __dirname: undefined })`,
  ],
  [
    'CommonJS TypeScript',
    'index.cts',
    `const said: string = 'hi'\nexport = { handler: async () => ({ said }) }`,
  ],
  [
    'context.succeed',
    'index.js',
    `exports.handler = (event, context) => { context.succeed({ said: 'hi' }) }`,
  ],
  ['a plain result', 'index.js', `exports.handler = () => ({ said: 'hi' })`],
]

for (const [name, file, source] of forms) {
  test(`a handler runs as it is: ${name}`, async () => {
    using folder = new HandlerFolder({ [file]: source })
    await using opened = openPool({ file: `${folder.path}/${file}` })
    const outcome = await opened.invoke({})
    assert.equal(outcome.kind, 'returned', JSON.stringify(outcome))
    assert.deepEqual(outcome.kind === 'returned' && outcome.value, { said: 'hi' })
  })
}

test('a folder is searched for the module that the handler names', async () => {
  using folder = new HandlerFolder({ 'edge.mjs': 'export const run = async () => 1' })
  await using opened = openPool({ file: folder.path, handler: 'edge.run' })
  const outcome = await opened.invoke({})
  assert.equal(outcome.kind === 'returned' && outcome.value, 1)
})

const unloadable: readonly (readonly [name: string, file: string, source: string, says: RegExp])[] = [
  ['a syntax error', 'index.js', 'exports.handler = (', /SyntaxError|Unexpected/],
  [
    'a syntax error in TypeScript, with its place',
    'index.ts',
    'export const a = 1\nexport const handler = (',
    /index\.ts:2:\d+/,
  ],
  ['no such export', 'index.js', 'exports.other = 1', /exports no function named handler/],
  ['an exception', 'index.js', `throw new Error('not today')`, /not today/],
  ['an exit', 'index.js', 'process.exit(7)', /exited with code 7/],
  ['a missing package', 'index.js', `require('not-there')`, /not-there/],
  ['Python', 'index.py', 'def handler(event, context): pass', /Python/],
]

for (const [name, file, source, says] of unloadable) {
  test(`a module that does not load fails its invocations: ${name}`, async () => {
    using folder = new HandlerFolder({ [file]: source })
    await using opened = openPool({ file: `${folder.path}/${file}` })
    for (let i = 0; i < 2; i++) {
      const outcome = await opened.invoke({})
      assert.ok(outcome.kind === 'failed' && outcome.failure === 'load')
      assert.match(outcome.message, says)
    }
  })
}

const HOSTILE = `
exports.handler = async (event) => {
  switch (event.do) {
    case 'loop': for (;;);
    case 'loop-later': await null; for (;;);
    case 'heap': { const all = []; for (;;) all.push(new Array(1e5).fill(1)) }
    case 'buffers': { const all = []; for (;;) all.push(Buffer.alloc(1e7, 1)) }
    case 'exit': process.exit(0)
    case 'abort': process.abort()
    case 'kill': process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})
    case 'kill-edge': process.kill(process.ppid, 'SIGKILL'); return 'sent'
    case 'never': await new Promise(() => {})
    case 'reject': Promise.reject(new Error('nobody cares')); await new Promise(() => {})
    case 'throw-later': setTimeout(() => { throw new Error('later') }, 1); await new Promise(() => {})
    case 'throw-text': throw 'text'
    case 'throw-null': throw null
    case 'throw-trap': throw { get message() { throw 1 }, toJSON() { throw 2 } }
    case 'circular': { const a = {}; a.a = a; return a }
    case 'bigint': return { n: 1n }
    case 'giant': return 'x'.repeat(7e6)
    case 'regex': return /(a+)+$/.test('a'.repeat(60) + 'b')
    case 'tamper': Array.prototype.push = JSON.stringify = Promise.prototype.then = () => { throw 1 }; Object.prototype.x = 1; return 1
    case 'channel': require('fs').writeSync(3, 'no json\\n'); await new Promise(() => {})
    case 'slow': await new Promise((done) => setTimeout(done, 20)); return 'slow'
    case 'log': console.log('one', { a: 1 }); console.error('two'); process.stdout.write('three\\n'); return 1
  }
  return 'fine'
}
exports.twice = (event, context, callback) => { callback(null, 1); callback(null, 2) }
`

const hostile: readonly (readonly [what: string, failure: string, says: RegExp])[] = [
  ['loop', 'timeout', /did not end within 300 ms/],
  ['loop-later', 'timeout', /did not end within 300 ms/],
  ['heap', 'memory', /more than 128 MB|heap/i],
  ['buffers', 'memory', /more than 128 MB/],
  ['exit', 'lost', /exited with code 0/],
  ['abort', 'lost', /SIGABRT|code 134/],
  ['kill', 'lost', /SIGKILL/],
  ['kill-edge', 'error', /own process only/],
  ['never', 'timeout', /did not end within 300 ms/],
  ['reject', 'error', /UnhandledPromiseRejection.*nobody cares/],
  ['throw-later', 'error', /later/],
  ['throw-text', 'error', /text/],
  ['throw-null', 'error', /null/],
  ['throw-trap', 'error', /object/],
  ['circular', 'error', /MarshalError/],
  ['bigint', 'error', /MarshalError/],
  ['giant', 'oversize', /ResponseSizeTooLarge/],
  ['regex', 'timeout', /did not end within 300 ms/],
  ['channel', 'lost', /not an answer/],
]

for (const [what, failure, says] of hostile) {
  test(`a handler that does "${what}" costs its own invocation only`, async () => {
    using folder = new HandlerFolder({ 'index.js': HOSTILE })
    // On a busy machine everything takes long: the time must not end before what is being tested.
    const timeoutMs = failure === 'timeout' ? 300 : 20_000
    await using opened = openPool({ file: `${folder.path}/index.js`, timeoutMs })
    const [outcome, ...others] = await Promise.all([
      opened.invoke({ do: what }),
      opened.invoke({ do: 'slow' }),
      opened.invoke({ do: 'slow' }),
    ])
    for (const other of others)
      assert.equal(other.kind === 'returned' && other.value, 'slow', JSON.stringify(other))
    assert.ok(outcome.kind === 'failed', JSON.stringify(outcome))
    assert.match(outcome.message, says)
    // A heap that grows past its limit ends by whichever notices first.
    if (what !== 'heap') assert.equal(outcome.failure, failure)
    const after = await opened.invoke({ do: 'fine' })
    assert.equal(after.kind === 'returned' && after.value, 'fine')
  })
}

test('tampering with prototypes stays in the process of its function', async () => {
  using folder = new HandlerFolder({ 'index.js': HOSTILE })
  await using opened = openPool({ file: `${folder.path}/index.js`, timeoutMs: 300 })
  await using other = openPool({ file: `${folder.path}/index.js` })
  await opened.invoke({ do: 'tamper' })
  // What it did to itself shows in its own invocations, which still end.
  await opened.invoke({ do: 'slow' })
  const unharmed = await other.invoke({ do: 'slow' })
  assert.equal(unharmed.kind === 'returned' && unharmed.value, 'slow')
})

test('an invocation in a lost worker is run once more and counted', async () => {
  using folder = new HandlerFolder({
    'index.js': `const { existsSync, writeFileSync } = require('fs'); const mark = __dirname + '/seen'
      exports.handler = async () => { if (!existsSync(mark)) { writeFileSync(mark, ''); process.exit(1) } return 'second' }`,
  })
  await using opened = openPool({ file: `${folder.path}/index.js` })
  const outcome = await opened.invoke({})
  assert.equal(outcome.kind === 'returned' && outcome.value, 'second')
  assert.equal(outcome.reruns, 1)
  assert.deepEqual([opened.pool.counters.reruns, opened.pool.counters.lostWorkers], [1, 1])
})

test('console and standard streams are collected with their invocation', async () => {
  using folder = new HandlerFolder({ 'index.js': HOSTILE })
  await using opened = openPool({ file: `${folder.path}/index.js` })
  const [outcome, other] = await Promise.all([opened.invoke({ do: 'log' }), opened.invoke({})])
  assert.deepEqual(
    outcome.logs.map(({ level, text }) => [level, text]),
    [
      ['INFO', 'one { a: 1 }'],
      ['ERROR', 'two'],
      ['INFO', 'three'],
    ],
  )
  assert.deepEqual(other.logs, [])
})

test('what was written before an exit is not lost', async () => {
  using folder = new HandlerFolder({
    'index.js': `exports.handler = async () => { console.log('last words'); process.exit(1) }`,
  })
  await using opened = openPool({ file: `${folder.path}/index.js` })
  const outcome = await opened.invoke({})
  assert.deepEqual(
    outcome.logs.map(({ text }) => text),
    ['last words', 'last words'],
  )
})

test('calling back twice counts once and is told', async () => {
  using folder = new HandlerFolder({ 'index.js': HOSTILE })
  await using opened = openPool({ file: `${folder.path}/index.js`, handler: 'index.twice' })
  const outcome = await opened.invoke({})
  assert.equal(outcome.kind === 'returned' && outcome.value, 1)
  await opened.invoke({})
  assert.match(opened.strayLogs[0]?.text ?? '', /more than once/)
})

test('handlers that wait run at the same time, and one at a time with concurrency 1', async () => {
  using folder = new HandlerFolder({
    'index.js': `let running = 0; exports.handler = async () => { running++; const seen = running; await new Promise((done) => setTimeout(done, 10)); running--; return seen }`,
  })
  await using many = openPool({ file: `${folder.path}/index.js`, maxWorkers: 1 })
  await using one = openPool({ file: `${folder.path}/index.js`, maxWorkers: 1, concurrency: 1 })
  const most = async (opened: typeof many) => {
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => opened.invoke({})))
    return Math.max(...outcomes.map((outcome) => (outcome.kind === 'returned' ? Number(outcome.value) : 0)))
  }
  assert.equal(await most(many), 5)
  assert.equal(await most(one), 1)
})

test('with concurrency 1 a callback waits for an empty event loop, unless the handler says otherwise', async () => {
  using folder = new HandlerFolder({
    'index.js': `exports.handler = (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = event.waits
      const result = { done: false }
      setTimeout(() => { result.done = true }, 10)
      callback(null, result)
    }
    exports.silent = () => {}`,
  })
  await using opened = openPool({ file: `${folder.path}/index.js`, concurrency: 1 })
  const waited = await opened.invoke({ waits: true })
  assert.deepEqual(waited.kind === 'returned' && waited.value, { done: true })
  const hasty = await opened.invoke({ waits: false })
  assert.deepEqual(hasty.kind === 'returned' && hasty.value, { done: false })
  await using silent = openPool({ file: `${folder.path}/index.js`, handler: 'index.silent', concurrency: 1 })
  const outcome = await silent.invoke({})
  assert.equal(outcome.kind === 'returned' && outcome.value, null)
})

test('module scope survives between invocations, and a cold start is told', async () => {
  using folder = new HandlerFolder({ 'index.js': 'let n = 0; exports.handler = async () => ++n' })
  await using opened = openPool({ file: `${folder.path}/index.js` })
  const outcomes = [await opened.invoke({}), await opened.invoke({})]
  assert.deepEqual(
    outcomes.map((outcome) => [outcome.kind === 'returned' && outcome.value, outcome.coldStart]),
    [
      [1, true],
      [2, false],
    ],
  )
  assert.equal(opened.pool.counters.coldStarts, 1)
})

for (const isolation of ['process', 'thread'] as const) {
  test(`the environment of a ${isolation} is what was configured and nothing of the edge's own`, async () => {
    process.env['EDGEWARD_TEST_SECRET'] = 'secret'
    using folder = new HandlerFolder({ 'index.js': 'exports.handler = async () => process.env' })
    await using opened = openPool({ file: `${folder.path}/index.js`, isolation, env: { MINE: '1' } })
    const outcome = await opened.invoke({})
    delete process.env['EDGEWARD_TEST_SECRET']
    assert.ok(outcome.kind === 'returned')
    const env = outcome.value as Readonly<Record<string, string>>
    assert.equal(env['EDGEWARD_TEST_SECRET'], undefined)
    assert.equal(env['MINE'], '1')
    assert.equal(env['AWS_REGION'], 'us-east-1')
    assert.equal(env['HOME'], undefined)
  })
}

test('the context is that of Lambda', async () => {
  using folder = new HandlerFolder({
    'index.js':
      'exports.handler = async (event, context) => ({ ...context, left: context.getRemainingTimeInMillis() })',
  })
  await using opened = openPool({ file: `${folder.path}/index.js`, name: 'resize' })
  const outcome = await opened.invoke({})
  assert.ok(outcome.kind === 'returned')
  const context = outcome.value as Readonly<Record<string, unknown>>
  assert.equal(context['functionName'], 'resize')
  assert.equal(context['functionVersion'], '1')
  assert.equal(context['memoryLimitInMB'], '128')
  assert.match(String(context['awsRequestId']), /^[0-9a-f-]{36}$/)
  assert.ok(Number(context['left']) > 4000 && Number(context['left']) <= 5000)
})

test('more waiting invocations than allowed are turned away', async () => {
  using folder = new HandlerFolder({ 'index.js': HOSTILE })
  await using opened = openPool({
    file: `${folder.path}/index.js`,
    maxWorkers: 1,
    concurrency: 1,
    maxWaiting: 2,
  })
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => opened.invoke({ do: 'slow' })))
  const failures = outcomes.map((outcome) => (outcome.kind === 'failed' ? outcome.failure : 'ok'))
  assert.ok(failures.includes('throttled'), failures.join())
  assert.ok(failures.includes('ok'))
})

test('a retired pool lets its invocations end and then has no workers', async () => {
  using folder = new HandlerFolder({ 'index.js': HOSTILE })
  await using opened = openPool({ file: `${folder.path}/index.js` })
  const running = opened.invoke({ do: 'slow' })
  await opened.pool.retire()
  assert.equal((await running).kind, 'returned')
  const late = await opened.invoke({})
  assert.ok(late.kind === 'failed' && late.failure === 'throttled')
})

test('an event comes through whole, whatever characters are in it', async () => {
  using folder = new HandlerFolder({ 'index.js': ECHO })
  await using opened = openPool({ file: `${folder.path}/index.js` })
  const event = { text: 'line\nbreak \u2028 \ud83d\ude00 \u0000', big: 'x'.repeat(300_000) }
  const outcome = await opened.invoke(event)
  assert.deepEqual(outcome.kind === 'returned' && (outcome.value as { event: unknown }).event, event)
})
