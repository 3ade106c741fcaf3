/** What of a message can change on its way, as plain data; a field that has no place in the message is undefined. */
export interface MessageView {
  readonly uri: string | undefined
  readonly query: string | undefined
  readonly status: number | undefined
  /** Names and values in turn, as in a HeaderList. */
  readonly headers: readonly string[]
  /** Bytes that took the place of a body. */
  readonly bodyBytes: number | undefined
  /** Domain name of the origin. */
  readonly origin: string | undefined
}

/** Shows the values of header fields; takes out what is secret. */
export type ShowHeaders = (headers: readonly string[]) => readonly (readonly [name: string, value: string])[]

/** Shows everything as it is. */
export const showAll: ShowHeaders = (headers) => {
  const pairs: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i]!, headers[i + 1]!])
  return pairs
}

/**
 * What changed between two messages, one line each: `+` was added, `-` is gone, `~` has another value. A field that
 * changed only in what is not shown says so. Without `before`, everything of `after` was added.
 */
export function diffMessages(
  before: MessageView | undefined,
  after: MessageView,
  show: ShowHeaders = showAll,
  showQuery: (query: string) => string = (query) => query,
): string[] {
  const lines: string[] = []
  const say = (what: string, from: string | number | undefined, to: string | number | undefined) => {
    if (from === to) return
    if (from === undefined) lines.push(`+ ${what}: ${to}`)
    else if (to === undefined) lines.push(`- ${what}: ${from}`)
    else lines.push(`~ ${what}: ${from} -> ${to}`)
  }
  const query = (text: string | undefined) =>
    text === undefined || text === '' ? undefined : showQuery(text)
  say('status', before?.status, after.status)
  say('uri', before?.uri, after.uri)
  say('query string', query(before?.query), query(after.query))
  say('origin', before?.origin, after.origin)
  lines.push(...diffHeaders(before?.headers ?? [], after.headers, show))
  if (after.bodyBytes !== undefined) lines.push(`~ body: ${after.bodyBytes} bytes`)
  return lines
}

function diffHeaders(before: readonly string[], after: readonly string[], show: ShowHeaders): string[] {
  const lines: string[] = []
  const old = group(before, show)
  const now = group(after, show)
  for (const [name, { real, shown }] of old) {
    const next = now.get(name)
    if (next === undefined) lines.push(`- ${name}: ${shown}`)
    else if (next.real !== real) {
      lines.push(
        next.shown === shown ? `~ ${name}: changed, ${shown}` : `~ ${name}: ${shown} -> ${next.shown}`,
      )
    }
  }
  for (const [name, { shown }] of now) if (!old.has(name)) lines.push(`+ ${name}: ${shown}`)
  return lines
}

function group(
  headers: readonly string[],
  show: ShowHeaders,
): Map<string, { readonly real: string; readonly shown: string }> {
  const shown = show(headers)
  const groups = new Map<string, { real: string; shown: string }>()
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    const value = shown[i / 2]?.[1] ?? ''
    const known = groups.get(name)
    if (known === undefined) groups.set(name, { real: headers[i + 1]!, shown: value })
    else {
      known.real += `\n${headers[i + 1]!}`
      known.shown += `, ${value}`
    }
  }
  return groups
}
