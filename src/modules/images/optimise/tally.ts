import type { PictureRecord } from './record.ts'

/** What the pictures of a place weigh, before and after. */
export class Tally {
  made = 0
  kept = 0
  bytesBefore = 0
  /** Bytes by size and format. */
  readonly #after = new Map<string, { readonly name: string; readonly format: string; bytes: number }>()

  add({ source, derivatives }: PictureRecord, kind: 'made' | 'kept'): void {
    this[kind]++
    this.bytesBefore += source.bytes
    for (const { name, format, bytes } of derivatives) {
      const id = `${name}.${format}`
      const known = this.#after.get(id)
      if (known === undefined) this.#after.set(id, { name, format, bytes })
      else known.bytes += bytes
    }
  }

  /** In the order in which they were first made. */
  get after(): readonly { readonly name: string; readonly format: string; readonly bytes: number }[] {
    return [...this.#after.values()]
  }

  /** A line for people: originals, and each size in each format with what it saves. */
  lines(): readonly string[] {
    const rows = this.after.map((each) => ({ ...each, label: `${each.name} ${each.format}` }))
    const width = Math.max(9, ...rows.map(({ label }) => label.length))
    return [
      `  ${'originals'.padEnd(width)}  ${inUnits(this.bytesBefore)}`,
      ...rows.map(
        ({ label, format, bytes }) => `  ${label.padEnd(width)}  ${weight(format, bytes, this.bytesBefore)}`,
      ),
    ]
  }
}

/** What results of one size and format weigh together; what is no picture saves nothing. */
export function weight(format: string, bytes: number, before: number): string {
  return format === 'json' ? inUnits(bytes) : `${inUnits(bytes)}, ${less(bytes, before)}`
}

export function inUnits(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(2)} MB`
}

export function less(after: number, before: number): string {
  if (before === 0) return 'nothing to compare'
  const share = (100 * (before - after)) / before
  return share >= 0 ? `${share.toFixed(1)} % less` : `${(-share).toFixed(1)} % more`
}
