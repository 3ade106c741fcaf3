import type { IncomingMessage } from 'node:http'
import { canonicalQuery, encodeKey } from '../../../src/origin/bucket-uri.ts'
import { authorizationOf, deriveSigningKey, sha256 } from '../../../src/origin/sign-v4.ts'
import { ServiceError } from './json-service.ts'

export interface S3Account {
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=[0-9a-f]{64}$/
/** What must be signed where it is sent ("Create a signed AWS API request"). */
const MUST_BE_SIGNED = /^(?:host|content-md5|x-amz-.*)$/

/** Refuses a request whose Signature Version 4 is not that of the account over what really came; errors are S3's. */
export function checkSignature(request: IncomingMessage, body: Buffer, account: S3Account): void {
  const { authorization = '' } = request.headers
  const match = AUTHORIZATION.exec(authorization)
  if (match === null) throw new ServiceError('AccessDenied', 'Access Denied', 403)
  // The expression has four groups, none of them optional.
  const [, accessKeyId, day, region, names] = match as unknown as [string, string, string, string, string]
  if (accessKeyId !== account.accessKeyId)
    throw new ServiceError(
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
      403,
    )
  if (region !== account.region)
    throw new ServiceError(
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; the region '${region}' is wrong; expecting '${account.region}'`,
    )
  const signed = names.split(';')
  for (const name of Object.keys(request.headers)) {
    if (MUST_BE_SIGNED.test(name) && !signed.includes(name))
      throw new ServiceError('AccessDenied', `There were headers present which were not signed: ${name}`, 403)
  }
  const payloadHash = String(request.headers['x-amz-content-sha256'])
  if (payloadHash !== sha256(body))
    throw new ServiceError(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
  const [path = '', query] = (request.url ?? '').split('?')
  const expected = authorizationOf(
    {
      method: request.method ?? '',
      path: encodeKey(path),
      query: canonicalQuery(query),
      headers: signed.map((name) => [name, String(request.headers[name] ?? '')] as const),
      payloadHash,
    },
    {
      accessKeyId,
      region,
      service: 's3',
      key: deriveSigningKey(account.secretAccessKey, day, region, 's3'),
      amzDate: String(request.headers['x-amz-date']),
    },
  )
  if (expected.split('Signature=')[1] !== authorization.split('Signature=')[1])
    throw new ServiceError(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
      403,
    )
}
