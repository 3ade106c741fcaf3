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
  readonly exactPaths: ReadonlySet<string> | undefined
  readonly prefixes: readonly string[]
  readonly tags: TagSelector | undefined
}

/** Tags of a selection: as they are, and the beginnings that one with a `*` at its end stands for. */
export interface TagSelector {
  readonly exact: ReadonlySet<string>
  readonly prefixes: readonly string[]
}

export function createSelector(selection: Selection): Selector {
  const { distributionId, paths, tags } = selection
  return {
    distributionId,
    exactPaths: paths && new Set(paths.filter((path) => !path.endsWith('*'))),
    prefixes: paths?.filter((path) => path.endsWith('*')).map((path) => path.slice(0, -1)) ?? [],
    tags: tags && createTagSelector(tags),
  }
}

export function createTagSelector(tags: readonly string[]): TagSelector {
  return {
    // A tag may itself end in `*`: it is among those that begin so.
    exact: new Set(tags.filter((tag) => !tag.endsWith('*'))),
    prefixes: tags.filter((tag) => tag.endsWith('*')).map((tag) => tag.slice(0, -1)),
  }
}

/** Whether all given members of a selection agree with an entry. */
export function isSelected(selector: Selector, entry: Identity): boolean {
  if (selector.distributionId !== undefined && entry.distributionId !== selector.distributionId) return false
  if (selector.exactPaths !== undefined && !isPathSelected(selector, entry.path)) return false
  const { tags } = selector
  return tags === undefined || entry.tags.some((tag) => isTagSelected(tags, tag))
}

export function isTagSelected({ exact, prefixes }: TagSelector, tag: string): boolean {
  if (exact.has(tag)) return true
  for (const prefix of prefixes) if (tag.startsWith(prefix)) return true
  return false
}

/** Whether a path is one of the selection's. A `*` is a wildcard only as the last character (DG:invalidation-specifying-objects). */
export function isPathSelected(selector: Selector, path: string): boolean {
  if (selector.exactPaths!.has(path)) return true
  for (const prefix of selector.prefixes) if (path.startsWith(prefix)) return true
  return false
}
