/**
 * The sample events of AWS's own collections of CloudFront Functions and Lambda@Edge through the runner: an equivalent
 * function for each, and every field of what it gives compared. Events are read from `edge-events/` of the corpora.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { systemClock, type Clock } from '../../src/base/clock.ts'
import { openTrial, type Trial } from '../../src/functions/trial/trial.ts'
import {
  cloudFrontCases,
  lambdaCases,
  SAMPLE_NOW,
  type SampleCase,
  storeContent,
} from './support/edge-functions.ts'

const corpora = process.env['EDGEWARD_CORPORA'] ?? path.join(import.meta.dirname, '../../../shared/corpora')
const events = path.join(corpora, 'edge-events')
const sampleClock: Clock = { ...systemClock, now: () => SAMPLE_NOW }

if (!existsSync(events)) {
  console.log(`there are no sample events in ${events}; set EDGEWARD_CORPORA`)
  console.log('RESULT name=functions skipped=corpora')
} else {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgeward-conformance-'))
  writeFileSync(path.join(folder, 'store.json'), JSON.stringify(storeContent))
  try {
    const cloudFront = await runAll('functions', cloudFrontCases, folder)
    const lambda = await runAll('lambda-edge', lambdaCases, folder)
    const passed = cloudFront.passed + lambda.passed
    const total = cloudFront.total + lambda.total
    if (passed < total || total === 0) process.exitCode = 1
    console.log(
      `RESULT name=functions passed=${passed} total=${total} cloudfront=${cloudFront.passed} cloudfront_total=${cloudFront.total} lambda_edge=${lambda.passed} lambda_edge_total=${lambda.total}`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runAll(
  kind: 'functions' | 'lambda-edge',
  cases: Readonly<Record<string, SampleCase>>,
  folder: string,
): Promise<{ readonly passed: number; readonly total: number }> {
  const names = readdirSync(path.join(events, kind))
    .filter((name) => name.endsWith('.json'))
    .sort()
  let passed = 0
  console.log(`\n${kind}: ${names.length} sample events`)
  for (const file of names) {
    const name = path.basename(file, '.json')
    const event: unknown = JSON.parse(readFileSync(path.join(events, kind, file), 'utf8'))
    const wrong = await runOne(kind, cases[name], event, folder)
    if (wrong.length === 0) passed++
    console.log(`${wrong.length === 0 ? 'ok  ' : 'FAIL'} ${name}`)
    for (const says of wrong) console.log(`       ${says}`)
  }
  return { passed, total: names.length }
}

async function runOne(
  kind: 'functions' | 'lambda-edge',
  sample: SampleCase | undefined,
  event: unknown,
  folder: string,
): Promise<string[]> {
  if (sample === undefined) return ['there is no function for this event']
  const file = path.join(folder, kind === 'functions' ? 'function.js' : 'index.js')
  writeFileSync(file, sample.source)
  const given =
    kind === 'functions' ? { cloudFront: file, keyValueStore: 'store.json' } : { lambdaEdge: file }
  await using opened = await openTrial(given, {
    folder,
    ...(kind === 'functions' ? { clock: sampleClock } : {}),
  })
  const wrong = compare(await opened.run(event, sample.at), sample)
  if (kind === 'lambda-edge') return wrong
  // Both ways to run a CloudFront Function agree.
  await using inline = await openTrial({ ...given, run: 'inline' }, { folder, clock: sampleClock })
  return [...wrong, ...compare(await inline.run(event, sample.at), sample).map((says) => `inline: ${says}`)]
}

function compare(trial: Trial, sample: SampleCase): string[] {
  const wrong: string[] = []
  if (trial.fault !== undefined) wrong.push(trial.fault.message)
  if (trial.result !== sample.result)
    wrong.push(`the result is a ${trial.result}, expected a ${sample.result}`)
  // Tokens are long, and their text is not the point.
  const changes = trial.changes.map((line) => line.replace(/jwt=[\w.-]+/, 'JWT'))
  for (const line of changes) if (!sample.changes.includes(line)) wrong.push(`unexpected: ${line}`)
  for (const line of sample.changes) if (!changes.includes(line)) wrong.push(`missing: ${line}`)
  if (sample.body !== undefined && trial.body !== sample.body)
    wrong.push(`the body is ${JSON.stringify(trial.body)}, expected ${JSON.stringify(sample.body)}`)
  if (sample.origin !== undefined && !holds(trial.origin, sample.origin))
    wrong.push(`the origin is ${JSON.stringify(trial.origin)}, expected ${JSON.stringify(sample.origin)}`)
  return wrong
}

function holds(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return whole === part
  if (typeof whole !== 'object' || whole === null) return false
  const fields = whole as Readonly<Record<string, unknown>>
  return Object.entries(part).every(([key, value]) => holds(fields[key], value))
}
