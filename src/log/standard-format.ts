import type { Visit } from '../visit.ts'
import {
  cipherOf,
  createMoments,
  createRemembering,
  durationOf,
  endedAt,
  firstByteOf,
  type Moment,
  orDash,
  originMoment,
  protocolOf,
  rangeOf,
  receivedBytes,
  seconds,
  sentBytes,
  statusOf,
} from './fields.ts'

/** What a line needs besides the visit. */
export interface LineFacts {
  /** `x-edge-location`. */
  readonly pop: string
  readonly logsCookies: (distribution: string | undefined) => boolean
}

/** The 33 fields of CloudFront's standard access log, in order (DG:standard-logs-reference). */
export const standardFields = [
  'date',
  'time',
  'x-edge-location',
  'sc-bytes',
  'c-ip',
  'cs-method',
  'cs(Host)',
  'cs-uri-stem',
  'sc-status',
  'cs(Referer)',
  'cs(User-Agent)',
  'cs-uri-query',
  'cs(Cookie)',
  'x-edge-result-type',
  'x-edge-request-id',
  'x-host-header',
  'cs-protocol',
  'cs-bytes',
  'time-taken',
  'x-forwarded-for',
  'ssl-protocol',
  'ssl-cipher',
  'x-edge-response-result-type',
  'cs-protocol-version',
  'fle-status',
  'fle-encrypted-fields',
  'c-port',
  'time-to-first-byte',
  'x-edge-detailed-result-type',
  'sc-content-type',
  'sc-content-len',
  'sc-range-start',
  'sc-range-end',
] as const

/** The first two lines of every file in the standard format. */
export const standardHead = `#Version: 1.0\n#Fields: ${standardFields.join(' ')}\n`

export type LineFormat = (visit: Visit) => string

function valuesOf(
  visit: Visit,
  facts: LineFacts,
  moment: Moment,
  remembering: (value: string | undefined) => string,
): string[] {
  const { request } = visit
  const { headers } = request
  const [rangeFirst, rangeLast] = visit.status === 206 || visit.status === 416 ? rangeOf(visit) : ['-', '-']
  return [
    moment.date,
    moment.time,
    facts.pop,
    String(sentBytes(visit)),
    request.client.address,
    orDash(request.method),
    visit.distributionDomain ?? '-',
    orDash(request.path),
    statusOf(visit),
    orDash(headers.get('referer')),
    remembering(headers.get('user-agent')),
    orDash(visit.shownQuery ?? request.query),
    facts.logsCookies(visit.distribution) ? orDash(headers.getJoined('cookie')) : '-',
    visit.resultType,
    request.id,
    orDash(request.host),
    protocolOf(visit),
    String(receivedBytes(visit)),
    seconds(durationOf(visit)),
    orDash(headers.getJoined('x-forwarded-for')),
    request.connection.tls?.version ?? '-',
    cipherOf(visit),
    visit.responseResultType,
    `HTTP/${request.httpVersion}`,
    visit.fleStatus ?? '-',
    visit.fleFields === undefined ? '-' : String(visit.fleFields),
    String(request.client.port),
    seconds(firstByteOf(visit)),
    visit.detailedResultType,
    remembering(visit.responseHeaders?.get('content-type')),
    orDash(visit.responseHeaders?.get('content-length')),
    rangeFirst,
    rangeLast,
  ]
}

/**
 * One tab-separated line per visit, with its line end: the values of `valuesOf`, put together in one go, because under
 * load these lines are the largest item of a cache hit after the system calls.
 */
export function createStandardFormat(facts: LineFacts): LineFormat {
  const momentOf = createMoments()
  const remembering = createRemembering()
  let moment: Moment | undefined
  let pop = ''
  let prefix = ''

  return (visit) => {
    const { request, status, responseHeaders } = visit
    const now = momentOf(endedAt(visit))
    if (now !== moment || facts.pop !== pop) {
      moment = now
      pop = facts.pop
      prefix = `${now.date}\t${now.time}\t${pop}\t`
    }
    const asked = findAsked(request.headers.raw)
    const { tls } = request.connection
    let line =
      `${prefix}${sentBytes(visit)}\t${request.client.address}\t${orDash(request.method)}\t` +
      `${visit.distributionDomain ?? '-'}\t${orDash(request.path)}\t${statusOf(visit)}\t` +
      `${remembering(asked.referer)}\t${remembering(asked.userAgent)}\t${orDash(request.query)}\t` +
      `${asked.cookie !== undefined && facts.logsCookies(visit.distribution) ? orDash(asked.cookie) : '-'}\t` +
      `${visit.resultType}\t${request.id}\t${orDash(request.host)}\t${protocolOf(visit)}\t` +
      `${receivedBytes(visit)}\t${seconds(durationOf(visit))}\t${orDash(asked.forwardedFor)}\t`
    line += tls === undefined ? '-\t-\t' : `${tls.version}\t${tls.cipher}\t`
    line += `${visit.responseResultType}\tHTTP/${request.httpVersion}\t`
    line +=
      visit.fleStatus === undefined && visit.fleFields === undefined
        ? '-\t-\t'
        : `${visit.fleStatus ?? '-'}\t${visit.fleFields ?? '-'}\t`
    line +=
      `${request.client.port}\t${seconds(firstByteOf(visit))}\t${visit.detailedResultType}\t` +
      `${remembering(responseHeaders?.get('content-type'))}\t${orDash(responseHeaders?.get('content-length'))}\t`
    if (status !== 206 && status !== 416) return `${line}-\t-\n`
    const [first, last] = rangeOf(visit)
    return `${line}${first}\t${last}\n`
  }
}

interface Asked {
  readonly referer: string | undefined
  readonly userAgent: string | undefined
  readonly cookie: string | undefined
  readonly forwardedFor: string | undefined
}

/** The request fields that a line tells of, found in one pass. */
function findAsked(raw: readonly string[]): Asked {
  let referer: string | undefined
  let userAgent: string | undefined
  let cookie: string | undefined
  let forwardedFor: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    switch (name.length) {
      case 6:
        if (name.toLowerCase() === 'cookie') cookie = joined(cookie, raw[i + 1]!)
        break
      case 7:
        if (name.toLowerCase() === 'referer') referer ??= raw[i + 1]
        break
      case 10:
        if (name.toLowerCase() === 'user-agent') userAgent ??= raw[i + 1]
        break
      case 15:
        if (name.toLowerCase() === 'x-forwarded-for') forwardedFor = joined(forwardedFor, raw[i + 1]!)
        break
      default:
    }
  }
  return { referer, userAgent, cookie, forwardedFor }
}

/** RFC 9110 section 5.3. */
function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}

/** One JSON object per line, all values text, with the additional fields of standard logging v2 (DG:standard-logging). */
export function createJsonFormat(facts: LineFacts): LineFormat {
  const momentOf = createMoments()
  const remembering = createRemembering()
  return (visit) => {
    const ended = endedAt(visit)
    const values = valuesOf(visit, facts, momentOf(ended), remembering)
    const line: Record<string, string> = {}
    for (const [index, name] of standardFields.entries()) line[name] = values[index]!
    line['timestamp(ms)'] = String(Math.round(ended))
    line['origin-fbl'] = originMoment(visit, 'firstByteAt')
    line['origin-lbl'] = originMoment(visit, 'lastByteAt')
    line['asn'] = visit.asn === undefined ? '-' : String(visit.asn)
    line['c-country'] = visit.country ?? '-'
    line['cache-behavior-path-pattern'] = visit.behavior ?? '-'
    line['viewer-request-log-data'] = visit.viewerRequestLogData ?? '-'
    line['viewer-response-log-data'] = visit.viewerResponseLogData ?? '-'
    // Ours: why it was a hit or a miss.
    line['edgeward-cache-reason'] = visit.cache?.why ?? '-'
    return `${JSON.stringify(line)}\n`
  }
}
