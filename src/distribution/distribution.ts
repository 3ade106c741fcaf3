import type { Awaitable } from '../base/promise.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Enforced, Rooms } from '../rooms.ts'
import type { EdgeResponse, Passage } from '../visit.ts'
import type { Geo } from './geo.ts'
import { capturePathPattern, normalisePath } from './path-pattern.ts'
import { RefusedSignature, verifySignature } from './access.ts'

/** A request that has passed more than this many hops of this kind is going round (fact sheet section 2). */
const MAX_HOPS = 2
const PASS: Enforced = { kind: 'pass' }
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'])

export interface DistributionOptions {
  readonly clock: Clock
  readonly geo: Pick<Geo, 'lookup'>
}

/** The distribution room: which distribution and behavior a request meets, and whether it may come in. */
export function createDistribution({ clock, geo }: DistributionOptions): Rooms['distribution'] {
  // The behavior is only selected here and enforced after the WAF, so that a block has its headers policy and log fields.
  function match(passage: Passage): Fault | undefined {
    const { request, visit, plan } = passage
    const distribution = plan.findDistribution(hostname(request.host))
    if (distribution === undefined)
      return new Fault('UnknownHost', `no distribution answers to the host ${request.host}`)
    passage.distribution = distribution
    visit.distribution = distribution.name
    visit.distributionId = distribution.id
    visit.distributionDomain = distribution.domainName
    // The default root object takes the place of exactly `/` (DG:DefaultRootObject).
    if (request.path === '/' && distribution.defaultRootObject !== undefined) {
      passage.request = { ...request, path: `/${distribution.defaultRootObject}` }
    }
    select(passage, passage.request.path)
    if (hops(passage) > MAX_HOPS) return new Fault('RequestLoop')
    return undefined
  }

  function select(passage: Passage, path: string): void {
    const normalised = normalisePath(path)
    passage.normalisedPath = normalised
    const { behaviors } = passage.distribution
    const last = behaviors.length - 1
    let index = 0
    while (index < last && !behaviors[index]!.matches(normalised)) index++
    passage.behavior = behaviors[index]!
    passage.visit.behavior = passage.behavior.pattern
  }

  function enforce(passage: Passage): Awaitable<Enforced> {
    const { request, behavior, distribution, visit } = passage
    if (distribution.geoRestriction !== undefined || behavior.forwarding.cloudFrontHeaders.length > 0) {
      const place = geo.lookup(request.client.address)
      visit.country = place.country
      visit.asn = place.asn
    }
    const { geoRestriction } = distribution
    // An unknown place is served (fact sheet 5.3).
    if (geoRestriction !== undefined && visit.country !== undefined) {
      const isListed = geoRestriction.countries.has(visit.country)
      if (isListed === (geoRestriction.type === 'deny')) {
        return refused(
          new Fault('ClientGeoBlocked', `requests from ${visit.country} are blocked by the geo restriction`),
        )
      }
    }
    if (request.scheme === 'http' && behavior.viewerProtocolPolicy !== 'allow-all') {
      if (behavior.viewerProtocolPolicy === 'https-only') return refused(new Fault('HttpsRequired'))
      return toHttps(passage)
    }
    if (!behavior.allowedMethods.has(request.method)) {
      const isKnown = KNOWN_METHODS.has(request.method)
      return refused(
        new Fault(
          isKnown ? 'InvalidRequestMethod' : 'UnknownMethod',
          `${request.method} is not allowed by behavior ${behavior.pattern}`,
        ),
      )
    }
    if (request.method === 'GET' && request.body.kind !== 'none') return refused(new Fault('GetWithBody'))
    if (behavior.trustedKeys !== undefined) {
      const verified = verifySignature(passage, behavior.trustedKeys, Math.floor(clock.now() / 1000))
      if (verified instanceof RefusedSignature) return refused(verified)
      if (verified.query !== request.query) passage.request = { ...passage.request, query: verified.query }
    }
    if (behavior.redirect !== undefined)
      return { kind: 'answered', response: configuredRedirect(passage, behavior.redirect) }
    return PASS
  }

  return { match, select, enforce }
}

function refused(fault: Fault): Enforced {
  return { kind: 'refused', fault }
}

/** GET and HEAD 301, others 307 on HTTP/1.1 and 403 below (fact sheet 5.1). */
function toHttps(passage: Passage): Enforced {
  const { request, plan } = passage
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (!isRead && request.httpVersion === '1.0') return refused(new Fault('HttpsRequired'))
  const tlsPort = plan.listeners.find((listener) => listener.tls !== undefined)?.port
  const authority =
    tlsPort === undefined || tlsPort === 443 ? hostname(request.host) : `${hostname(request.host)}:${tlsPort}`
  const target = passage.visit.request.path + (request.query === undefined ? '' : `?${request.query}`)
  return { kind: 'answered', response: redirect(isRead ? 301 : 307, `https://${authority}${target}`) }
}

function configuredRedirect(
  passage: Passage,
  rule: { readonly to: string; readonly status: number },
): EdgeResponse {
  const captured = capturePathPattern(passage.behavior.pattern, passage.normalisedPath) ?? []
  const path = rule.to.replace(/\$(\d)/g, (_all, index: string) => captured[Number(index) - 1] ?? '')
  const { query } = passage.request
  const isQueryKept = query !== undefined && query !== '' && !rule.to.includes('?')
  return redirect(rule.status, withoutBreaks(isQueryKept ? `${path}?${query}` : path))
}

function redirect(status: number, location: string): EdgeResponse {
  const headers = new HeaderList(['Location', location, 'Content-Type', 'text/html', 'Content-Length', '0'])
  return { status, headers, body: Body.bytes('') }
}

/** `//host` would lead away from this site: a captured path may not begin one, nor break the line. */
function withoutBreaks(location: string): string {
  return location.replace(/[\r\n]/g, '').replace(/^\/{2,}/, '/')
}

/** How often this request passed an edge of this kind: by Via and by CDN-Loop (RFC 8586), whichever is more. */
function hops(passage: Passage): number {
  const { headers } = passage.request
  const via = headers.getJoined('via')
  const loop = headers.getJoined('cdn-loop')
  if (via === undefined && loop === undefined) return 0
  const { server, name } = passage.plan.identity
  return Math.max(occurrences(via, `(${server})`), occurrences(loop, name))
}

function occurrences(list: string | undefined, needle: string): number {
  if (list === undefined) return 0
  return list
    .split(',')
    .filter((entry) => entry.trim().toLowerCase().split(';')[0]!.endsWith(needle.toLowerCase())).length
}

/** The host without its port, in lower case; an IPv6 literal keeps its brackets. */
export function hostname(host: string): string {
  const colon = host.lastIndexOf(':')
  const bare = colon > 0 && !host.endsWith(']') ? host.slice(0, colon) : host
  return bare.toLowerCase()
}
