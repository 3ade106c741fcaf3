/** Something wrong with a configuration, for people. */
export interface Problem {
  /** An error keeps the edge from starting; a warning does not. */
  readonly level: 'error' | 'warning'
  /** Where: `distributions.travel.behaviors[0].origin`; empty for the whole configuration. */
  readonly path: string
  readonly message: string
  /** What would have been right. */
  readonly expected?: string | undefined
  /** What to do. */
  readonly hint?: string | undefined
}

/** Keys and indexes from the top of the configuration down. */
export type Segments = readonly PropertyKey[]

/** Collects problems; each room of the check is given one. */
export interface Findings {
  error(
    segments: Segments,
    message: string,
    more?: { readonly expected?: string; readonly hint?: string | undefined },
  ): void
  warning(
    segments: Segments,
    message: string,
    more?: { readonly expected?: string; readonly hint?: string | undefined },
  ): void
}

/** Findings that end up in `problems`. */
export function collectInto(problems: Problem[]): Findings {
  return {
    error: (segments, message, more) =>
      problems.push({ level: 'error', path: formatPath(segments), message, ...more }),
    warning: (segments, message, more) =>
      problems.push({ level: 'warning', path: formatPath(segments), message, ...more }),
  }
}

/** `['a', 0, 'b.c']` as `a[0]["b.c"]`. */
export function formatPath(segments: Segments): string {
  let path = ''
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`
    else if (/^[A-Za-z_$][\w$-]*$/.test(String(segment)))
      path += path === '' ? String(segment) : `.${String(segment)}`
    else path += `[${JSON.stringify(String(segment))}]`
  }
  return path
}

/** A found value in plain words, short and without secrets longer than a line. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  switch (typeof value) {
    case 'string':
      return value.length > 60
        ? `the text ${JSON.stringify(`${value.slice(0, 60)}…`)}`
        : `the text ${JSON.stringify(value)}`
    case 'number':
      return `the number ${value}`
    case 'boolean':
      return String(value)
    default:
      return 'an object'
  }
}

/** `a, b or c`. */
export function listed(words: readonly string[], last = 'or'): string {
  if (words.length <= 1) return words[0] ?? ''
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)!}`
}
