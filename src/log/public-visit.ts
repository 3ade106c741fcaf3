import { createHash } from 'node:crypto'
import { HeaderList } from '../http/header-list.ts'
import { diffMessages } from '../http/message-diff.ts'
import type { FunctionVisit, Visit } from '../visit.ts'
import { createRedaction, type Redaction } from './redact.ts'

/** A visit as plain data for people and files: everything the visit knows, without values of secrets. */
export type PublicVisit = ReturnType<ReturnType<typeof createPublicVisit>>

/** Gives visits as plain data under a redaction. */
export function createPublicVisit(redaction: Redaction) {
  return (visit: Visit) => {
    const { request, responseHeaders, cache, functions } = visit
    return {
      // A visit is plain data: its own fields are all of it.
      ...fieldsOf(visit),
      request: {
        ...request,
        query: shownQuery(visit, redaction),
        headers: redaction.headers(request.headers),
        body: request.body.toJSON(),
      },
      responseHeaders: responseHeaders === undefined ? undefined : redaction.headers(responseHeaders),
      cache: cache === undefined ? undefined : { ...cache, key: publicKey(visit, redaction) },
      functions: functions?.map((run) => publicRun(run, redaction)),
    }
  }
}

function shownQuery({ request, shownQuery: shown }: Visit, redaction: Redaction): string | undefined {
  const query = shown ?? request.query
  return query === undefined ? undefined : redaction.query(query)
}

/** A run of an edge function, with what it changed as lines instead of the two messages. */
function publicRun({ before, after, ...run }: FunctionVisit, redaction: Redaction) {
  return { ...run, changes: changesOf(before, after, redaction) }
}

/** What a function changed, one line each, without values of secrets. */
export function changesOf(
  before: FunctionVisit['before'],
  after: FunctionVisit['after'],
  redaction: Redaction,
): string[] {
  if (after === undefined) return []
  return diffMessages(
    before,
    after,
    (headers) => redaction.headers(new HeaderList([...headers])),
    (query) => redaction.query(query),
  )
}

function fieldsOf(visit: Visit): Omit<Visit, 'request' | 'responseHeaders' | 'cache' | 'functions'> {
  return Object.assign({}, visit)
}

/** A visit without the values of what is secret by default. */
export const publicVisit = createPublicVisit(createRedaction())

/** A cache key that holds a secret is shown as its digest, by which keys can still be compared. */
function publicKey(visit: Visit, redaction: Redaction): string | undefined {
  const key = visit.cache?.key
  if (key === undefined) return undefined
  const { query, headers } = visit.request
  const hasSecret =
    redaction.secretsOf(headers).some((secret) => key.includes(secret)) ||
    (query !== undefined && redaction.query(query) !== query && key.includes('?'))
  return hasSecret ? `sha256:${createHash('sha256').update(key).digest('hex')}` : key
}
