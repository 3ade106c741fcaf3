import type { Followed } from './follow.ts'

/** Lines in the text format of Prometheus. */
export function metricsText(followed: readonly Followed[]): string {
  if (followed.length === 0) return ''
  const series = (name: string, type: string, help: string, value: (each: Followed) => number): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...followed.map((each) => `${name}{feed="${each.name}"} ${value(each)}`),
  ]
  return [
    ...series(
      'edgeward_ip_ranges_runs_total',
      'counter',
      'Times that the list was looked at.',
      ({ feed }) => feed.counts.runs,
    ),
    ...series(
      'edgeward_ip_ranges_refused_total',
      'counter',
      'Lists that changed nothing because they were refused.',
      ({ feed }) => feed.counts.refused,
    ),
    ...series(
      'edgeward_ip_ranges_changes_total',
      'counter',
      'Calls that changed a target.',
      ({ feed }) => feed.counts.changes,
    ),
    ...series(
      'edgeward_ip_ranges_failures_total',
      'counter',
      'Targets that could not be changed.',
      ({ feed }) => feed.counts.failures,
    ),
    ...series(
      'edgeward_ip_ranges_messages_refused_total',
      'counter',
      'Notifications that were refused.',
      (each) => each.refusedMessages(),
    ),
    ...series(
      'edgeward_ip_ranges_ranges',
      'gauge',
      'Ranges of the list that was taken last.',
      ({ feed }) => feed.known.ranges?.length ?? 0,
    ),
    ...series(
      'edgeward_ip_ranges_equal_timestamp_seconds',
      'gauge',
      'When every target was last found equal or made so.',
      ({ feed }) => (feed.known.equalAt ?? 0) / 1000,
    ),
    ...series(
      'edgeward_ip_ranges_alarm',
      'gauge',
      '1 while the last run was refused or failed.',
      ({ feed }) => (feed.known.alarm === undefined ? 0 : 1),
    ),
  ].join('\n')
}
