import {
  createNameSelector,
  isAnySelected,
  isNameSelected,
  type NameSelector,
} from '../../http/name-selector.ts'
import type { Selection } from './store.ts'

/** What invalidation knows an entry by; an `Entry` is one. */
export interface Identity {
  readonly key: string
  readonly baseKey: string
  readonly distributionId: string
  readonly path: string
  readonly tags: readonly string[]
}

/** A selection made ready to be asked about many entries. */
export interface Selector {
  readonly distributionId: string | undefined
  readonly paths: NameSelector | undefined
  readonly tags: NameSelector | undefined
}

export function createSelector({ distributionId, paths, tags }: Selection): Selector {
  return { distributionId, paths: paths && createNameSelector(paths), tags: tags && createNameSelector(tags) }
}

/** Whether all given members of a selection agree with an entry. */
export function isSelected({ distributionId, paths, tags }: Selector, entry: Identity): boolean {
  if (distributionId !== undefined && entry.distributionId !== distributionId) return false
  if (paths !== undefined && !isNameSelected(paths, entry.path)) return false
  return tags === undefined || isAnySelected(tags, entry.tags)
}
