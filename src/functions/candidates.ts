import { createHash } from 'node:crypto'
import type { FunctionEventName, PlannedCandidate, PlannedEventFunction } from '../planned-functions.ts'
import type { Attempt } from './attempt.ts'

/** How a candidate has done so far. */
export interface CandidateState {
  readonly name: string
  readonly live: string
  readonly event: FunctionEventName
  readonly mode: 'shadow' | 'weight'
  runs: number
  failures: number
  /** Shadow runs whose result was another one than that of the live function. */
  differences: number
  totalMs: number
  /** Why it was switched off; undefined while it is on. */
  off: string | undefined
  /** The latest differences and failures. */
  readonly latest: { readonly requestId: string; readonly says: string }[]
}

const MAX_LATEST = 20

/** What has been learned about candidates, by function and settings. Outlives a reload; an edited candidate starts anew. */
export class Candidates {
  readonly #states = new Map<string, CandidateState>()
  readonly #keys = new WeakMap<PlannedEventFunction, string>()
  readonly #report: (says: string) => void

  constructor(report: (says: string) => void) {
    this.#report = report
  }

  get all(): readonly CandidateState[] {
    return [...this.#states.values()]
  }

  stateOf(slot: PlannedEventFunction, candidate: PlannedCandidate, event: FunctionEventName): CandidateState {
    let key = this.#keys.get(slot)
    if (key === undefined) {
      const { mode, weight, maxErrorRate, maxMeanMs, minRuns } = candidate
      key = [
        event,
        slot.live.identity,
        candidate.function.identity,
        mode,
        weight,
        maxErrorRate,
        maxMeanMs,
        minRuns,
      ].join()
      this.#keys.set(slot, key)
    }
    let state = this.#states.get(key)
    if (state === undefined) {
      state = {
        name: candidate.function.name,
        live: slot.live.name,
        event,
        mode: candidate.mode,
        runs: 0,
        failures: 0,
        differences: 0,
        totalMs: 0,
        off: undefined,
        latest: [],
      }
      this.#states.set(key, state)
    }
    return state
  }

  /** Counts a run, and switches the candidate off when it does worse than its bounds. */
  judge(candidate: PlannedCandidate, state: CandidateState, requestId: string, run: Attempt): void {
    state.runs++
    state.totalMs += run.durationMs
    if (run.fault !== undefined) {
      state.failures++
      remember(state, requestId, run.fault.message)
    }
    if (state.off !== undefined || state.runs < candidate.minRuns) return
    const errorRate = state.failures / state.runs
    const meanMs = state.totalMs / state.runs
    if (errorRate > candidate.maxErrorRate)
      state.off = `${state.failures} of ${state.runs} runs failed, more than ${percent(candidate.maxErrorRate)}; the last: ${state.latest.at(-1)?.says ?? ''}`
    else if (meanMs > candidate.maxMeanMs)
      state.off = `a run takes ${meanMs.toFixed(1)} ms on average, more than ${candidate.maxMeanMs}`
    if (state.off !== undefined)
      this.#report(
        `the candidate ${state.name} of ${state.live} at ${state.event} is switched off: ${state.off}`,
      )
  }

  /** Compares a shadow run with what was served. */
  compare(state: CandidateState, requestId: string, live: ResultParts, shadow: Attempt): void {
    const difference = differenceOf(live, partsOf(shadow))
    if (difference === undefined) return
    state.differences++
    remember(state, requestId, difference)
  }
}

/** Whether a client is among the given percentage: always the same ones, and others for another candidate. */
export function isChosen(client: string, salt: string, percentage: number): boolean {
  if (percentage >= 100) return true
  if (percentage <= 0) return false
  const digest = createHash('sha1').update(salt).update('\0').update(client).digest()
  return digest.readUInt32BE(0) / 0x1_0000_0000 < percentage / 100
}

/** The first thing in which two results differ, as a sentence; undefined when they are the same. */
export function differenceOf(ours: ResultParts, theirs: ResultParts): string | undefined {
  for (const [what, value] of ours) {
    const other = theirs.get(what)
    if (other !== value) return `${what}: ${value} before, ${other ?? 'none'} now`
  }
  for (const [what, value] of theirs) if (!ours.has(what)) return `${what}: none before, ${value} now`
  return undefined
}

/** What of a result is compared, by name. */
export type ResultParts = ReadonlyMap<string, string>

/** Takes down a result, because what was served is changed by later stages. */
export function partsOf({ change, fault }: Attempt): ResultParts {
  const parts = new Map<string, string>()
  if (fault !== undefined) parts.set('fault', fault.code)
  if (change === undefined) return parts
  parts.set('result', change.kind)
  if (change.kind === 'response') parts.set('status', String(change.status))
  else {
    if (change.uri !== undefined) parts.set('uri', change.uri)
    if (change.query !== undefined) parts.set('query', change.query)
    if (change.origin !== undefined) parts.set('origin', JSON.stringify(change.origin))
    if (change.route !== undefined)
      parts.set('origins', change.route.origins.map(({ domainName }) => domainName).join(', '))
  }
  const { raw } = change.headers
  for (let i = 0; i < raw.length; i += 2) {
    const name = `header ${raw[i]!.toLowerCase()}`
    const before = parts.get(name)
    parts.set(name, before === undefined ? raw[i + 1]! : `${before}, ${raw[i + 1]!}`)
  }
  if (change.body !== undefined)
    parts.set(
      'body',
      `${change.body.length} bytes, sha1 ${createHash('sha1').update(change.body).digest('hex')}`,
    )
  return parts
}

function remember(state: CandidateState, requestId: string, says: string): void {
  state.latest.push({ requestId, says })
  if (state.latest.length > MAX_LATEST) state.latest.shift()
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
