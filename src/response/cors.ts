import type { HeaderList } from '../http/header-list.ts'
import type { PlannedCors } from '../plan.ts'
import type { ViewerRequest } from '../visit.ts'
import { addToVary } from './vary.ts'
import { compileWildcard } from './wildcard.ts'

/** Adds the CORS headers of a policy to a response. */
export type CorsWriter = (
  cors: PlannedCors,
  request: Pick<ViewerRequest, 'method' | 'headers'>,
  headers: HeaderList,
) => void

/**
 * CORS of response headers policies (DG:understanding-response-headers-policies). Only requests with `Origin` are
 * concerned. Without override, one CORS header of the origin is enough and the policy adds none of its own; with
 * it, what the policy says takes the place of what the origin said: an origin that the policy does not allow
 * gets no `Access-Control-Allow-Origin`, whoever sent it.
 */
export function createCorsWriter(): CorsWriter {
  const texts = new WeakMap<PlannedCors, CorsTexts>()
  return (cors, request, headers) => {
    const origin = request.headers.get('origin')
    if (origin === undefined) return
    if (cors.originOverride) {
      headers.delete('access-control-allow-origin')
      headers.delete('access-control-allow-credentials')
    } else if (hasCorsHeader(headers)) return
    if (!cors.anyOrigin && !cors.allowsOrigin(origin)) return
    let text = texts.get(cors)
    if (text === undefined) texts.set(cors, (text = textsOf(cors)))
    if (cors.anyOrigin) headers.append('Access-Control-Allow-Origin', '*')
    else {
      headers.append('Access-Control-Allow-Origin', origin)
      addToVary(headers, 'Origin')
    }
    if (cors.allowCredentials) headers.append('Access-Control-Allow-Credentials', 'true')
    const isPreflight = request.method === 'OPTIONS' && request.headers.has('access-control-request-method')
    if (text.expose !== '' && (isPreflight || !cors.exposeOnlyOnPreflight)) {
      headers.set('Access-Control-Expose-Headers', text.expose)
    }
    if (!isPreflight) return
    if (text.methods !== '') headers.set('Access-Control-Allow-Methods', text.methods)
    const allowed = allowedHeaders(text, request.headers.getJoined('access-control-request-headers'))
    if (allowed !== '') headers.set('Access-Control-Allow-Headers', allowed)
    if (cors.maxAgeSeconds !== undefined) headers.set('Access-Control-Max-Age', String(cors.maxAgeSeconds))
  }
}

/** The lists of a policy as header values, and its header names with a star inside as matchers. */
interface CorsTexts {
  readonly methods: string
  readonly expose: string
  readonly plainHeaders: string
  readonly plainNames: ReadonlySet<string>
  readonly patterns: readonly ((lowerName: string) => boolean)[]
}

function textsOf(cors: PlannedCors): CorsTexts {
  // A star alone is for the browser to read; it knows that the star does not cover Authorization (Fetch, 4.9).
  const plain = cors.allowHeaders.filter((name) => name === '*' || !name.includes('*'))
  return {
    methods: cors.allowMethods.join(', '),
    expose: cors.exposeHeaders.join(', '),
    plainHeaders: plain.join(', '),
    plainNames: new Set(plain.map((name) => name.toLowerCase())),
    patterns: cors.allowHeaders
      .filter((name) => name !== '*' && name.includes('*'))
      .map((name) => compileHeaderPattern(name.toLowerCase())),
  }
}

/** `x-amz-*` wants at least one character at its end, `x-*-amz` none in its middle. */
function compileHeaderPattern(pattern: string): (lowerName: string) => boolean {
  const matches = compileWildcard(pattern)
  if (!pattern.endsWith('*')) return matches
  const leastLength = pattern.replaceAll('*', '').length + 1
  return (lowerName) => lowerName.length >= leastLength && matches(lowerName)
}

/** Requested names looked at; a viewer may ask for thousands. */
const MAX_REQUESTED_NAMES = 100
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

/** Browsers know no star inside a name, so the requested names that match are named one by one. */
function allowedHeaders(text: CorsTexts, requested: string | undefined): string {
  if (text.patterns.length === 0 || requested === undefined) return text.plainHeaders
  let allowed = text.plainHeaders
  for (const each of requested.split(',', MAX_REQUESTED_NAMES)) {
    const name = each.trim().toLowerCase()
    if (name === 'authorization' || text.plainNames.has(name) || !TOKEN.test(name)) continue
    if (text.patterns.some((matches) => matches(name))) allowed += allowed === '' ? name : `, ${name}`
  }
  return allowed
}

const CORS_PREFIX = 'access-control-'

function hasCorsHeader(headers: HeaderList): boolean {
  const { raw } = headers
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (name.length > CORS_PREFIX.length && name.toLowerCase().startsWith(CORS_PREFIX)) return true
  }
  return false
}
