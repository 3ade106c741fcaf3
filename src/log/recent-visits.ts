import type { Visit } from '../visit.ts'

/** Fields whose values are never shown: they let whoever reads them act as somebody else. */
const SECRET_FIELDS = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-origin-verify',
  'x-api-key',
  'x-amz-security-token',
])
const SECRET_PARAMETERS =
  /((?:^|&)(?:Policy|Signature|Key-Pair-Id|X-Amz-Signature|X-Amz-Security-Token|token|access_token)=)[^&]*/gi

/** The last visits, by request id. */
export class RecentVisits {
  readonly #limit: number
  readonly #byId = new Map<string, Visit>()

  constructor(limit: number) {
    this.#limit = limit
  }

  add(visit: Visit): void {
    if (this.#limit === 0) return
    if (this.#byId.size >= this.#limit) {
      const oldest = this.#byId.keys().next()
      if (oldest.done !== true) this.#byId.delete(oldest.value)
    }
    this.#byId.set(visit.request.id, visit)
  }

  find(requestId: string): Visit | undefined {
    return this.#byId.get(requestId)
  }

  /** Newest first. */
  latest(count: number): Visit[] {
    return [...this.#byId.values()].slice(-count).toReversed()
  }
}

/** A visit as JSON without values of secret fields and parameters. */
export function publicVisit(visit: Visit): unknown {
  const text = JSON.stringify(visit, (key, value: unknown) => {
    if ((key === 'headers' || key === 'responseHeaders') && Array.isArray(value)) {
      return value.map((pair: [string, string]) =>
        SECRET_FIELDS.has(pair[0].toLowerCase()) ? [pair[0], '[secret]'] : pair,
      )
    }
    if (key === 'query' && typeof value === 'string') return value.replace(SECRET_PARAMETERS, '$1[secret]')
    return value
  })
  return JSON.parse(text)
}
