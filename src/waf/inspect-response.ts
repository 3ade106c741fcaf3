import { type Awaitable, isPromise } from '../base/promise.ts'
import type { EdgeResponse } from '../visit.ts'
import { applyExternal } from './evaluate.ts'
import type { Evaluation, GroupOutcome, ResponseRun, RuleHit } from './evaluation.ts'
import type { PlannedAction } from './plan.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * Shows a response to the groups that wait for it, as much of its body as they want; the body stays whole. Gives what
 * the web ACL decides about the response, or undefined where nothing matched.
 */
export function inspectResponse(
  evaluation: Evaluation,
  response: EdgeResponse,
): Awaitable<Evaluation | undefined> {
  let wanted = 0
  for (const { run } of evaluation.responseRuns) {
    wanted = Math.max(wanted, run.responseBodyBytes?.(response.status, response.headers) ?? 0)
  }
  if (wanted === 0 || response.body.kind === 'none') return judge(evaluation, response, NO_BYTES, false)
  const peeked = response.body.peek(wanted + 1)
  const judgeBytes = (bytes: Buffer): Evaluation | undefined =>
    judge(evaluation, response, bytes.subarray(0, wanted), bytes.length > wanted)
  return isPromise(peeked) ? peeked.then(judgeBytes) : judgeBytes(peeked)
}

function judge(
  evaluation: Evaluation,
  response: EdgeResponse,
  body: Buffer,
  isCut: boolean,
): Evaluation | undefined {
  const { status, headers } = response
  const labels = [...evaluation.labels]
  const groups: GroupOutcome[] = []
  const counted: RuleHit[] = []
  for (const waiting of evaluation.responseRuns) {
    const outcome = outcomeOf(waiting)
    for (const found of waiting.run.inspectResponse?.({ status, headers, body, isCut }) ?? []) {
      const { hit, action } = applyExternal(found, waiting.group)
      for (const label of found.labels) if (!labels.includes(label)) labels.push(label)
      if (action.kind === 'count') {
        if (waiting.group.excluded.has(found.rule)) outcome.excluded.push(hit)
        else outcome.counted.push(hit)
        continue
      }
      if (waiting.reference.countsOnly) {
        const downgraded: RuleHit = { ...hit, action: 'count', overridden: hit.overridden ?? hit.action }
        outcome.terminating = downgraded
        counted.push({ ...downgraded, rule: waiting.reference.name })
        break
      }
      outcome.terminating = hit
      groups.push(outcome)
      return decided(evaluation, waiting, hit, action, { labels, groups, counted })
    }
    if (outcome.terminating !== undefined || outcome.counted.length + outcome.excluded.length > 0)
      groups.push(outcome)
  }
  if (groups.length === 0) return undefined
  return { ...evaluation, labels, groups, counted, rates: [], inserted: [] }
}

function decided(
  evaluation: Evaluation,
  waiting: ResponseRun,
  hit: RuleHit,
  planned: PlannedAction,
  more: Pick<Evaluation, 'labels' | 'groups' | 'counted'>,
): Evaluation {
  // A response cannot be challenged: whatever ends it refuses it, unless it is let through.
  const action = planned.kind === 'allow' ? 'allow' : 'block'
  const { reference: terminating } = waiting
  return { ...evaluation, ...more, action, terminating, hit, planned, rates: [], inserted: [] }
}

function outcomeOf({ group, reference }: ResponseRun): GroupOutcome {
  return { group: group.group, reference: reference.name, terminating: undefined, counted: [], excluded: [] }
}
