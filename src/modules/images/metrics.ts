import type { Engine } from './service.ts'
import type { ByteShelf } from './source/byte-shelf.ts'
import type { SourceCache } from './source/source-cache.ts'

/** Lines of Prometheus about the engine, without a line end at the end. */
export function metricsOf({ pool, gate }: Engine, shelf: ByteShelf, sources: SourceCache): string {
  const { hits, confirmed, misses } = sources.counts
  const use = (result: string, count: number) => `edgeward_images_sources_total{result="${result}"} ${count}`
  const { done, failed, crashed, timedOut, outOfMemory } = pool.counts
  const line = (outcome: string, count: number) => `edgeward_images_total{outcome="${outcome}"} ${count}`
  return [
    '# HELP edgeward_images_total Pictures processed, by outcome.',
    '# TYPE edgeward_images_total counter',
    line('done', done),
    line('failed', failed),
    line('crashed', crashed),
    line('timeout', timedOut),
    line('memory', outOfMemory),
    '# HELP edgeward_images_waiting Requests that wait for an image process.',
    '# TYPE edgeward_images_waiting gauge',
    `edgeward_images_waiting ${gate.waiting}`,
    '# HELP edgeward_images_inside Requests whose source is being fetched or whose picture is being processed.',
    '# TYPE edgeward_images_inside gauge',
    `edgeward_images_inside ${gate.inside}`,
    '# HELP edgeward_images_processes Image processes that run.',
    '# TYPE edgeward_images_processes gauge',
    `edgeward_images_processes ${pool.processes}`,
    '# HELP edgeward_images_shelf_bytes Memory kept for the next sources.',
    '# TYPE edgeward_images_shelf_bytes gauge',
    `edgeward_images_shelf_bytes ${shelf.bytes}`,
    '# HELP edgeward_images_sources_total Originals used: kept and fresh, kept and confirmed by their source, fetched.',
    '# TYPE edgeward_images_sources_total counter',
    use('kept', hits),
    use('confirmed', confirmed),
    use('fetched', misses),
    '# HELP edgeward_images_sources_bytes Memory of the originals that are kept.',
    '# TYPE edgeward_images_sources_bytes gauge',
    `edgeward_images_sources_bytes ${sources.bytes}`,
  ].join('\n')
}
