/** Names, as they are or as beginnings: a `*` counts as the last character and nowhere else (DG:invalidation-specifying-objects). */
export interface NameSelector {
  readonly exact: ReadonlySet<string>
  readonly prefixes: readonly string[]
}

/** A name may itself end in `*`: it is among those that begin so. */
export function createNameSelector(names: readonly string[]): NameSelector {
  return {
    exact: new Set(names.filter((name) => !name.endsWith('*'))),
    prefixes: names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1)),
  }
}

export function isNameSelected({ exact, prefixes }: NameSelector, name: string): boolean {
  if (exact.has(name)) return true
  for (const prefix of prefixes) if (name.startsWith(prefix)) return true
  return false
}

export function isAnySelected(selector: NameSelector, names: readonly string[]): boolean {
  return names.some((name) => isNameSelected(selector, name))
}
