/**
 * `npm test [-- PATH… --test-OPTION…]`: runs the tests under PATH (a file, a folder or a part of a path), or all.
 * Options that begin with `--test-` go to the runner as they are, for example `--test-name-pattern=expires`.
 * Exits 1 when a test fails, and when there was none to run.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const everything = globSync('{src,test,examples,tools,bench}/**/*.test.ts', { cwd: root }).sort()

const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const foreign = options.find((option) => !option.startsWith('--test-'))
const files = everything.filter(
  (file) => wanted.length === 0 || wanted.some((filter) => isUnder(file, filter)),
)

if (foreign !== undefined) fail(`${foreign} is no option of the test runner; those begin with --test-`)
else if (files.length === 0) fail(`no test file matches ${wanted.join(' ') || '*.test.ts'}`)
else runTests(files)

function runTests(files: readonly string[]): void {
  const child = spawn(
    process.execPath,
    [
      '--test',
      // Node's own default is one less than there are cores, which leaves half of a two-core machine idle.
      `--test-concurrency=${Math.max(2, availableParallelism())}`,
      // Without it a promise that never settles hangs the run; a test that needs longer says so itself.
      '--test-timeout=60000',
      `--test-reporter=${path.join(import.meta.dirname, 'summary-reporter.ts')}`,
      `--import=${path.join(import.meta.dirname, 'report-open-handles.ts')}`,
      ...options,
      ...files,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      // One process per file is affordable because compiled code is kept between them.
      env: { NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'node'), ...process.env },
    },
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`${process.execPath} did not start: ${error.message}`))
  child.on('close', (code) => {
    process.exitCode = code ?? 1
  })
}

function isUnder(file: string, filter: string): boolean {
  const folder = path.relative(root, path.resolve(filter)).split(path.sep).join('/')
  return folder === '' || file === folder || file.startsWith(`${folder}/`) || file.includes(filter)
}

function fail(message: string): void {
  console.error(message)
  process.exitCode = 1
}
