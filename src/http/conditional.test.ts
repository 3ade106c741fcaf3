import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluateConditions, rangeApplies } from './conditional.ts'
import { HeaderList } from './header-list.ts'

const NOW = Date.UTC(2026, 10, 24)
const OLD = 'Mon, 01 Jun 2026 00:00:00 GMT'
const NEW = 'Mon, 02 Nov 2026 00:00:00 GMT'
const both = { etag: '"a"', lastModified: OLD }

/** Request fields, method, validators, outcome (RFC 9110 section 13.2.2). */
const cases: [
  Record<string, string>,
  string,
  typeof both | { etag: undefined; lastModified: undefined },
  string,
][] = [
  [{}, 'GET', both, 'send'],
  [{ 'if-none-match': '"a"' }, 'GET', both, 'not-modified'],
  [{ 'if-none-match': 'W/"a"' }, 'GET', both, 'not-modified'],
  [{ 'if-none-match': '"b", "a"' }, 'HEAD', both, 'not-modified'],
  [{ 'if-none-match': '"b,a", "c"' }, 'GET', both, 'send'],
  [{ 'if-none-match': '*' }, 'GET', both, 'not-modified'],
  [{ 'if-none-match': '"a"' }, 'POST', both, 'precondition-failed'],
  [{ 'if-none-match': '"b"', 'if-modified-since': NEW }, 'GET', both, 'send'],
  [{ 'if-modified-since': NEW }, 'GET', both, 'not-modified'],
  [{ 'if-modified-since': OLD }, 'GET', both, 'not-modified'],
  [{ 'if-modified-since': 'yesterday' }, 'GET', both, 'send'],
  [{ 'if-modified-since': NEW }, 'GET', { etag: undefined, lastModified: undefined }, 'send'],
  [{ 'if-match': '"b"' }, 'GET', both, 'precondition-failed'],
  [{ 'if-match': '"a"' }, 'GET', both, 'send'],
  [{ 'if-unmodified-since': 'Fri, 01 May 2026 00:00:00 GMT' }, 'GET', both, 'precondition-failed'],
  [{ 'if-unmodified-since': NEW }, 'GET', both, 'send'],
]

for (const [fields, method, validators, expected] of cases) {
  test(`${method} with ${JSON.stringify(fields)} on ${validators.etag ?? 'nothing'} is ${expected}`, () => {
    assert.equal(evaluateConditions(HeaderList.of(fields), method, validators, NOW), expected)
  })
}

test('If-Range compares strongly', () => {
  assert.equal(rangeApplies(undefined, both), true)
  assert.equal(rangeApplies('"a"', both), true)
  assert.equal(rangeApplies('W/"a"', both), false)
  assert.equal(rangeApplies(OLD, both), true)
  assert.equal(rangeApplies(NEW, both), false)
})
