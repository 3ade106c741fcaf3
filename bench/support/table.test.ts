import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resultLine } from './table.ts'

const lines: readonly (readonly [values: Parameters<typeof resultLine>[1], line: string])[] = [
  [{}, 'RESULT name=proxy'],
  [{ ratio_nginx: 0.33333, required: 160 }, 'RESULT name=proxy ratio_nginx=0.333 required=160'],
  [{ edgeward: 7712.4 }, 'RESULT name=proxy edgeward=7712'],
  [{ skipped: 'caddy is not installed' }, 'RESULT name=proxy skipped=caddy-is-not-installed'],
  [{ skipped: undefined, note: ' ' }, 'RESULT name=proxy note=none'],
]

for (const [values, line] of lines) {
  test(`${JSON.stringify(values)} is told to machines as ${line}`, () => {
    assert.equal(resultLine('proxy', values), line)
  })
}
