import { existsSync } from 'node:fs'
import path from 'node:path'

/**
 * The folder of a corpus, or undefined where this machine does not have it: below `EDGEWARD_CORPORA`, else in
 * `shared/corpora` beside the repository.
 */
export function corpus(name: string): string | undefined {
  const root = process.env['EDGEWARD_CORPORA'] ?? path.join(import.meta.dirname, '../../../shared/corpora')
  const folder = path.join(root, name)
  return existsSync(folder) ? folder : undefined
}
