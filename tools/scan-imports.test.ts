import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { maskSource, scanImports } from './scan-imports.ts'

const forms: readonly (readonly [source: string, expected: readonly string[]])[] = [
  ["import a from './a.ts'", ['1 ./a.ts']],
  ["import './effect.ts'", ['1 ./effect.ts']],
  ["import{a}from'./a.ts'", ['1 ./a.ts']],
  ["import a, { b } from './a.ts'", ['1 ./a.ts']],
  ["import a, * as b from './a.ts'", ['1 ./a.ts']],
  ['import * as a from "./a.ts"', ['1 ./a.ts']],
  ["import data from './a.json' with { type: 'json' }", ['1 ./a.json']],
  ["\nimport {\n  a, // from './not.ts'\n  b,\n} from './a.ts'", ['2 ./a.ts']],
  ["import type { A } from './a.ts'", ['1 ./a.ts type']],
  ["import type A from './a.ts'", ['1 ./a.ts type']],
  ["import type * as A from './a.ts'", ['1 ./a.ts type']],
  ["import type from './a.ts'", ['1 ./a.ts']],
  ["import { type A } from './a.ts'", ['1 ./a.ts']],
  ["export { a } from './a.ts'", ['1 ./a.ts']],
  ["export * from './a.ts'", ['1 ./a.ts']],
  ["export * as a from './a.ts'", ['1 ./a.ts']],
  ["export type { A } from './a.ts'", ['1 ./a.ts type']],
  ["export type * from './a.ts'", ['1 ./a.ts type']],
  ["const a = await import('./a.ts')", ['1 ./a.ts']],
  ["const a = await import(\n  /* lazily */ './a.ts'\n)", ['1 ./a.ts']],
  ["type A = import('./a.ts').A", ['1 ./a.ts type']],
  ["type A = typeof import('./a.ts')", ['1 ./a.ts type']],
  ["import('./a.ts').then(run)", ['1 ./a.ts']],
  ["const a = require('./a.cjs')", ['1 ./a.cjs']],
  ["new Worker(new URL('./worker.ts', import.meta.url))", ['1 ./worker.ts']],
  ["new URL('http://edge.test/')", []],
  ["new URL('../../examples/demo/', import.meta.url)", []],
  ["export interface A {\n  b: string\n}\nexport { c } from './c.ts'", ['4 ./c.ts']],
  ["export const text = `import a from './a.ts' ${await import('./b.ts')}`", ['1 ./b.ts']],
  ["const nested = `${`}${{ a: '}' }}`}`; import('./a.ts')", ['1 ./a.ts']],
  ['const shown = "import a from \'./a.ts\'"', []],
  ["// import a from './a.ts'\n/* import './b.ts' */\nimport './c.ts'", ['3 ./c.ts']],
  ["const quote = /['\"`]/\nimport './a.ts'", ['2 ./a.ts']],
  ["const ratio = a / b; import('./a.ts'); c / d", ['1 ./a.ts']],
  ["const path = '/*'\nimport './a.ts'\nconst end = '*/'", ['2 ./a.ts']],
  ["if (a) /'/.test(b)\nimport './a.ts'", ['2 ./a.ts']],
  ["import.meta.resolve('./a.ts')\nloader.import('./b.ts')", []],
  ['import(name)', []],
]

for (const [source, expected] of forms) {
  test(`imports are found in ${JSON.stringify(source)}`, () => {
    const found = scanImports(source).map((i) => `${i.line} ${i.specifier}${i.typeOnly ? ' type' : ''}`)
    assert.deepEqual(found, expected)
  })
}

test('any text is masked to the same length, with its lines where they were', () => {
  const pieces = '` ${ { } \' " / * // \\ [ ] a import ( #!'.split(' ').concat(' ', '\n')
  const code = fc.array(fc.constantFrom(...pieces)).map((chosen) => chosen.join(''))
  fc.assert(
    fc.property(code, (source) => {
      const masked = maskSource(source)
      assert.equal(masked.length, source.length)
      assert.equal(masked.replace(/[^\n]/g, ' '), source.replace(/[^\n]/g, ' '))
      scanImports(source)
    }),
  )
})
