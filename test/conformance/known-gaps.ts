/** Cases of public suites that do not pass here, and why. An entry that starts to pass fails the run. */
export interface KnownGap {
  readonly suite: 'secrules' | 'crs'
  readonly id: string
  readonly reason: string
}

export const knownGaps: readonly KnownGap[] = []

export function gapOf(suite: KnownGap['suite'], id: string): KnownGap | undefined {
  return knownGaps.find((gap) => gap.suite === suite && gap.id === id)
}

/** The ids of a suite that are listed; a run takes out those it met. */
export function openGaps(suite: KnownGap['suite']): Set<string> {
  return new Set(knownGaps.filter((gap) => gap.suite === suite).map((gap) => gap.id))
}
