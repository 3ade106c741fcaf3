import { newShelfCounts, type Shelf } from './shelf.ts'
import type { Upgrades } from './upgrades.ts'

/** What variants and slow formats have to tell, in the text format of Prometheus. */
export function variantMetrics(shelves: readonly Shelf[], upgrades: Upgrades | undefined): readonly string[] {
  const lines: string[] = []
  if (shelves.length > 0) {
    const total = newShelfCounts()
    let bytes = 0
    for (const shelf of shelves) {
      bytes += shelf.bytes
      for (const [name, count] of Object.entries(shelf.counts)) total[name as keyof typeof total] += count
    }
    lines.push(
      '# HELP edgeward_images_variants_total Kept variants, by what became of them.',
      '# TYPE edgeward_images_variants_total counter',
      ...Object.entries(total).map(([name, n]) => `edgeward_images_variants_total{event="${name}"} ${n}`),
      '# HELP edgeward_images_variants_bytes Bytes of kept variants, as far as this process has looked.',
      '# TYPE edgeward_images_variants_bytes gauge',
      `edgeward_images_variants_bytes ${bytes}`,
    )
  }
  if (upgrades !== undefined)
    lines.push(
      '# HELP edgeward_images_upgrades_total Slow formats made in the background, by outcome; dropped had no place to wait.',
      '# TYPE edgeward_images_upgrades_total counter',
      ...Object.entries(upgrades.counts).map(
        ([name, n]) => `edgeward_images_upgrades_total{outcome="${name}"} ${n}`,
      ),
      '# HELP edgeward_images_upgrades_waiting Slow formats that wait to be made.',
      '# TYPE edgeward_images_upgrades_waiting gauge',
      `edgeward_images_upgrades_waiting ${upgrades.waiting}`,
    )
  return lines
}
