import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enableLinearEngine } from '../regex/linear-engine.ts'
import { ask, engineOf, idsOf } from './crs.fixture.ts'

/** Patterns that make backtracking engines run for years, each with a text that does it. */
const PATTERNS: readonly { readonly pattern: string; readonly text: string }[] = [
  { pattern: '^(a+)+$', text: `${'a'.repeat(20_000)}!` },
  { pattern: '^(a|aa)+$', text: `${'a'.repeat(20_000)}!` },
  { pattern: '^(a|a?)+$', text: `${'a'.repeat(20_000)}!` },
  { pattern: '(x+x+)+y', text: 'x'.repeat(20_000) },
  { pattern: '^(([a-z])+.)+[A-Z]([a-z])+$', text: 'a'.repeat(20_000) },
  { pattern: '(.*a){20}$', text: 'a'.repeat(5_000) },
  { pattern: 'a*b', text: 'a'.repeat(60_000) },
  { pattern: '(?:.*=.*){8}!', text: '='.repeat(20_000) },
  { pattern: '(\\w+\\s?)+$', text: `${'word '.repeat(4_000)}!` },
  { pattern: '^(a+)+(?=b)c', text: `${'a'.repeat(20_000)}!` },
  { pattern: '(?<!z)(a+)+$', text: `${'a'.repeat(20_000)}!` },
  { pattern: '^(a+)+\\1$', text: `${'a'.repeat(400)}!` },
  { pattern: '(a*)*\\1b', text: 'a'.repeat(20_000) },
  { pattern: '^(?>a+)+$', text: `${'a'.repeat(20_000)}!` },
]

/** CPU time, so that a busy machine does not fail the test; the bound is far from what these take (1 to 60 ms). */
const MAX_MS = 2_000

for (const isLinear of [false, true]) {
  test(`no pattern hangs the engine${isLinear ? ", with V8's linear engine" : ''}`, () => {
    if (isLinear) enableLinearEngine()
    for (const { pattern, text } of PATTERNS) {
      const engine = engineOf(`SecRule ARGS "@rx ${pattern}" "id:1,phase:2,pass"`)
      const before = process.cpuUsage()
      const ids = idsOf(ask(engine, { target: `/?q=${text}` }))
      const { user, system } = process.cpuUsage(before)
      const ms = (user + system) / 1_000
      assert.ok(ms < MAX_MS, `${pattern} took ${ms} ms`)
      assert.ok(ids.length <= 1)
    }
  })
}

test('a cut of long values is reported, not silent', () => {
  const { rules } = engineOf('SecRule ARGS "@rx (\\w+)=\\1" "id:1,phase:2,pass"')
  assert.equal(rules.steps[0]!.links[0]!.operator!.maxLength, 512)
})
