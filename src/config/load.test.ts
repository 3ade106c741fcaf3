import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, test } from 'node:test'
import { ConfigLoadError, loadConfig, type LoadOptions } from './load.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgeward-load-'))
})

afterEach(() => rm(folder, { recursive: true }))

/** Name, text, and the configuration it holds. */
const good: readonly (readonly [name: string, text: string, config: unknown])[] = [
  [
    'a.ts',
    "import { defineEdge } from 'edgeward'\nexport default defineEdge({ processes: 2 as number, distributions: {} })",
    { processes: 2, distributions: {} },
  ],
  ['a.js', 'export default { a: [1, "two", null, true], gone: undefined }', { a: [1, 'two', null, true] }],
  ['a.mjs', "const later = await Promise.resolve('x')\nexport default { later }", { later: 'x' }],
  ['a.json', '\uFEFF{ "a": { "b": 1 }, "c": { "b": 2 } }', { a: { b: 1 }, c: { b: 2 } }],
  ['a.yaml', 'a: &x\n  - 1\n  - two\nb: *x\n404: text\n', { a: [1, 'two'], b: [1, 'two'], 404: 'text' }],
  ['a.yml', 'a: yes\n', { a: 'yes' }],
]

for (const [name, text, config] of good) {
  test(`${name} is loaded: ${JSON.stringify(text).slice(0, 50)}`, async () => {
    await write(name, text)
    const loaded = await load(name)
    assert.deepEqual(loaded.config, config)
    assert.equal(loaded.baseFolder, folder)
    assert.equal(loaded.name, name)
    assert.deepEqual(loaded.files, [path.join(folder, name)])
    assert.equal(loaded.text, undefined)
  })
}

/** Name, text, and what the error says; it begins with the name, and the line where there is one. */
const bad: readonly (readonly [title: string, name: string, text: string, message: RegExp])[] = [
  [
    'TypeScript with a syntax error',
    'a.ts',
    'export default {\n  a: [1\n  b: 2,\n}',
    /^a\.ts:3: SyntaxError: .*\n\n {4}.*a: \[1\n {6}b: 2/,
  ],
  [
    'JavaScript with a syntax error',
    'a.mjs',
    'export default {\n  a: 1,,\n}',
    /^a\.mjs:2: SyntaxError: Unexpected token ','/,
  ],
  [
    'TypeScript that cannot be stripped',
    'a.ts',
    '\nenum A { B }\nexport default {}',
    /^a\.ts:2: SyntaxError: .*enum/,
  ],
  [
    'an error that is thrown',
    'a.ts',
    'function port(): number {\n  throw new Error("PORT is not set")\n}\nexport default { port: port() }',
    /^a\.ts:2: Error: PORT is not set/,
  ],
  [
    'an unknown name',
    'a.js',
    '\nexport default { a: nowhere }',
    /^a\.js:2: ReferenceError: nowhere is not defined/,
  ],
  [
    'a text that is thrown',
    'a.js',
    'throw "just text"',
    /^a\.js ended without giving a configuration: just text$/,
  ],
  [
    'a module that is missing',
    'a.ts',
    'import "./gone.ts"\nexport default {}',
    /^a\.ts: Error: Cannot find module .*gone\.ts/,
  ],
  [
    'a package that is missing',
    'a.ts',
    'import "no-such-package-anywhere"\nexport default {}',
    /^a\.ts: Error: Cannot find package 'no-such-package-anywhere'/,
  ],
  [
    'an export that is missing',
    'a.ts',
    'import { defineEgde } from "edgeward"\nexport default defineEgde({})',
    /^a\.ts:1: SyntaxError: .*does not provide an export named 'defineEgde'/,
  ],
  [
    'no default export',
    'a.ts',
    'export const config = {}',
    /^a\.ts: has no default export: it exports only config; write "export default defineEdge/,
  ],
  ['nothing at all', 'a.mjs', '', /^a\.mjs: has no default export: it exports nothing/],
  [
    'process.exit',
    'a.js',
    'process.exit(0)',
    /^a\.js ended without giving a configuration; does it call process\.exit\(\)\?$/,
  ],
  [
    'a function',
    'a.js',
    'export default { distributions: { main: { rewrite: [() => 1] } } }',
    /^a\.js: distributions\.main\.rewrite\[0\] is a function; a configuration is plain data$/,
  ],
  [
    'a function as a whole',
    'a.js',
    'export default () => ({})',
    /^a\.js: the default export is a function, and nobody calls it/,
  ],
  [
    'instances of classes',
    'a.js',
    'export default { a: new URL("http://x"), b: new Map(), c: /x/, d: new (class Own {})() }',
    /^a\.js: a is an instance of URL; .*\na\.js: b is an instance of Map; .*\na\.js: c is an instance of RegExp; .*\na\.js: d is an instance of Own/,
  ],
  [
    'a cycle',
    'a.js',
    'const a = { b: {} }; a.b.c = a; export default { a }',
    /^a\.js: a\.b\.c refers back to an object that holds it/,
  ],
  [
    'what JSON would change',
    'a.js',
    'export default { a: NaN, b: 1n, c: [undefined], d: Symbol("x"), e: Promise.resolve() }',
    /^a\.js: a is NaN; .*\na\.js: b is a bigint; .*\na\.js: c\[0\] is undefined; .*\na\.js: d is a symbol; .*\na\.js: e is a promise; await it/,
  ],
  ['JSON with a mistake', 'a.json', '{\n  "a": 1,\n  "b": }\n', /^a\.json:3:8: this is no JSON: /],
  [
    'JSON that nests without end',
    'a.json',
    '['.repeat(5000) + ']'.repeat(5000),
    /^a\.json: .* is more than 100 levels deep/,
  ],
  ['YAML that nests without end', 'a.yaml', '['.repeat(20_000) + ']'.repeat(20_000), /^a\.yaml:/],
  ['YAML with a number that is none', 'a.yaml', 'a: .nan', /^a\.yaml: a is NaN/],
  ['JSON that ends too early', 'a.json', '{\n  "a": [1,\n', /^a\.json:3:1: this is no JSON: /],
  [
    'JSON with a key that stands twice',
    'a.json',
    '{\n  "a": { "x": 1, "y": [{ "x": 1 }], "x": 2 } }',
    /^a\.json:2:\d+: this is no JSON: the key "x" stands twice in one object$/,
  ],
  ['an empty JSON file', 'a.json', ' \n', /^a\.json is empty/],
  ['YAML with a mistake', 'a.yaml', 'a:\n  - 1\n b: 2\n', /^a\.yaml:3:\d+: this is no YAML: /],
  [
    'YAML with a key that stands twice',
    'a.yaml',
    'a: 1\nb: 2\na: 3\n',
    /^a\.yaml:3:1: this is no YAML: Map keys must be unique/,
  ],
  ['YAML with an unknown tag', 'a.yaml', 'a: !!js/function "x"\n', /^a\.yaml:1:4: this is no YAML: /],
  ['YAML that grows without end', 'a.yaml', bomb(), /^a\.yaml: this YAML cannot be used: .*alias/],
  ['an empty YAML file', 'a.yaml', '# nothing\n', /^a\.yaml is empty/],
  [
    'a file of another kind',
    'a.toml',
    'a = 1',
    /^a\.toml has an ending that says nothing about its form; expected \.ts, /,
  ],
]

for (const [title, name, text, message] of bad) {
  test(`${title} is told with its place`, async () => {
    await write(name, text)
    await assert.rejects(load(name), (error) => {
      assert.ok(error instanceof ConfigLoadError)
      assert.match(error.message, message)
      return true
    })
  })
}

test('a configuration that never ends is stopped at the time limit', async () => {
  await write('a.ts', 'while (true);\nexport default {}')
  await assert.rejects(
    load('a.ts', { timeLimitMs: 300 }),
    /^ConfigLoadError: a\.ts was not done after 0\.3 s and was stopped/,
  )
})

test('an await without end is told too', async () => {
  await write('a.ts', 'await new Promise((resolve) => setTimeout(resolve, 1e6))\nexport default {}')
  await assert.rejects(load('a.ts', { timeLimitMs: 300 }), /was not done after 0\.3 s/)
})

test('timers and processes that a configuration leaves behind do not hold it up', async () => {
  const spawning =
    "import { spawn } from 'node:child_process'\nspawn('sleep', ['50'], { stdio: 'inherit' }).unref()\n"
  await write('a.ts', `${spawning}setInterval(() => {}, 1000)\nexport default { a: 1 }`)
  const started = performance.now()
  assert.deepEqual((await load('a.ts')).config, { a: 1 })
  // Far less than what was left behind takes, however busy the machine is.
  assert.ok(performance.now() - started < 30_000)
})

test('what a configuration prints is handed on and kept off the result', async () => {
  await write('a.ts', 'console.log("to stdout"); console.error("to stderr")\nexport default { a: 1 }')
  const printed: string[] = []
  assert.deepEqual((await load('a.ts', { onOutput: (text) => printed.push(text) })).config, { a: 1 })
  assert.deepEqual(printed, ['to stdout\n', 'to stderr\n'])
})

test('local modules of a configuration are files to watch, packages are not', async () => {
  await write(
    'a.ts',
    "import { port } from './parts/port.ts'\nimport { defineEdge } from 'edgeward'\nexport default defineEdge({ listeners: [{ port }], distributions: {} })",
  )
  await mkdir(path.join(folder, 'parts'))
  await write('parts/port.ts', "import { base } from './base.js'\nexport const port: number = base + 1")
  await write('parts/base.js', 'export const base = 8000')
  const { config, files } = await load('a.ts')
  assert.deepEqual(config, { listeners: [{ port: 8001 }], distributions: {} })
  assert.deepEqual(files.map((file) => path.relative(folder, file)).sort(), [
    'a.ts',
    'parts/base.js',
    'parts/port.ts',
  ])
})

test('an error in a module of the configuration names that module', async () => {
  await write('a.ts', "import './part.ts'\nexport default {}")
  await write('part.ts', '\n\nthrow new TypeError("no part")\nexport {}')
  await assert.rejects(
    load('a.ts'),
    (error) =>
      error instanceof ConfigLoadError &&
      error.message.startsWith(`${path.join(folder, 'part.ts')}:3: TypeError: no part`),
  )
})

test('without a source the default names are tried in their order', async () => {
  await write('edgeward.config.yml', 'a: 5')
  assert.equal((await load(undefined)).name, 'edgeward.config.yml')
  await write('edgeward.config.json', '{}')
  assert.equal((await load(undefined)).name, 'edgeward.config.json')
  await write('edgeward.config.ts', 'export default {}')
  assert.equal((await load(undefined)).name, 'edgeward.config.ts')
})

test('a folder is looked into, and its files are relative to it', async () => {
  await mkdir(path.join(folder, 'site'))
  await write('site/edgeward.config.json', '{}')
  const loaded = await load('site')
  assert.equal(loaded.name, 'site/edgeward.config.json')
  assert.equal(loaded.baseFolder, path.join(folder, 'site'))
})

test('where there is no configuration the names and the next step are told', async () => {
  await assert.rejects(
    load(undefined),
    /there is no configuration in this folder; looked for edgeward\.config\.ts, .*\n.*edgeward init/,
  )
  await assert.rejects(load('gone.json'), /^ConfigLoadError: gone\.json cannot be read: it does not exist$/)
})

test('a dash reads JSON from standard input, relative to the folder', async () => {
  const bytes = Buffer.from('{ "a": "caf\u00e9" }')
  // A character may be cut in two between pieces.
  const stdin = Readable.from([bytes.subarray(0, 12), bytes.subarray(12)])
  const loaded = await load('-', { stdin })
  assert.deepEqual(loaded.config, { a: 'caf\u00e9' })
  assert.equal(loaded.baseFolder, folder)
  assert.deepEqual(loaded.files, [])
  assert.deepEqual((await load('-', { text: loaded.text })).config, loaded.config)
  await assert.rejects(
    load('-', { stdin: Readable.from(['{']) }),
    /^ConfigLoadError: standard input:1:\d+: this is no JSON/,
  )
})

function load(source: string | undefined, options: LoadOptions = {}) {
  return loadConfig(source, { folder, onOutput: () => {}, ...options })
}

function write(name: string, text: string): Promise<void> {
  return writeFile(path.join(folder, name), text)
}

/** Each list names the one before ten times: a hundred million entries in ten lines. */
function bomb(): string {
  const lines = ['a0: &a0 [x]']
  for (let i = 1; i < 9; i++)
    lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`)
  return lines.join('\n')
}
