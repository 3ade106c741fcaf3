/**
 * Runs the client of the public suite: `cache-suite-client.mjs FOLDER URL [TEST]`. Prints tests and results as JSON on
 * the last line. Not TypeScript, because all that it touches is untyped.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, baseUrl, only] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(folder, path)).href)
const { runTests, getResults } = await load('client/runner.mjs')
const { default: suites } = await load('tests/index.mjs')
const { default: fetch } = await load('../node-fetch/lib/index.mjs')

const chosen = only
  ? suites
      .map((suite) => ({ ...suite, tests: suite.tests.filter((test) => test.id === only) }))
      .filter((suite) => suite.tests.length > 0)
  : suites
if (only) for (const suite of chosen) for (const test of suite.tests) test.dump = true
await runTests(chosen, fetch, false, baseUrl)
const tests = suites.flatMap((suite) =>
  suite.tests
    .filter((test) => test.browser_only !== true)
    .map((test) => ({
      id: test.id,
      name: test.name,
      suite: suite.name,
      kind: test.kind ?? 'required',
      dependsOn: test.depends_on ?? [],
    })),
)
console.log(JSON.stringify({ tests, results: getResults() }))
