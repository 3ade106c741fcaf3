import type { FeedState } from './feed-files.ts'
import type { RunOutcome, TargetOutcome } from './feed.ts'

/** Lines of one side of a diff that are shown unless all are asked for. */
const SHOWN = 20

/** A plan, or what was done, as a person reads it. */
export function printOutcome(
  feed: string,
  { look, targets }: RunOutcome,
  { isDone, isWhole }: { readonly isDone: boolean; readonly isWhole: boolean },
): readonly string[] {
  if (look.kind === 'refused') return [`${feed}: refused, nothing is changed: ${look.why}: ${look.message}`]
  const { publishedAt } = look.next
  const published = publishedAt === undefined ? '' : `, published ${isoOf(publishedAt * 1000)}`
  return [
    `${feed}: ${look.ranges.length} ranges${published}${look.isNew ? '' : ' (as before)'}`,
    ...targets.flatMap((target) => printTarget(target, isDone, isWhole)),
  ]
}

function printTarget({ target, plan, failure }: TargetOutcome, isDone: boolean, isWhole: boolean): string[] {
  if (plan === undefined) return [`  ${target}`, `    failed: ${failure}`]
  if (plan.steps.length === 0) return [`  ${target}`, '    is equal']
  const shown = (sign: string, texts: readonly string[]): string[] => {
    const limit = isWhole || texts.length <= SHOWN + 1 ? texts.length : SHOWN
    const rest = texts.length - limit
    return [
      ...texts.slice(0, limit).map((text) => `    ${sign} ${text}`),
      ...(rest > 0 ? [`    ${sign} … ${rest} more (--all shows them)`] : []),
    ]
  }
  const calls = plan.steps.length === 1 ? '1 call' : `${plan.steps.length} calls`
  const summary = isDone
    ? `${plan.add.length} added, ${plan.remove.length} removed, in ${calls}:`
    : `${plan.add.length} to add, ${plan.remove.length} to remove, in ${calls}:`
  return [
    `  ${target}`,
    ...shown('+', plan.add),
    ...shown('-', plan.remove),
    `    ${summary}`,
    ...plan.steps.map(
      ({ says }, index) => `    ${String(index + 1).padStart(String(plan.steps.length).length)}. ${says}`,
    ),
  ]
}

/** What is known of a feed. */
export function printState(feed: string, state: FeedState): readonly string[] {
  const { ranges, publishedAt, takenAt, equalAt, md5, alarm } = state
  if (takenAt === undefined)
    return [`${feed}: no list was taken yet`, ...(alarm === undefined ? [] : [alarmLine(alarm)])]
  return [
    `${feed}: ${ranges?.length ?? 0} ranges, taken ${isoOf(takenAt)}`,
    ...(publishedAt === undefined ? [] : [`  published  ${isoOf(publishedAt * 1000)}`]),
    ...(md5 === undefined ? [] : [`  md5        ${md5}`]),
    `  targets    ${equalAt === undefined ? 'not equal yet' : `equal at ${isoOf(equalAt)}`}`,
    ...(alarm === undefined ? [] : [alarmLine(alarm)]),
  ]
}

function alarmLine({ since, why, message }: NonNullable<FeedState['alarm']>): string {
  return `  ALARM      since ${isoOf(since)}: ${why}: ${message}`
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
