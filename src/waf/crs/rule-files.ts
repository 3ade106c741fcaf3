import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Reads rule files and the data files they name. Replaced in tests. */
export interface RuleFiles {
  /** The bytes of a file as latin1 text; undefined where it cannot be read. */
  read(file: string): string | undefined
  /** Files a path or pattern names, seen from the file that names it, in the order of their names. */
  find(pattern: string, from: string): readonly string[]
}

/** The files of this machine. */
export const diskFiles: RuleFiles = {
  read(file) {
    try {
      return readFileSync(file, 'latin1')
    } catch {
      // The caller says which directive wanted it.
      return undefined
    }
  },
  find(pattern, from) {
    const full = path.resolve(path.dirname(from), pattern)
    return globSync(full).sort()
  },
}
