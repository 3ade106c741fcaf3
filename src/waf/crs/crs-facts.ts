/** What rules may ask about a request. Texts are latin1: one character is one byte. */
export interface CrsRequest {
  readonly id: string
  readonly method: string
  /** Path and query as received. */
  readonly path: string
  readonly query: string | undefined
  /** As on the request line: `HTTP/1.1`. */
  readonly protocol: string
  /** Name, value, name, value, … as received. */
  readonly headers: readonly string[]
  readonly remoteAddress: string
  readonly remotePort: number
  readonly serverAddress: string
  readonly serverPort: number
  readonly host: string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** ISO 3166 code of the client's country, asked for only by rules about places. */
  readonly countryOf: (address: string) => string | undefined
}

/** What rules may ask about a response. */
export interface CrsResponse {
  readonly status: number
  readonly protocol: string
  readonly headers: readonly string[]
  /** The beginning of the body, as latin1 text; empty where it is not looked at. */
  readonly body: string
}
