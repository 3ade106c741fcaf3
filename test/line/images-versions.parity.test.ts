import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'

const root = path.join(import.meta.dirname, '..', '..')

const pages = [
  { version: 7, files: 6, rows: 80, without: /^of parts that are not here$/ },
  { version: 8, files: 9, rows: 100, without: /^not: .+/ },
]
for (const { version, files: count, rows: least, without } of pages) {
  const page = readFileSync(path.join(root, 'docs', 'reference', `images-version-${version}.md`), 'utf8')

  /** Lines that name tests, by the letter that stands for their file on the page. */
  const files = new Map(
    [...page.matchAll(/\*\*([A-Z])\*\* `([^`]+)`/g)].map(([, letter, file]) => [
      letter!,
      readFileSync(path.join(root, file!), 'utf8')
        .split('\n')
        .filter((line) => /(?:what: |test(?:Cases)?\()/.test(line)),
    ]),
  )

  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith(`| version ${version} `))
    .map((line) => line.split(' | '))

  test(`every row about version ${version} names tests that are there, or says why there is none`, () => {
    assert.equal(files.size, count)
    assert.ok(rows.length > least, `${rows.length} rows`)
    const unknown: string[] = []
    for (const cells of rows) {
      assert.equal(cells.length, 3, cells.join(' | '))
      const tests = cells[2]!.replace(/ ?\|$/, '').trim()
      if (tests === '') {
        assert.match(cells[1]!, without)
        continue
      }
      for (const each of tests.split('; ')) {
        const match = /^([A-Z]) `([^`]+)`$/.exec(each)
        const found = match === null ? undefined : files.get(match[1]!)
        if (found === undefined || !found.some((line) => line.includes(match![2]!))) unknown.push(each)
      }
    }
    assert.deepEqual(unknown, [])
  })
}
