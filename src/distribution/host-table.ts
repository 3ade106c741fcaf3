/** One distribution as host names see it. */
export interface HostEntry<T> {
  /** Host names it answers to, perhaps with `*.` in front. */
  readonly aliases: readonly string[]
  readonly domainName: string
  readonly value: T
}

/** Compiled host names; asked by `findHost`. Names are in lower case. */
export interface HostTable<T> {
  readonly exact: ReadonlyMap<string, T>
  /** By what follows the star: `*.example.com` stands under `.example.com`. */
  readonly wildcards: ReadonlyMap<string, T>
  /** What answers to a host nobody named. */
  readonly anyHost: T | undefined
}

export interface HostTableOptions {
  /** Whether an entry that is alone answers to every host; true unless said otherwise. */
  readonly singleAnswersAnyHost?: boolean
}

/** What is wrong with an alias, and where it stands. */
export interface HostProblem {
  /** Index into the entries. */
  readonly entry: number
  readonly alias: string
  readonly problem: string
}

/** RFC 1035 section 2.3.4, without the root's dot. */
const MAX_HOST_LENGTH = 253
// Underscores are no host names by RFC 1123, but people use them and DNS carries them.
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

/**
 * Compiles entries to a table. A name that two entries claim belongs to the first: ask `problemsOfHosts` before, which
 * reports it.
 */
export function compileHosts<T>(
  entries: readonly HostEntry<T>[],
  options: HostTableOptions = {},
): HostTable<T> {
  const exact = new Map<string, T>()
  const wildcards = new Map<string, T>()
  for (const { aliases, domainName, value } of entries) {
    for (const name of [...aliases, domainName]) {
      const lower = name.toLowerCase()
      const names = lower.startsWith('*.') ? wildcards : exact
      const key = lower.startsWith('*.') ? lower.slice(1) : lower
      if (!names.has(key)) names.set(key, value)
    }
  }
  const isSingle = entries.length === 1 && options.singleAnswersAnyHost !== false
  return { exact, wildcards, anyHost: isSingle ? entries[0]?.value : undefined }
}

/**
 * What answers to a host name without port, in any case: an exact name before a wildcard, a longer wildcard before a
 * shorter one (DG:alternate-domain-names-wildcard). `*.example.com` covers every depth but not `example.com`.
 */
export function findHost<T>(table: HostTable<T>, host: string): T | undefined {
  const asSent = table.exact.get(host)
  if (asSent !== undefined) return asSent
  // Nobody's name is longer, and a long one with many dots would be hashed once per dot.
  if (host.length > MAX_HOST_LENGTH + 1) return table.anyHost
  const lower = host.toLowerCase()
  // `example.com.` is the same name, told from the root.
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower
  const exact = table.exact.get(name)
  if (exact !== undefined) return exact
  if (table.wildcards.size > 0) {
    // A star stands for at least one character, so a dot in front does not count.
    for (let dot = name.indexOf('.', 1); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const found = table.wildcards.get(name.slice(dot))
      if (found !== undefined) return found
    }
  }
  return table.anyHost
}

/** Everything wrong with the host names of all entries: names that are none, and names claimed twice. */
export function problemsOfHosts(entries: readonly HostEntry<unknown>[]): HostProblem[] {
  const problems: HostProblem[] = []
  const owners = new Map<string, number>()
  for (const [entry, { domainName }] of entries.entries()) {
    const owner = owners.get(domainName.toLowerCase())
    if (owner === undefined) owners.set(domainName.toLowerCase(), entry)
    else problems.push({ entry, alias: domainName, problem: clash(entry, owner) })
  }
  for (const [entry, { aliases }] of entries.entries()) {
    for (const alias of aliases) {
      const problem = problemOfAlias(alias)
      const owner = owners.get(alias.toLowerCase())
      if (problem !== null) problems.push({ entry, alias, problem })
      else if (owner !== undefined) problems.push({ entry, alias, problem: clash(entry, owner) })
      else owners.set(alias.toLowerCase(), entry)
    }
  }
  return problems
}

/** What is wrong with one alias, as a sentence that says what to write instead; null when nothing is. */
export function problemOfAlias(alias: string): string | null {
  if (alias === '') return 'an alias cannot be empty; write a host name like www.example.com'
  if (alias.length > MAX_HOST_LENGTH)
    return `an alias has at most ${MAX_HOST_LENGTH} characters, this one has ${alias.length}`
  const lower = alias.toLowerCase()
  const name = lower.startsWith('*.') ? lower.slice(2) : lower
  if (name.includes('*')) {
    return 'a * may only be the whole first part of an alias, as in *.example.com; write the names out instead'
  }
  if (/[:/]/.test(name)) return 'an alias is a host name alone; leave out scheme, port and path'
  if (/[^\0-\x7f]/.test(name)) return 'an alias is written in its ASCII form, like xn--bcher-kva.example'
  const label = name.split('.').find((each) => !LABEL.test(each))
  if (label === undefined) return null
  if (label === '') return 'an alias has no empty part: no dot at its beginning or end, and no two in a row'
  return `"${label}" is not a part of a host name: 1 to 63 letters, digits and hyphens, and no hyphen at its ends`
}

function clash(entry: number, owner: number): string {
  return entry === owner
    ? 'the name is listed twice'
    : 'another distribution has this name already; one of the two must drop it'
}
