import { createHash } from 'node:crypto'
import type { Visit } from '../visit.ts'
import { createRedaction, type Redaction } from './redact.ts'

/** A visit as plain data for people and files: everything the visit knows, without values of secrets. */
export type PublicVisit = ReturnType<ReturnType<typeof createPublicVisit>>

/** Gives visits as plain data under a redaction. */
export function createPublicVisit(redaction: Redaction) {
  return (visit: Visit) => {
    const { request, responseHeaders, cache } = visit
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
    }
  }
}

function shownQuery({ request, shownQuery: shown }: Visit, redaction: Redaction): string | undefined {
  const query = shown ?? request.query
  return query === undefined ? undefined : redaction.query(query)
}

function fieldsOf(visit: Visit): Omit<Visit, 'request' | 'responseHeaders' | 'cache'> {
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
