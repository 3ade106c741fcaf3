import { createHmac, hash } from 'node:crypto'

/** What of a request is signed, in its canonical form (AWS Signature Version 4, "Create a signed AWS API request"). */
export interface CanonicalRequest {
  readonly method: string
  /** Percent-encoded as it goes on the wire. */
  readonly path: string
  /** Without `?`: encoded, and sorted by name, then value; empty where there is none. */
  readonly query: string
  /** Lower-case names in ascending order, each once; values of repeated fields are joined by a comma. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** SHA-256 of the body in hex, or a word like `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string
}

/** Where and when a signature is valid, and whose it is. */
export interface Signer {
  readonly accessKeyId: string
  readonly region: string
  readonly service: string
  /** Of the same day, region and service: from `deriveSigningKey`. */
  readonly key: Buffer
  /** `20150830T123600Z`, also the value of X-Amz-Date. */
  readonly amzDate: string
}

/** SHA-256 of no bytes, in hex. */
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** The value of the Authorization header for a request. */
export function authorizationOf(request: CanonicalRequest, signer: Signer): string {
  let lines = ''
  let names = ''
  for (const [name, value] of request.headers) {
    lines += `${name}:${value.trim().replace(SPACES, ' ')}\n`
    names += names === '' ? name : `;${name}`
  }
  const canonical = `${request.method}\n${request.path}\n${request.query}\n${lines}\n${names}\n${request.payloadHash}`
  const scope = `${dayOf(signer.amzDate)}/${signer.region}/${signer.service}/aws4_request`
  const toSign = `AWS4-HMAC-SHA256\n${signer.amzDate}\n${scope}\n${sha256(canonical)}`
  const signature = createHmac('sha256', signer.key).update(toSign).digest('hex')
  return `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
}

/** The key that signs on one day (`20150830`, UTC) in one region for one service; worth keeping for that day. */
export function deriveSigningKey(
  secretAccessKey: string,
  day: string,
  region: string,
  service: string,
): Buffer {
  const dayKey = createHmac('sha256', `AWS4${secretAccessKey}`).update(day).digest()
  const regionKey = createHmac('sha256', dayKey).update(region).digest()
  const serviceKey = createHmac('sha256', regionKey).update(service).digest()
  return createHmac('sha256', serviceKey).update('aws4_request').digest()
}

/** `20150830T123600Z` for a time in milliseconds since the epoch. */
export function amzDateOf(ms: number): string {
  return new Date(ms).toISOString().replace(NOT_IN_AMZ_DATE, '')
}

/** The day of an AMZ date: `20150830`. */
export function dayOf(amzDate: string): string {
  return amzDate.slice(0, 8)
}

/** SHA-256 in hex. */
export function sha256(data: string | Buffer): string {
  return hash('sha256', data, 'hex')
}

const SPACES = / +/g
const NOT_IN_AMZ_DATE = /[:-]|\.\d+/g
