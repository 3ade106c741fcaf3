import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cookieValue, filterCookies, keepCookiesLike, parseCookies } from './cookies.ts'
import { keepAll, keepAllExcept, keepListed, keepNone } from './filter-list.ts'

test('cookies are sorted by name and joined in one way', () => {
  const cases: readonly (readonly [field: string, expected: string | undefined])[] = [
    ['a=1; b=2', 'a=1; b=2'],
    ['b=2; a=1', 'a=1; b=2'],
    ['a=1;b=2', 'a=1; b=2'],
    [' a = 1 ;\tb=2 ; ', 'a=1; b=2'],
    ['a=1;; b=2', 'a=1; b=2'],
    ['B=1; a=2; A=3', 'A=3; B=1; a=2'],
    ['a=2; a=1; a=3', 'a=2; a=1; a=3'],
    ['a=', 'a='],
    ['a=b=c', 'a=b=c'],
    ['a="x y"', 'a="x y"'],
    ['$Version=1; a=1; $Path=/', 'a=1'],
    ['$Version=1', undefined],
    ['', undefined],
    [' ; ', undefined],
  ]
  for (const [field, expected] of cases) assert.equal(filterCookies(field, keepAll), expected, field)
})

test('a field that is no list of name=value is not forwarded at all', () => {
  for (const field of ['a', 'a=1; b', '=1', 'a=1; =2; b=3', ' =1']) {
    assert.equal(parseCookies(field), null, field)
    assert.equal(filterCookies(field, keepAll), undefined, field)
  }
})

test('filters keep the cookies they mean', () => {
  const field = 'id=1; lang=en; session=x; utm_a=1; utm_b=2'
  const cases = [
    [keepNone, undefined],
    [keepAll, field],
    [keepListed(['session', 'id']), 'id=1; session=x'],
    [keepListed(['ID', 'utm_*']), undefined],
    [keepAllExcept(['utm_a', 'utm_b']), 'id=1; lang=en; session=x'],
    [keepAllExcept(['id', 'lang', 'session', 'utm_a', 'utm_b']), undefined],
    [keepCookiesLike(['utm_*', 'id']), 'id=1; utm_a=1; utm_b=2'],
    [keepCookiesLike(['utm_?', '?d']), 'id=1; utm_a=1; utm_b=2'],
    [keepCookiesLike(['*']), field],
    [keepCookiesLike([]), undefined],
  ] as const
  for (const [filter, expected] of cases) assert.equal(filterCookies(field, filter), expected)
})

test('the value of a cookie is found wherever it stands', () => {
  const cases: readonly (readonly [field: string, name: string, value: string | undefined])[] = [
    ['a=1; b=2', 'a', '1'],
    ['a=1; b=2', 'b', '2'],
    ['a=1;b= 2 ', 'b', '2'],
    ['xa=1; a=2', 'a', '2'],
    ['x=a=1; a=2', 'a', '2'],
    ['a=1; a=2', 'a', '1'],
    ['a=; b=2', 'a', ''],
    ['bare; a=1', 'a', '1'],
    ['A=1', 'a', undefined],
    ['ab=1', 'a', undefined],
    ['a', 'a', undefined],
    ['', 'a', undefined],
  ]
  for (const [field, name, value] of cases) assert.equal(cookieValue(field, name), value, field)
})

const cookie = fc.tuple(
  fc.stringMatching(/^[a-zA-Z_$][a-z0-9]{0,3}$/),
  fc.stringMatching(/^[a-z0-9=,"%]{0,6}$/),
)
const fields = fc
  .array(cookie, { maxLength: 6 })
  .map((list) => list.map(([name, value]) => `${name}=${value}`))

test('what was filtered once stays as it is, whatever order and spacing it came in', () => {
  fc.assert(
    fc.property(fields, fc.constantFrom(';', '; ', ' ;\t'), (list, separator) => {
      const filter = keepAllExcept(['b'])
      const once = filterCookies(list.join(separator), filter)
      const expected = list
        .filter((text) => !text.startsWith('$') && !text.startsWith('b='))
        .map((text, index) => ({ name: text.slice(0, text.indexOf('=')), text, index }))
        .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.index - b.index))
        .map(({ text }) => text)
        .join('; ')
      assert.equal(once, expected === '' ? undefined : expected)
      if (once !== undefined) assert.equal(filterCookies(once, filter), once)
    }),
  )
})

test('any text is read without failing, and its cookies are those that parsing gives', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', '=', ';', ' ', '$', '"') }), (field) => {
      const cookies = parseCookies(field)
      if (cookies === null) assert.equal(filterCookies(field, keepAll), undefined)
      else
        for (const name of ['a', 'b', 'ab']) {
          assert.equal(cookieValue(field, name), cookies.find((each) => each.name === name)?.value, field)
        }
    }),
    { numRuns: 2000 },
  )
})
