import type { Published } from './document.ts'
import { countAddresses, type Range } from './ranges.ts'

/** Why a document changes nothing: a closed list. */
export type Refusal = 'empty' | 'older' | 'shrinks'

export type Judgement =
  | { readonly kind: 'take' }
  | { readonly kind: 'refuse'; readonly why: Refusal; readonly message: string }

/** The last document that was taken. */
export interface Taken {
  readonly publishedAt: number | undefined
  readonly ranges: readonly Range[]
}

/** Decides whether a document may follow the last one. `maxShrink` is the part of the addresses of a family that may go at once. */
export function judgeDocument(next: Published, last: Taken | undefined, maxShrink: number): Judgement {
  if (next.ranges.length === 0) return refuse('empty', 'it has no range that is wanted')
  if (last === undefined) return { kind: 'take' }
  if (next.publishedAt !== undefined && last.publishedAt !== undefined && next.publishedAt < last.publishedAt)
    return refuse(
      'older',
      `it was published at ${isoOf(next.publishedAt)}, before the last one (${isoOf(last.publishedAt)})`,
    )
  for (const family of [4, 6] as const) {
    const before = last.ranges.filter((range) => range.family === family).length
    const after = next.ranges.filter((range) => range.family === family).length
    const addressesBefore = countAddresses(last.ranges, family)
    const addressesAfter = countAddresses(next.ranges, family)
    // Addresses, not ranges: fewer ranges for the same addresses are an aggregation.
    if (isBelow(addressesBefore, addressesAfter, maxShrink))
      return refuse(
        'shrinks',
        `IPv${family} would go from ${before} to ${after} ranges (${addressesBefore} to ${addressesAfter} addresses); at most ${Math.round(maxShrink * 100)} % may go at once`,
      )
  }
  return { kind: 'take' }
}

function isBelow(before: bigint, after: bigint, maxShrink: number): boolean {
  const PARTS = 1_000_000
  return after * BigInt(PARTS) < before * BigInt(Math.round((1 - maxShrink) * PARTS))
}

function refuse(why: Refusal, message: string): Judgement {
  return { kind: 'refuse', why, message }
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
