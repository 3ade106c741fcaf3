import type { Secret } from '../../base/secret.ts'
import { amzDateOf, authorizationOf, dayOf, deriveSigningKey, sha256 } from '../../origin/sign-v4.ts'
import type { CognitoProxyConfig } from './config.ts'
import { TARGET_PREFIX } from './operations.ts'

type Input = Readonly<Record<string, unknown>>
type AdvancedSecurity = NonNullable<CognitoProxyConfig['advancedSecurity']>

/** What threat protection is told of a viewer (API Reference, ContextDataType). */
export interface ViewerFacts {
  readonly address: string
  readonly host: string
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** The body of InitiateAuth or RespondToAuthChallenge, with its proof, as that of the Admin call. */
export function asAdmin(body: Input, { userPoolId }: AdvancedSecurity, viewer: ViewerFacts): Input {
  const { UserContextData, ...rest } = body
  // `supply` has seen to it that it is an object.
  const encoded = (UserContextData as Input | undefined)?.['EncodedData']
  return {
    ...rest,
    UserPoolId: userPoolId,
    ...(rest['AuthFlow'] === 'USER_PASSWORD_AUTH' && { AuthFlow: 'ADMIN_USER_PASSWORD_AUTH' }),
    ContextData: {
      IpAddress: viewer.address,
      ServerName: viewer.host,
      ServerPath: viewer.path,
      HttpHeaders: viewer.headers.map(([headerName, headerValue]) => ({ headerName, headerValue })),
      ...(typeof encoded === 'string' && { EncodedData: encoded }),
    },
  }
}

/** Headers that sign a POST to `/` with Signature Version 4, in the order they are sent. */
export function signedHeaders(
  call: { readonly host: string; readonly contentType: string; readonly name: string; readonly body: Buffer },
  config: AdvancedSecurity,
  credentials: { readonly secretAccessKey: Secret; readonly sessionToken: Secret | undefined },
  nowMs: number,
): [name: string, value: string][] {
  const amzDate = amzDateOf(nowMs)
  const token = credentials.sessionToken
  const headers: [string, string][] = [
    ['content-type', call.contentType],
    ['host', call.host],
    ['x-amz-date', amzDate],
    ...(token === undefined ? [] : [['x-amz-security-token', token.reveal()] as [string, string]]),
    ['x-amz-target', TARGET_PREFIX + call.name],
  ]
  const key = deriveSigningKey(
    credentials.secretAccessKey.reveal(),
    dayOf(amzDate),
    config.region,
    'cognito-idp',
  )
  const authorization = authorizationOf(
    { method: 'POST', path: '/', query: '', headers, payloadHash: sha256(call.body) },
    { accessKeyId: config.accessKeyId, region: config.region, service: 'cognito-idp', key, amzDate },
  )
  return [...headers, ['authorization', authorization]]
}
