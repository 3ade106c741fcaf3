import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCli } from './cli.ts'

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'edgeward-cli-functions-'))

  constructor(files: Readonly<Record<string, unknown>>) {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(this.path, name), typeof content === 'string' ? content : JSON.stringify(content))
  }

  async run(
    ...argv: string[]
  ): Promise<{ readonly code: number; readonly out: string; readonly error: string }> {
    let out = ''
    let error = ''
    const cli = createCli({
      out: (line) => (out += `${line}\n`),
      error: (line) => (error += `${line}\n`),
      isTerminal: false,
    })
    const code = await cli.run(argv.map((each) => each.replace('@', `${this.path}/`)))
    return { code, out: out.replaceAll(this.path, ''), error: error.replaceAll(this.path, '') }
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

const rewrite = `function handler(event) {
  var request = event.request
  console.log('uri ' + request.uri)
  if (request.uri === '/boom') throw new TypeError('no')
  if (request.uri === '/bad') { request.headers['via'] = { value: 'x' }; request.headers['Upper'] = { value: 'x' } }
  if (request.uri.endsWith('/')) request.uri += 'index.html'
  return request
}`
const event = (uri: string) => ({
  version: '1.0',
  context: { eventType: 'viewer-request' },
  viewer: { ip: '192.0.2.1' },
  request: { method: 'GET', uri, querystring: {}, headers: { host: { value: 'a.example' } }, cookies: {} },
})
const lambda = `exports.handler = async (event) => {
  const { response } = event.Records[0].cf
  response.headers['x-added'] = [{ value: 'yes' }]
  return response
}`

test('run prints the result, what changed, and the console', async () => {
  using folder = new Folder({ 'rewrite.js': rewrite, 'event.json': event('/a/') })
  const { code, out } = await folder.run('functions', 'run', '@rewrite.js', '--event', '@event.json')
  assert.equal(code, 0)
  assert.match(
    out,
    /^CloudFront Function rewrite at viewer-request: \d+\.\d ms, compute utilisation \d+ of 100$/m,
  )
  assert.match(out, /^the request goes on, changed:\n {2}~ uri: \/a\/ -> \/a\/index\.html$/m)
  assert.match(out, /^console\n {2}INFO {2}uri \/a\/$/m)
})

test('run prints every rule a function broke and what viewers would get, and fails', async () => {
  using folder = new Folder({ 'rewrite.js': rewrite, 'event.json': event('/bad') })
  const { code, out } = await folder.run('functions', 'run', '@rewrite.js', '-e', '@event.json')
  assert.equal(code, 1)
  assert.match(out, /FAILED: viewers would be answered 502, X-Cache FunctionValidationError/)
  assert.match(out, /request\.headers\["via"\] is a read-only header: the function tried to add it/)
  assert.match(out, /request\.headers\["Upper"\] must have its name in lower case/)
})

test('run says where an exception was thrown', async () => {
  using folder = new Folder({ 'rewrite.js': rewrite, 'event.json': event('/boom') })
  const { code, out } = await folder.run('functions', 'run', '@rewrite.js', '-e', '@event.json')
  assert.equal(code, 1)
  assert.match(out, /failed: TypeError: no \(\/rewrite\.js:4:\d+\)/)
})

test('run takes an event of API Gateway for a handler, and an event to run it at', async () => {
  using folder = new Folder({
    'index.js': lambda,
    'event.json': {
      httpMethod: 'GET',
      path: '/x',
      headers: { Host: 'a.example' },
      queryStringParameters: { a: '1' },
    },
  })
  const { code, out } = await folder.run(
    'functions',
    'run',
    '@index.js',
    '-e',
    '@event.json',
    '--at',
    'origin-response',
    '--json',
  )
  assert.equal(code, 0)
  const trial = JSON.parse(out) as { changes: string[]; result: string; notes: string[] }
  assert.deepEqual(trial.changes, ['+ x-added: yes'])
  assert.deepEqual(trial.notes, [
    'an event of API Gateway, translated',
    'response is missing: taken as 200 without headers',
  ])
})

test('test runs a folder of cases and prints a table', async () => {
  using folder = new Folder({
    'rewrite.js': rewrite,
    'index.js': lambda,
    'a.json': event('/a/'),
    'a.case.json': [
      {
        name: 'index',
        cloudFront: 'rewrite.js',
        event: 'a.json',
        expect: { uri: '/a/index.html', log: 'uri /a/' },
      },
      {
        name: 'throws',
        cloudFront: 'rewrite.js',
        event: event('/boom'),
        expect: { fault: 'FunctionExecutionError', problem: 'TypeError' },
      },
    ],
    'b.case.json': {
      lambdaEdge: 'index.js',
      at: 'viewer-response',
      event: { Records: [{ cf: {} }] },
      expect: { status: 201, headers: { 'x-added': 'yes', 'x-other': null } },
    },
  })
  const { code, out } = await folder.run('functions', 'test', folder.path)
  assert.equal(code, 1)
  assert.match(out, /^ok {4}index +viewer-request +request +\d+\.\d ms$/m)
  assert.match(out, /^ok {4}throws +viewer-request +failed/m)
  assert.match(out, /^FAIL {2}b +viewer-response +response/m)
  assert.match(out, /^ {6}status is 200, expected 201$/m)
  assert.match(out, /^3 cases, 1 not as expected$/m)
})

const wrongUses: readonly (readonly [what: string, argv: string[], says: RegExp])[] = [
  ['a missing function', ['run', '@no.js', '-e', '@event.json'], /no such file|cannot be read/],
  ['a missing event', ['run', '@rewrite.js', '-e', '@no.json'], /no\.json cannot be read/],
  ['an event that is no JSON', ['run', '@rewrite.js', '-e', '@rewrite.js'], /is not JSON/],
  [
    'an event of the other kind',
    ['run', '@index.js', '-e', '@event.json'],
    /not one of Lambda@Edge.*this is an event of CloudFront Functions/,
  ],
  [
    'an event it cannot run at',
    ['run', '@rewrite.js', '-e', '@event.json', '--at', 'origin-request'],
    /a CloudFront Function cannot run at origin-request/,
  ],
  ['a Python function', ['run', '@index.py', '-e', '@event.json'], /Python function/],
  ['a folder without cases', ['test', '@'], /there are no cases/],
  ['a case with an unknown key', ['test', '@'], /expct/],
]

for (const [what, argv, says] of wrongUses) {
  test(`what cannot be run is told: ${what}`, async () => {
    using folder = new Folder({
      'rewrite.js': rewrite,
      'index.js': lambda,
      'index.py': 'def handler(event, context): pass',
      'event.json': event('/a/'),
      ...(what.includes('unknown key')
        ? { 'x.case.json': { cloudFront: 'rewrite.js', event: 'event.json', expct: {} } }
        : {}),
    })
    const { code, error } = await folder.run('functions', ...argv)
    assert.equal(code, 2)
    assert.match(error, says)
  })
}
