/** A route of the control API. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `:name` stands for one segment. */
  readonly path: string
  /** Answered without a token, to whoever reaches the port. */
  readonly isOpen?: boolean
  handle(request: AdminRequest): Promise<AdminAnswer> | AdminAnswer
}

export interface AdminRequest {
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The body as JSON; undefined when there was none. */
  readonly body: unknown
}

export interface AdminAnswer {
  /** 200 unless given. */
  readonly status?: number
  /** JSON, unless `type` says otherwise. */
  readonly body: unknown
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer that says what is wrong and what to do. */
export function refused(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): AdminAnswer {
  return { status, body: { error }, headers }
}

/** The parameters of a path that fits the pattern of a route, decoded; undefined when it does not fit. */
export function matchRoute(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, segment] of wanted.entries()) {
    if (segment.startsWith(':')) {
      if (given[index] === '') return undefined
      parameters[segment.slice(1)] = decode(given[index]!)
    } else if (segment !== given[index]) return undefined
  }
  return parameters
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}
