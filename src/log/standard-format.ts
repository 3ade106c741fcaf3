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

/** One tab-separated line per visit, with its line end. */
export function createStandardFormat(facts: LineFacts): LineFormat {
  const momentOf = createMoments()
  const remembering = createRemembering()
  return (visit) => `${valuesOf(visit, facts, momentOf(endedAt(visit)), remembering).join('\t')}\n`
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
    return `${JSON.stringify(line)}\n`
  }
}
