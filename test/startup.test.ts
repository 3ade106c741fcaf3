import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'

/** Packages that only what is configured may cost: native code, clients of clouds, compilers. */
const LAZY = [
  '@aws-sdk/',
  'blurhash',
  'esbuild',
  'exif-reader',
  'nodemailer',
  'quickjs-emscripten',
  'selfsigned',
  'sharp',
  'thumbhash',
  'yaml',
]

/** Loads the command and the edge, and prints the packages that came with them. */
const PROGRAM = `
const { registerHooks } = require('node:module')
const seen = new Set()
registerHooks({
  load(url, context, next) {
    const [, name] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\/(?!.*node_modules\\/)/.exec(url) ?? []
    if (name !== undefined) seen.add(name)
    return next(url, context)
  },
})
Promise.all(['cli/cli.ts', 'edge.ts'].map((file) => import(process.cwd() + '/src/' + file))).then(() => {
  process.stdout.write(JSON.stringify([...seen]))
})
`

test('starting an edge loads no package that only something configured needs', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', PROGRAM], {
    cwd: path.join(import.meta.dirname, '..'),
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  const loaded = JSON.parse(stdout) as string[]
  assert.ok(loaded.includes('zod'))
  assert.deepEqual(
    loaded.filter((name) => LAZY.some((lazy) => name === lazy || name.startsWith(lazy))),
    [],
  )
})
