import type { FollowedOptimiser } from './follow-optimiser.ts'
import type { OptimiserState } from './upload-optimiser.ts'

/** Lines in the text format of Prometheus; nothing where nothing is at work. */
export function metricsText(followed: readonly FollowedOptimiser[]): string {
  const states = followed.flatMap((each) => {
    const state = each.optimiser()?.state
    return state === undefined ? [] : [{ each, state }]
  })
  if (states.length === 0) return ''
  const head = (name: string, type: string, help: string) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
  ]
  const gauge = (
    name: string,
    help: string,
    value: (state: OptimiserState, each: FollowedOptimiser) => number,
  ) => [
    ...head(name, 'gauge', help),
    ...states.map(({ each, state }) => `${name}{optimiser="${each.name}"} ${value(state, each)}`),
  ]
  const outcomes = ['made', 'kept', 'removed', 'rejected', 'failed'] as const
  return [
    ...head(
      'edgeward_optimiser_pictures_total',
      'counter',
      'Pictures since the start, by how they ended; kept ones were done before, removed ones were deleted.',
    ),
    ...states.flatMap(({ each, state }) =>
      outcomes.map(
        (outcome) =>
          `edgeward_optimiser_pictures_total{optimiser="${each.name}",outcome="${outcome}"} ${state[outcome]}`,
      ),
    ),
    ...head('edgeward_optimiser_original_bytes_total', 'counter', 'Bytes of the originals that are done.'),
    ...states.map(
      ({ each, state }) =>
        `edgeward_optimiser_original_bytes_total{optimiser="${each.name}"} ${state.bytesBefore}`,
    ),
    ...head('edgeward_optimiser_result_bytes_total', 'counter', 'Bytes of what was made of them.'),
    ...states.flatMap(({ each, state }) =>
      state.after.map(
        ({ name, format, bytes }) =>
          `edgeward_optimiser_result_bytes_total{optimiser="${each.name}",size="${name}",format="${format}"} ${bytes}`,
      ),
    ),
    ...gauge('edgeward_optimiser_waiting', 'Pictures that wait.', ({ waiting }) => waiting),
    ...gauge(
      'edgeward_optimiser_retrying',
      'Pictures that are tried again later.',
      ({ retrying }) => retrying,
    ),
    ...gauge(
      'edgeward_optimiser_failures',
      'Pictures that are recorded as rejected or failed.',
      (_, each) => each.failures().length,
    ),
    ...gauge(
      'edgeward_optimiser_refused_messages',
      'Messages that were refused or not understood.',
      (_, each) => each.refusedMessages() + (each.consumer()?.unknown ?? 0),
    ),
  ].join('\n')
}
