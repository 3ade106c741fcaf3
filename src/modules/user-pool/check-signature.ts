import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Secret } from '../../base/secret.ts'
import { authorizationOf, dayOf, deriveSigningKey, sha256 } from '../../origin/sign-v4.ts'
import { PoolError } from './pool-error.ts'

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([A-Z0-9]{4,128})\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=[0-9a-f]{64}$/
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
/** How far clocks may differ (AWS General Reference, Signature Version 4). */
const SKEW_MS = 5 * 60_000
/** Without these, a signature of one call would be good for another. */
const MUST_BE_SIGNED = ['host', 'x-amz-date', 'x-amz-target']

/** Checks Signature Version 4 of a POST to `/`. Throws what AWS answers. */
export function checkSignature(
  request: { readonly headers: IncomingHttpHeaders; readonly body: Buffer },
  options: {
    readonly nowMs: number
    readonly region: string
    secretOf(accessKeyId: string): Secret | undefined
  },
): void {
  const given = request.headers.authorization
  if (given === undefined)
    throw new PoolError('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const found = AUTHORIZATION.exec(given)
  if (found === null)
    throw new PoolError('InvalidSignatureException', 'Authorization header is not well-formed.')
  const [, accessKeyId = '', day = '', region = '', service = '', signed = ''] = found
  const names = signed.split(';')
  const missing = MUST_BE_SIGNED.find((name) => !names.includes(name))
  if (missing !== undefined)
    throw new PoolError('InvalidSignatureException', `'${missing}' must be a signed header.`)
  if (service !== 'cognito-idp' || region !== options.region)
    throw new PoolError(
      'InvalidSignatureException',
      `Credential should be scoped to ${options.region}/cognito-idp.`,
    )
  const amzDate = String(request.headers['x-amz-date'])
  const parts = AMZ_DATE.exec(amzDate)
  if (parts === null || dayOf(amzDate) !== day)
    throw new PoolError('InvalidSignatureException', 'X-Amz-Date does not fit the credential.')
  const [, year, month, date, hour, minute, second] = parts.map(Number)
  const at = Date.UTC(year!, month! - 1, date, hour, minute, second)
  if (Math.abs(at - options.nowMs) > SKEW_MS)
    throw new PoolError('InvalidSignatureException', 'Signature expired: X-Amz-Date is too far from now.')
  const secret = options.secretOf(accessKeyId)
  if (secret === undefined)
    throw new PoolError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    )
  const right = authorizationOf(
    {
      method: 'POST',
      path: '/',
      query: '',
      headers: names.map((name) => [name, String(request.headers[name] ?? '')] as const),
      payloadHash: sha256(request.body),
    },
    { accessKeyId, region, service, key: deriveSigningKey(secret.reveal(), day, region, service), amzDate },
  )
  const [a, b] = [Buffer.from(right.slice(-64)), Buffer.from(given.slice(-64))]
  if (!timingSafeEqual(a, b))
    throw new PoolError(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided.',
    )
}
