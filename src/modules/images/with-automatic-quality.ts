import type { Dialect } from './task.ts'
import { isUntouched } from './untouched.ts'

/** A dialect whose requests have a quality chosen for each picture where they name none. Originals stay as they are. */
export function withAutomaticQuality(dialect: Dialect): Dialect {
  return {
    ...dialect,
    decode(request) {
      const task = dialect.decode(request)
      const { edits, output } = task
      if (isUntouched(edits, output)) return task
      const quality = { isAutomatic: true, factor: output.quality?.factor ?? 1 }
      return { ...task, output: { ...output, quality } }
    },
  }
}
