import { inUnits, weight } from '../optimise/tally.ts'
import type { FollowedOptimiser } from './follow-optimiser.ts'
import type { Failure, Tried } from './ledger.ts'
import type { OptimiserState } from './upload-optimiser.ts'

/** What operators are told of an optimiser: plain data, for the control API. */
export interface OptimiserReport extends Partial<OptimiserState> {
  readonly name: string
  /** False while another process does the work. */
  readonly isWorking: boolean
  readonly failures: readonly Failure[]
  /** Pictures that failed and will be tried again, with how often they were. */
  readonly tried: readonly Pick<Tried, 'key' | 'attempts'>[]
  /** Failures that are not listed. */
  readonly more: number
}

const LISTED = 1_000

export function reportOf({ name, optimiser, failures, tried }: FollowedOptimiser): OptimiserReport {
  const all = failures()
  return {
    name,
    isWorking: optimiser() !== undefined,
    ...optimiser()?.state,
    failures: all.slice(0, LISTED),
    tried: tried().slice(0, LISTED).map(triesOf),
    more: Math.max(0, all.length - LISTED),
  }
}

/** Without the version, which tells people nothing. */
export function triesOf({ key, attempts }: Tried): OptimiserReport['tried'][number] {
  return { key, attempts }
}

/** The same as lines for people. */
export function printReport(report: OptimiserReport): readonly string[] {
  const {
    name,
    isWorking,
    made,
    kept,
    removed,
    waiting,
    working,
    retrying,
    settling,
    bytesBefore,
    after,
    scannedAt,
  } = report
  const lines: string[] = []
  if (made !== undefined) {
    lines.push(`${name}: ${made} made, ${kept} found done, ${waiting} waiting, ${working} at work`)
    if (removed) lines.push(`  ${removed} removed with their originals`)
    if (retrying) lines.push(`  ${retrying} will be tried again`)
    if (settling) lines.push(`  ${settling} may still be written`)
    if (bytesBefore) {
      lines.push(`  originals  ${inUnits(bytesBefore)}`)
      for (const each of after ?? [])
        lines.push(`  ${each.name} ${each.format}  ${weight(each.format, each.bytes, bytesBefore)}`)
    }
    if (scannedAt !== undefined) lines.push(`  looked through at ${new Date(scannedAt).toISOString()}`)
  } else lines.push(`${name}: ${isWorking ? 'working' : 'not working here'}`)
  for (const { key, attempts } of report.tried)
    lines.push(`  TRIED ${key}: ${attempts === 1 ? 'once' : `${attempts} times`}, and will be again`)
  for (const { key, kind, code, why, attempts, at } of report.failures) {
    const tries = attempts > 1 ? ` (${attempts} tries)` : ''
    lines.push(`  ${kind.toUpperCase()} ${key}: ${code}: ${why}${tries} ${new Date(at).toISOString()}`)
  }
  if (report.more > 0) lines.push(`  and ${report.more} more`)
  return lines
}
