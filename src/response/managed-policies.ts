import type { PlannedCors, PlannedResponseHeadersPolicy } from '../plan.ts'

/** One of the response headers policies that every CloudFront account has. */
export interface ManagedResponseHeadersPolicy {
  readonly id: string
  readonly policy: PlannedResponseHeadersPolicy
}

const anyOrigin: PlannedCors = {
  anyOrigin: true,
  allowsOrigin: () => true,
  allowHeaders: [],
  allowMethods: [],
  allowCredentials: false,
  exposeHeaders: [],
  exposeOnlyOnPreflight: false,
  maxAgeSeconds: undefined,
  originOverride: false,
}

/** Its page says that simple requests get Access-Control-Allow-Origin only (DG:using-managed-response-headers-policies). */
const withPreflight: PlannedCors = {
  ...anyOrigin,
  allowMethods: ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'],
  exposeHeaders: ['*'],
  exposeOnlyOnPreflight: true,
}

const securityHeaders: PlannedResponseHeadersPolicy['set'] = [
  header('X-XSS-Protection', '1; mode=block', false),
  header('X-Frame-Options', 'SAMEORIGIN', false),
  header('Referrer-Policy', 'strict-origin-when-cross-origin', false),
  header('X-Content-Type-Options', 'nosniff', true),
  header('Strict-Transport-Security', 'max-age=31536000', false),
]

/** The managed policies by name, with their ids (DG:using-managed-response-headers-policies). */
export const managedResponseHeadersPolicies: readonly ManagedResponseHeadersPolicy[] = [
  managed('SimpleCORS', '60669652-455b-4ae9-85a4-c4c02393f86c', anyOrigin, []),
  managed('CORS-With-Preflight', '5cc3b908-e619-4b99-88e5-2cf7f45965bd', withPreflight, []),
  managed('SecurityHeadersPolicy', '67f7725c-6f97-4210-82d7-5512b31e9d03', undefined, securityHeaders),
  managed(
    'CORS-and-SecurityHeadersPolicy',
    'e61eb60c-9c35-4d20-a928-2b84e02af89c',
    anyOrigin,
    securityHeaders,
  ),
  managed(
    'CORS-with-preflight-and-SecurityHeadersPolicy',
    'eaab4381-ed33-4a86-88ca-d9558dc6cd63',
    withPreflight,
    securityHeaders,
  ),
]

/** The managed policy of a name (with or without the `Managed-` of the AWS API) or id, or undefined. */
export function findManagedResponseHeadersPolicy(nameOrId: string): PlannedResponseHeadersPolicy | undefined {
  const name = nameOrId.startsWith('Managed-') ? nameOrId.slice('Managed-'.length) : nameOrId
  const found = managedResponseHeadersPolicies.find(
    ({ id, policy }) => policy.name === name || id === nameOrId,
  )
  return found?.policy
}

function managed(
  name: string,
  id: string,
  cors: PlannedCors | undefined,
  set: PlannedResponseHeadersPolicy['set'],
): ManagedResponseHeadersPolicy {
  return { id, policy: { name, remove: new Set(), cors, set, serverTimingRate: undefined } }
}

function header(name: string, value: string, override: boolean): PlannedResponseHeadersPolicy['set'][number] {
  return { name, lowerName: name.toLowerCase(), value, override }
}
