import { existsSync } from 'node:fs'
import path from 'node:path'

/** The folder of a corpus, or undefined where this machine does not have it. */
export function corpus(name: string): string | undefined {
  const root = process.env['EDGEWARD_CORPORA'] ?? path.join(import.meta.dirname, '../../../shared/corpora')
  for (const folder of [path.join(root, name), path.join('/work/shared/corpora', name)])
    if (existsSync(folder)) return folder
  return undefined
}
