import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { scanImports } from '../tools/scan-imports.ts'

/**
 * Who may import whom in `src/`, lowest first: a file imports from its own layer and from those before it.
 * `judgeImport` adds what holds inside a layer: rooms do not import rooms, modules do not import modules.
 */
const LAYERS = [
  { name: 'base', holds: ['base'] },
  { name: 'http', holds: ['http'] },
  { name: 'aws', holds: ['aws'] },
  // What all stages speak of: types and tables, without behaviour of a room.
  {
    name: 'tables',
    holds: [
      'faults.ts',
      'plan.ts',
      'plan.fixture.ts',
      'planned-functions.ts',
      'stages.ts',
      'rooms.ts',
      'visit.ts',
      'admin-route.ts',
    ],
  },
  { name: 'seams', holds: ['seams'] },
  {
    name: 'rooms',
    holds: ['listener', 'distribution', 'waf', 'functions', 'cache', 'origin', 'response', 'log'],
  },
  { name: 'modules', holds: ['modules'] },
  { name: 'config', holds: ['config'] },
  { name: 'request', holds: ['request.ts'] },
  {
    name: 'edge',
    holds: [
      'edge.ts',
      'edge-cache.ts',
      'edge-waf.ts',
      'errands.ts',
      'explain.ts',
      'warm.ts',
      'module-host.ts',
    ],
  },
  { name: 'admin', holds: ['admin'] },
  { name: 'cli', holds: ['cli'] },
  { name: 'package', holds: ['index.ts'] },
  { name: 'main', holds: ['main.ts'] },
] as const satisfies readonly { name: string; holds: readonly string[] }[]

type Layer = (typeof LAYERS)[number]['name']

/** Files outside `src/` that sources may read; tests beside the sources may also use `test/support/`. */
const OUTSIDE = ['package.json']

const NO_PLACE = 'has no place in the table of layers (test/layers.test.ts); give it one'

interface Place {
  readonly layer: Layer
  readonly rank: number
  /** The folder or file of the table this path belongs to. */
  readonly holder: string
}

function placeOf(file: string): Place | undefined {
  // A test stands where the file it tests stands.
  const holder = (file.split('/')[1] ?? '').replace(/\.test\.ts$/, '.ts')
  const rank = LAYERS.findIndex((layer) => layer.holds.some((held) => held === holder))
  const layer = LAYERS[rank]
  return layer === undefined ? undefined : { layer: layer.name, rank, holder }
}

/** Says which rule an import breaks, or undefined. Paths are relative to the repository, with forward slashes. */
function judgeImport(from: string, to: string, typeOnly: boolean): string | undefined {
  const source = placeOf(from)
  if (source === undefined)
    return `${from} has no place in the table of layers (test/layers.test.ts); give it one`
  if (!to.startsWith('src/')) {
    if (OUTSIDE.includes(to) || (from.endsWith('.test.ts') && to.startsWith('test/support/')))
      return undefined
    return `src/ never imports from ${to.split('/')[0]}/; move what both need into src/`
  }
  const target = placeOf(to)
  if (target === undefined)
    return `${to} has no place in the table of layers (test/layers.test.ts); give it one`
  if (target.rank > source.rank) return `${source.layer} is below ${target.layer}, and imports only go down`
  if (source.layer === 'rooms' && target.layer === 'rooms' && source.holder !== target.holder) {
    return `rooms do not import rooms (${source.holder}, ${target.holder}); pass what it needs as an argument`
  }
  if (source.layer === 'request' && target.layer === 'rooms' && !typeOnly) {
    return 'request.ts takes the rooms as arguments and imports only their types; edge.ts builds them'
  }
  return target.layer === 'modules' ? judgeModuleImport(from, to) : undefined
}

/** `src/modules/index.ts` lists all modules, each is a folder entered by its index.ts, and none knows another. */
function judgeModuleImport(from: string, to: string): string | undefined {
  const list = 'src/modules/index.ts'
  const ours = moduleOf(from)
  const theirs = moduleOf(to)
  if (ours !== undefined && theirs !== undefined && ours !== theirs) {
    return `modules do not import modules (${ours}, ${theirs}); what both need belongs in a layer below`
  }
  if (ours !== undefined && to === list) return 'a module does not import the list of modules'
  if (theirs !== undefined && ours !== theirs && path.posix.basename(to) !== 'index.ts') {
    return `others import only index.ts of the module ${theirs}`
  }
  return undefined
}

function moduleOf(file: string): string | undefined {
  const [, folder, name, ...rest] = file.split('/')
  return folder === 'modules' && rest.length > 0 ? name : undefined
}

/** Every broken rule of one source text, as sentences with file, line, import and rule. */
function judgeFile(file: string, source: string): string[] {
  if (placeOf(file) === undefined) return [`${file} ${NO_PLACE}`]
  return scanImports(source).flatMap(({ specifier, line, typeOnly }) => {
    // By its own name the package would import itself past this table.
    const own = specifier === 'edgeward' || specifier.startsWith('edgeward/')
    if (!own && !specifier.startsWith('.')) return []
    const to = own ? 'src/index.ts' : path.posix.join(path.posix.dirname(file), specifier)
    const broken = judgeImport(file, to, typeOnly)
    return broken === undefined ? [] : [`${file}:${line} imports '${specifier}': ${broken}`]
  })
}

test('every import in src goes down the layers', () => {
  const root = path.join(import.meta.dirname, '..')
  const files = globSync('src/**/*.{ts,mts,cts,js,mjs,cjs}', { cwd: root }).map((file) =>
    file.split(path.sep).join('/'),
  )
  // Test data holds programs of users, which import what they like.
  const ours = files.filter((file) => !file.includes('/testdata/') && !file.includes('/fixtures/'))
  assert.ok(ours.length > 0, 'no source file was found under src/')
  const broken = ours.flatMap((file) => judgeFile(file, readFileSync(path.join(root, file), 'utf8')))
  assert.ok(broken.length === 0, `\n${broken.join('\n')}`)
})

const allowed: readonly (readonly [from: string, to: string])[] = [
  ['src/http/body.ts', '../base/clock.ts'],
  ['src/http/body.ts', './header-list.ts'],
  ['src/http/body.ts', 'node:stream'],
  ['src/http/body.ts', 'undici'],
  ['src/visit.ts', './stages.ts'],
  ['src/seams/state/index.ts', '../../visit.ts'],
  ['src/waf/statements/ip-set.ts', '../../plan.ts'],
  ['src/waf/statements/ip-set.ts', '../fields/header.ts'],
  ['src/waf/inspect.ts', '../seams/state/index.ts'],
  ['src/modules/images/index.ts', '../define-module.ts'],
  ['src/modules/images/index.ts', './config.ts'],
  ['src/modules/index.ts', './images/index.ts'],
  ['src/config/compose.ts', '../modules/index.ts'],
  ['src/config/compose.ts', '../waf/config.ts'],
  ['src/edge.ts', './cache/lookup.ts'],
  ['src/edge.ts', './request.ts'],
  ['src/cli/start.ts', '../admin/server.ts'],
  ['src/main.ts', './cli/index.ts'],
  ['src/main.ts', '../package.json'],
  ['src/cache/lookup.test.ts', '../../test/support/origin.ts'],
]

for (const [from, to] of allowed) {
  test(`${from} may import ${to}`, () => {
    assert.deepEqual(judgeFile(from, `import { a } from '${to}'`), [])
  })
}

test('request.ts may import the types of rooms', () => {
  assert.deepEqual(judgeFile('src/request.ts', "import type { Lookup } from './cache/lookup.ts'"), [])
})

const refused: readonly (readonly [from: string, to: string, rule: RegExp])[] = [
  ['src/base/clock.ts', '../http/body.ts', /base is below http, and imports only go down/],
  ['src/http/body.ts', '../aws/events.ts', /http is below aws/],
  ['src/aws/events.ts', '../visit.ts', /aws is below tables/],
  ['src/plan.ts', './cache/key.ts', /tables is below rooms/],
  ['src/seams/state/index.ts', '../../log/access.ts', /seams is below rooms/],
  ['src/cache/key.ts', '../waf/inspect.ts', /rooms do not import rooms \(cache, waf\)/],
  ['src/waf/fields/header.ts', '../../cache/key.ts', /rooms do not import rooms \(waf, cache\)/],
  ['src/cache/key.test.ts', '../waf/inspect.ts', /rooms do not import rooms/],
  ['src/cache/key.ts', '../modules/index.ts', /rooms is below modules/],
  ['src/modules/images/index.ts', '../cognito/index.ts', /modules do not import modules \(images, cognito\)/],
  ['src/modules/images/index.ts', '../index.ts', /does not import the list/],
  ['src/modules/images/index.ts', '../../config/load.ts', /modules is below config/],
  ['src/config/compose.ts', '../modules/images/resize.ts', /only index.ts of the module images/],
  ['src/request.ts', './edge.ts', /request is below edge/],
  ['src/request.ts', './cache/lookup.ts', /takes the rooms as arguments/],
  ['src/admin/server.ts', '../cli/start.ts', /admin is below cli/],
  ['src/cli/start.ts', '../main.ts', /cli is below main/],
  ['src/cli/start.ts', 'edgeward', /cli is below package/],
  ['src/edge.ts', '../test/support/origin.ts', /src\/ never imports from test\//],
  ['src/edge.ts', '../bench/support/cpu.ts', /src\/ never imports from bench\//],
  ['src/edge.ts', '../examples/demo/start.ts', /src\/ never imports from examples\//],
  ['src/edge.ts', '../console/src/app.ts', /src\/ never imports from console\//],
  ['src/edge.ts', '../deploy/stack.ts', /src\/ never imports from deploy\//],
  ['src/edge.test.ts', '../test/line/serve.ts', /src\/ never imports from test\//],
  ['src/edge.ts', './helpers/text.ts', /src\/helpers\/text.ts has no place in the table/],
]

for (const [from, to, rule] of refused) {
  test(`${from} may not import ${to}`, () => {
    const [sentence = 'nothing', ...more] = judgeFile(from, `\nimport { a } from '${to}'`)
    assert.deepEqual(more, [])
    assert.match(sentence, rule)
    assert.ok(sentence.startsWith(`${from}:2 imports '${to}': `), sentence)
  })
}

test('a file without a place is told once, even when it imports nothing', () => {
  for (const source of ['', "import { a } from '../base/clock.ts'\nimport '../http/body.ts'"]) {
    assert.deepEqual(judgeFile('src/helpers/text.ts', source), [`src/helpers/text.ts ${NO_PLACE}`])
  }
})

test('an import of types goes down the layers too, in every form', () => {
  for (const form of [
    "import type { A } from '../waf/inspect.ts'",
    "export type { A } from '../waf/inspect.ts'",
    "export * from '../waf/inspect.ts'",
    "type A = import('../waf/inspect.ts').A",
    "const a = await import('../waf/inspect.ts')",
    "import '../waf/inspect.ts'",
  ]) {
    assert.equal(judgeFile('src/cache/key.ts', form).length, 1, form)
  }
})

test('each folder and file stands in one layer', () => {
  const holders = LAYERS.flatMap((layer) => [...layer.holds])
  assert.deepEqual(holders, [...new Set(holders)])
})
