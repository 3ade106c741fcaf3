import { createHash } from 'node:crypto'
import { faults } from '../faults.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { Identity, PlannedDistribution } from '../plan.ts'
import type { EdgeResponse, Passage, Visit } from '../visit.ts'

/** Statuses of replaced errors after which the connection is closed (fact sheet 10.2). */
const CLOSING_STATUSES: ReadonlySet<number> = new Set([400, 405, 414, 416, 500, 501])

/** What a distribution writes on every response, made once. */
interface Seal {
  readonly identity: Identity
  readonly via: string
  readonly viaHttp2: string
  /** `X-Cache` by result. */
  readonly xCache: Map<string, string>
}

/**
 * Writes the headers of the edge itself, which neither policy nor function can remove: Server and Date where there
 * are none, then X-Cache, Via, X-Amz-Cf-Pop, X-Amz-Cf-Id, and Age at the end, in the order CloudFront sends
 * them. Settles the result types of the visit. Changes the given response.
 */
export function createStamp(
  httpDate: () => string,
): (passage: Passage, response: EdgeResponse) => EdgeResponse {
  const seals = new WeakMap<PlannedDistribution | Identity, Seal>()

  function sealFor(identity: Identity, distribution: PlannedDistribution | undefined): Seal {
    const key = distribution ?? identity
    const known = seals.get(key)
    if (known !== undefined && known.identity === identity) return known
    const seal = makeSeal(identity, distribution)
    seals.set(key, seal)
    return seal
  }

  return (passage, response) => {
    const { visit, plan, request } = passage
    const { headers } = response
    const { identity } = plan
    const result = resultOf(visit, response.status)
    visit.resultType = result
    visit.responseResultType = result
    visit.detailedResultType = detailOf(visit, result)
    // A request that is turned away has met no distribution.
    const distribution: PlannedDistribution | undefined = passage.distribution
    const seal = sealFor(identity, distribution)
    const isHttp2 = request.httpVersion === '2.0'
    const { hasServer, hasDate, age } = makeRoom(headers)
    if (!hasServer) headers.append('Server', identity.server)
    if (!hasDate) headers.append('Date', httpDate())
    headers.append('X-Cache', xCacheOf(seal, result))
    headers.append('Via', isHttp2 ? seal.viaHttp2 : seal.via)
    headers.append('X-Amz-Cf-Pop', identity.pop)
    headers.append('X-Amz-Cf-Id', visit.request.id)
    if (age !== undefined) headers.append('Age', age)
    // HTTP/2 knows no Connection field (RFC 9113 section 8.2.2).
    if (!isHttp2 && response.tunnel === undefined && closesConnection(visit)) {
      headers.append('Connection', 'close')
    }
    return response
  }
}

interface Room {
  readonly hasServer: boolean
  readonly hasDate: boolean
  /** It was taken out to be put at the end. */
  readonly age: string | undefined
}

/** Takes out the fields that the edge writes itself, in one pass, because every response comes by here. */
function makeRoom(headers: HeaderList): Room {
  let hasServer = false
  let hasDate = false
  let age: string | undefined
  headers.deleteWhere((name, value) => {
    switch (name) {
      case 'server':
        hasServer = true
        return false
      case 'date':
        hasDate = true
        return false
      case 'age':
        age ??= value
        return true
      case 'x-cache':
      case 'via':
      case 'x-amz-cf-pop':
      case 'x-amz-cf-id':
        return true
      default:
        return false
    }
  })
  return { hasServer, hasDate, age }
}

function xCacheOf({ xCache, identity }: Seal, result: string): string {
  const known = xCache.get(result)
  if (known !== undefined) return known
  const value = `${result} from ${identity.xCacheSuffix}`
  xCache.set(result, value)
  return value
}

function makeSeal(identity: Identity, distribution: PlannedDistribution | undefined): Seal {
  const host =
    identity.name === 'cloudfront' ? viaHost(distribution) : (distribution?.domainName ?? identity.name)
  const by = `${host} (${identity.server})`
  return { identity, via: `1.1 ${by}`, viaHttp2: `2.0 ${by}`, xCache: new Map() }
}

/** 32 hexadecimal digits that stay the same for a distribution, in the place of CloudFront's name of a server. */
function viaHost(distribution: PlannedDistribution | undefined): string {
  const id = createHash('sha256')
    .update(`via:${distribution?.id ?? ''}`)
    .digest('hex')
    .slice(0, 32)
  return `${id}.cloudfront.net`
}

/** The result part of X-Cache, which is also `x-edge-result-type` (DG:standard-logs-reference). */
function resultOf(visit: Visit, status: number): string {
  if (visit.fault !== undefined) return faults[visit.fault].xCache
  // A custom error page stays an error, even where it is sent with 200 (fact sheet 10.2).
  if (visit.errorPageFor !== undefined) return 'Error'
  if (visit.exit === 'waf') return 'Error'
  if (visit.exit === 'behavior' && status >= 300 && status < 400) return 'Redirect'
  if (visit.exit === 'viewer-request') {
    // The functions room knows which kind of function answered.
    return visit.resultType === 'Miss' ? 'FunctionGeneratedResponse' : visit.resultType
  }
  if (status >= 400) return 'Error'
  switch (visit.cache?.status) {
    case 'hit':
    case 'stale':
      return 'Hit'
    case 'refresh-hit':
      return 'RefreshHit'
    case 'miss':
    case 'bypass':
    case undefined:
      return 'Miss'
  }
}

function detailOf(visit: Visit, result: string): string {
  if (visit.fault !== undefined) return faults[visit.fault].detail
  if (visit.exit === 'waf') return 'InvalidRequestBlocked'
  // A stage may know more of a miss: an answer of origin-request is MissGeneratedResponse.
  return result === 'Miss' ? visit.detailedResultType : result
}

function closesConnection(visit: Visit): boolean {
  if (visit.fault !== undefined && faults[visit.fault].closes) return true
  return visit.errorPageFor !== undefined && CLOSING_STATUSES.has(visit.errorPageFor)
}
