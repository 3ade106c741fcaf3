import type { Dialect } from './task.ts'

/** A dialect whose requests have a quality chosen for each picture where they name none. Originals stay as they are. */
export function withAutomaticQuality(dialect: Dialect): Dialect {
  return {
    ...dialect,
    decode(request) {
      const task = dialect.decode(request)
      const { edits, output } = task
      if (edits.length === 0 && output.format === undefined && Object.keys(output.options).length === 0)
        return task
      const quality = { isAutomatic: true, factor: output.quality?.factor ?? 1 }
      return { ...task, output: { ...output, quality } }
    },
  }
}
