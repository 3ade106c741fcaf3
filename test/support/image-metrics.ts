import type { RunningEdge } from './running-edge.ts'

/** The number behind a line of metrics that begins with `edgeward_images_`. */
export function metric(edge: RunningEdge, line: string): number {
  const found = edge.edge
    .metricsText()
    .split('\n')
    .find((each) => each.startsWith(`edgeward_images_${line} `))
  return Number(found?.split(' ')[1])
}

/** Pictures that were decoded for viewers. */
export const processed = (edge: RunningEdge) => metric(edge, 'total{outcome="done"}')
export const variants = (edge: RunningEdge, event: string) => metric(edge, `variants_total{event="${event}"}`)
