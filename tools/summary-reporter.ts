import path from 'node:path'
import type { EventData } from 'node:test'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

/**
 * A reporter for `node --test`: a line per file instead of a line per test, everything about tests that fail, the
 * reasons of skipped ones, and the runner's own closing lines (`tests N`, `pass N`, `fail N`, …).
 * A run in which no test ran sets exit code 1.
 */
export default async function* summarize(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped: string[] = []
  const failed: string[] = []
  let ran = 0
  for await (const { type, data } of source) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message
    if (type === 'test:diagnostic' && data.nesting === 0 && data.file === undefined)
      yield `ℹ ${data.message}\n`
    if ((type === 'test:fail' || type === 'test:pass') && !isFile(data)) ran++
    if (type === 'test:pass' && data.skip !== undefined && data.skip !== false) {
      skipped.push(`${titleOf(data)} (${data.skip === true ? 'no reason given' : data.skip})`)
    }
    if (type === 'test:fail' && isReported(data)) {
      failed.push(titleOf(data))
      yield `✖ ${titleOf(data)}\n${indent(describeError(data.details.error))}\n`
    }
    if (type === 'test:summary' && data.file !== undefined) yield fileLine(data.file, data)
    if (type === 'test:summary' && data.file === undefined) {
      if (skipped.length > 0) yield `\nskipped:\n${skipped.map((title) => `  ${title}\n`).join('')}`
      if (failed.length > 0) yield `\nfailed:\n${failed.map((title) => `  ✖ ${title}\n`).join('')}`
      if (ran > 0) continue
      yield '\nno test ran, and a run without tests fails\n'
      process.exitCode = 1
    }
  }
}

function fileLine(file: string, { counts, success, duration_ms: ms }: EventData.TestSummary): string {
  const tests = `${String(counts.tests).padStart(4)} test${counts.tests === 1 ? ' ' : 's'}`
  return `${success ? 'ok  ' : 'FAIL'} ${tests} ${String(Math.round(ms)).padStart(6)} ms  ${relative(file)}\n`
}

function titleOf(test: EventData.TestFail | EventData.TestPass): string {
  const { name, file, line } = test
  if (file === undefined) return name
  return isFile(test) ? relative(file) : `${relative(file)}:${line ?? ''} ${name}`
}

/** The runner counts a file that crashes, or that holds no test, as a test of its own with the path as its name. */
function isFile({ name, file }: EventData.TestFail | EventData.TestPass): boolean {
  return file !== undefined && (name === file || name === relative(file))
}

/** A parent fails with its subtests, which have said why, and what is marked `todo` may fail. */
function isReported({ details, todo }: EventData.TestFail): boolean {
  if (todo !== undefined && todo !== false) return false
  return !('failureType' in details.error) || details.error.failureType !== 'subtestsFailed'
}

/** The runner wraps what a test threw: the cause is what the reader wants, without the runner's own stack frames. */
function describeError(error: EventData.Error): string {
  const cause: unknown = error.cause
  if (typeof cause !== 'object' || cause === null) return typeof cause === 'string' ? cause : error.message
  return inspect(cause, { depth: 5 }).replace(
    /\n +at (?:async )?(?:[^\n(]*\()?node:internal\/[^\n{]*(?=\n| \{|$)/g,
    '',
  )
}

function relative(file: string): string {
  return path.relative(process.cwd(), file)
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}
