/** Upper bounds of the latency buckets, in seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const

/** How often a duration fell between which bounds. */
export class Histogram {
  readonly buckets = new Float64Array(BOUNDS.length + 1)
  seconds = 0

  add(seconds: number): void {
    let bucket = 0
    while (bucket < BOUNDS.length && seconds > BOUNDS[bucket]!) bucket++
    this.buckets[bucket]!++
    this.seconds += seconds
  }
}

export type Labels = Readonly<Record<string, string>>

/** Writes metrics in the text format of Prometheus, version 0.0.4. */
export class MetricsPage {
  readonly #lines: string[] = []

  gauge(name: string, help: string, value: number): void {
    this.#head(name, 'gauge', help)
    this.#lines.push(`${name} ${value}`)
  }

  gauges(name: string, help: string, values: readonly (readonly [labels: Labels, value: number])[]): void {
    this.#head(name, 'gauge', help)
    for (const [labels, value] of values) this.#lines.push(`${name}${written(labels)} ${value}`)
  }

  counter(name: string, help: string, values: readonly (readonly [labels: Labels, value: number])[]): void {
    this.#head(name, 'counter', help)
    for (const [labels, value] of values) this.#lines.push(`${name}${written(labels)} ${value}`)
  }

  histogram(
    name: string,
    help: string,
    values: readonly (readonly [labels: Labels, histogram: Histogram])[],
  ): void {
    this.#head(name, 'histogram', help)
    for (const [labels, { buckets, seconds }] of values) {
      let sum = 0
      for (const [index, number] of buckets.entries()) {
        sum += number
        const le = index < BOUNDS.length ? String(BOUNDS[index]) : '+Inf'
        this.#lines.push(`${name}_bucket${written({ ...labels, le })} ${sum}`)
      }
      this.#lines.push(`${name}_sum${written(labels)} ${seconds}`, `${name}_count${written(labels)} ${sum}`)
    }
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  #head(name: string, type: string, help: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
  }
}

function written(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  )
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}
