import assert from 'node:assert/strict'
import { test } from 'node:test'
import { functionLimits } from './limits.ts'
import { checkSource } from './syntax.ts'

const HANDLER = 'function handler(event) { return event.request }'

/** What stands before a handler, the runtimes that refuse it, and what they say. */
const cases: readonly (readonly [source: string, refused: '1.0' | 'both' | 'none', says: RegExp])[] = [
  ['var a = 1', 'none', /^$/],
  ['var f = (a) => `${a}`', 'none', /^$/],
  ['function f(...rest) { return rest }', 'none', /^$/],
  ['var a = 2 ** 3', 'none', /^$/],
  ['let a = 1', '1.0', /let is not part of runtime 1\.0/],
  ['const a = 1', '1.0', /const is not part/],
  ['async function f() { await 1 }', '1.0', /async functions are not part/],
  ['var a = 1_000', '1.0', /numeric separators are not part/],
  ['import cf from "cloudfront"', '1.0', /imports are not part/],
  ['import fs from "fs"', 'both', /no module "fs"|imports are not part/],
  ['class A {}', 'both', /classes are not part/],
  ['var { a } = {}', 'both', /destructuring is not part/],
  ['var [a] = []', 'both', /destructuring is not part/],
  ['var a = [...[]]', 'both', /spread syntax is not part/],
  ['for (var a of []) {}', 'both', /for-of loops are not part/],
  ['function* g() {}', 'both', /generators are not part/],
  ['function f(a = 1) {}', 'both', /default parameters are not part/],
  ['var a = b?.c', 'both', /optional chaining is not part/],
  ['var a = b ?? c', 'both', /nullish coalescing is not part/],
  ['a ||= 1', 'both', /logical assignment is not part/],
  ['var a = 10n', 'both', /BigInt is not part/],
  ['export var a = 1', 'both', /exports are not part/],
  ['var __edgeward_n = 1', 'both', /are reserved/],
  ['var a = ;', 'both', /Unexpected token/],
]

for (const runtime of ['1.0', '2.0'] as const) {
  for (const [source, refused, says] of cases) {
    const isRefused = refused === 'both' || refused === runtime
    test(`runtime ${runtime} ${isRefused ? 'refuses' : 'takes'} ${source}`, () => {
      const checked = checkSource(`${HANDLER}\n${source}`, runtime)
      assert.equal(checked.kind, isRefused ? 'refused' : 'checked')
      if (checked.kind !== 'refused') return
      assert.match(checked.problems.map((each) => each.says).join('\n'), says)
      assert.equal(checked.problems[0]!.line, 2)
    })
  }

  test(`runtime ${runtime} takes 10240 bytes of source and not one more`, () => {
    const filled = (bytes: number) => `${HANDLER}//`.padEnd(bytes, 'x')
    assert.equal(checkSource(filled(functionLimits.sourceBytes), runtime).kind, 'checked')
    const over = checkSource(filled(functionLimits.sourceBytes + 1), runtime)
    assert.match(over.kind === 'refused' ? over.problems[0]!.says : '', /10241 bytes; at most 10240/)
  })

  test(`runtime ${runtime} wants a function named handler`, () => {
    const checked = checkSource('function other() {}', runtime)
    assert.match(checked.kind === 'refused' ? checked.problems[0]!.says : '', /no function named handler/)
  })
}
