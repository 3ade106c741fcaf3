import { z } from 'zod'
import { functionSchema } from '../config.ts'
import type { Trial } from './trial.ts'

const header = z.union([z.string(), z.array(z.string()), z.null()])

/** What is expected of a run; what is left out is not looked at. */
export const expectationSchema = z.strictObject({
  result: z.enum(['request', 'response', 'failed']).optional(),
  uri: z.string().optional(),
  querystring: z.string().optional(),
  status: z.number().int().optional(),
  /** By name: the value, all values, or null for a field that must not be there. */
  headers: z.record(z.string(), header).optional(),
  body: z.string().optional(),
  /** The whole `origin`, or a part of it. */
  origin: z.record(z.string(), z.unknown()).optional(),
  /** CloudFront's word for the failure. */
  fault: z.string().optional(),
  /** A part of a sentence about a broken rule, or of the failure. */
  problem: z.string().optional(),
  /** A part of what it writes to its console. */
  log: z.string().optional(),
})

export type Expectation = z.output<typeof expectationSchema>

/** One case: a function, an event, and what is expected. */
export const caseSchema = functionSchema
  .omit({ keyValueStore: true })
  .extend({
    name: z.string().optional(),
    /** The event, or its file. */
    event: z.union([z.string(), z.record(z.string(), z.unknown())]),
    at: z.enum(['viewer-request', 'origin-request', 'origin-response', 'viewer-response']).optional(),
    /** File in AWS's import format. */
    keyValueStore: z.string().optional(),
    expect: expectationSchema,
  })
  .strict()

export type FunctionCase = z.output<typeof caseSchema>

/** In what a run differs from what was expected, one sentence each; empty when it is as expected. */
export function compareTrial(trial: Trial, expected: Expectation): string[] {
  const found: string[] = []
  const same = (what: string, ours: unknown, theirs: unknown) => {
    if (theirs !== undefined && ours !== theirs)
      found.push(`${what} is ${show(ours)}, expected ${show(theirs)}`)
  }
  same('the result', trial.result, expected.result)
  same('uri', trial.uri, expected.uri)
  same('querystring', trial.querystring, expected.querystring)
  same('status', trial.status, expected.status)
  same('body', trial.body, expected.body)
  same('fault', trial.fault?.code, expected.fault)
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const lines = trial.headers[name.toLowerCase()]
    if (value === null && lines !== undefined) found.push(`header ${name} is ${show(lines)}, expected none`)
    else if (typeof value === 'string') same(`header ${name}`, lines?.join(', '), value)
    else if (Array.isArray(value) && JSON.stringify(lines) !== JSON.stringify(value))
      found.push(`header ${name} is ${show(lines)}, expected ${show(value)}`)
  }
  if (expected.origin !== undefined && !contains(trial.origin, expected.origin))
    found.push(`origin is ${show(trial.origin)}, expected ${show(expected.origin)}`)
  const said = [...trial.problems, trial.fault?.message ?? ''].join('\n')
  if (expected.problem !== undefined && !said.includes(expected.problem))
    found.push(`the failure is ${show(said.trim())}, expected it to say ${show(expected.problem)}`)
  const logged = trial.logs.map(({ text }) => text).join('\n')
  if (expected.log !== undefined && !logged.includes(expected.log))
    found.push(`the console says ${show(logged)}, expected ${show(expected.log)} in it`)
  if (
    trial.fault !== undefined &&
    expected.result === undefined &&
    expected.fault === undefined &&
    expected.problem === undefined
  )
    found.push(`it failed: ${trial.fault.message}`)
  return found
}

function show(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value)
}

/** Whether everything that is in `part` is in `whole` with the same value. */
function contains(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return whole === part
  if (typeof whole !== 'object' || whole === null) return false
  const fields = whole as Readonly<Record<string, unknown>>
  return Object.entries(part).every(([key, value]) => contains(fields[key], value))
}
