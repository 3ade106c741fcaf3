import type { ExternalGroup, ExternalHit, ExternalRun, InspectedResponse } from '../external-group.ts'
import { plainAction } from '../acl/read-action.ts'
import type { HeaderList } from '../../http/header-list.ts'
import type { Evidence, Inspection } from '../inspection.ts'
import type { PlannedAction } from '../plan.ts'
import type { CompiledCrs } from './compile-crs.ts'
import type { CrsVerdict } from './crs-engine.ts'
import type { CrsRequest } from './crs-facts.ts'
import type { RuleMatch, Ruling } from './transaction.ts'

/** Labels of the Core Rule Set: `crs:942100` for a rule, `crs:attack-sqli` for what it found. */
const NAMESPACE = 'crs:'
/** Bytes of bodies rules look at, unless SecRequestBodyLimit or SecResponseBodyLimit say otherwise. */
const REQUEST_BODY_BYTES = 131_072
const RESPONSE_BODY_BYTES = 524_288
/** AWS has no figure for it; its own Core rule set counts 700. */
const CAPACITY = 700

/** The Core Rule Set as a rule group of a web ACL (vendor `OWASP`, name `CRS`). `now` gives milliseconds since the epoch. */
export function crsGroup(compiled: CompiledCrs, now: () => number = Date.now): ExternalGroup {
  const { engine, ids } = compiled
  const { settings } = engine
  const responseBytes = settings.responseBodyBytes ?? RESPONSE_BODY_BYTES
  return {
    capacity: CAPACITY,
    labelNamespace: NAMESPACE,
    requestBodyBytes: settings.readsRequestBody ? (settings.requestBodyBytes ?? REQUEST_BODY_BYTES) : 0,
    hasRule: (name) => /^\d+$/.test(name) && ids.has(Number(name)),
    open: (inspection) => openRun(compiled, inspection, responseBytes, now),
  }
}

function openRun(
  { engine }: CompiledCrs,
  inspection: Inspection,
  responseBytes: number,
  now: () => number,
): ExternalRun {
  let run: ReturnType<typeof engine.evaluateRequest> | undefined
  const begin = (): ReturnType<typeof engine.evaluateRequest> => {
    const body = inspection.peeked.length === 0 ? '' : inspection.peeked.toString('latin1')
    return (run ??= engine.evaluateRequest(requestOf(inspection, now()), body, inspection.isPeek))
  }
  return {
    inspectRequest: () => hitsOf(begin().request, 0),
    responseBodyBytes(_status: number, headers: HeaderList): number {
      return begin().wantsResponse(headers.get('content-type')) === 'body' ? responseBytes : 0
    },
    inspectResponse({ status, headers, body }: InspectedResponse): readonly ExternalHit[] {
      const before = begin()
      if (before.wantsResponse(headers.get('content-type')) === 'no') return []
      const { httpVersion } = inspection.request
      const verdict = before.evaluateResponse({
        status,
        protocol: `HTTP/${httpVersion}`,
        headers: headers.raw,
        body: body.toString('latin1'),
      })
      return hitsOf(verdict, before.request.matches.length)
    },
  }
}

function requestOf(inspection: Inspection, now: number): CrsRequest {
  const { request } = inspection
  const { connection, client, headers } = request
  return {
    id: request.id,
    method: request.method,
    path: request.path,
    query: request.query,
    protocol: `HTTP/${request.httpVersion}`,
    // What HTTP/2 calls :authority is a Host header to rules (RFC 9113 section 8.3.1).
    headers:
      request.host === '' || headers.has('host') ? headers.raw : ['Host', request.host, ...headers.raw],
    remoteAddress: client.address,
    remotePort: client.port,
    serverAddress: connection.local.address,
    serverPort: connection.local.port,
    host: request.host,
    now,
    countryOf: (address) => inspection.placeOf(address).country,
  }
}

const NO_HITS: readonly ExternalHit[] = []
const COUNT = plainAction('count')
const BLOCK = plainAction('block')

/** Matches from a number on, each as a hit that counts; the one that decided is the last and ends the evaluation. */
function hitsOf({ matches, ruling }: CrsVerdict, from: number): readonly ExternalHit[] {
  if (matches.length <= from && ruling === undefined) return NO_HITS
  const hits: ExternalHit[] = []
  for (const match of matches.slice(from)) {
    if (match.rule !== ruling?.rule) hits.push({ ...hitOf(match), action: COUNT })
  }
  if (ruling !== undefined) {
    const match = matches.findLast(({ rule }) => rule === ruling.rule)
    const base = match === undefined ? unlogged(ruling) : hitOf(match)
    hits.push({ ...base, action: actionOf(ruling) })
  }
  return hits
}

function hitOf(match: RuleMatch): Omit<ExternalHit, 'action'> {
  const { id, tags } = match.rule.rule
  const labels = [`${NAMESPACE}${id}`]
  for (const tag of tags)
    if (tag.startsWith('attack-')) labels.push(NAMESPACE + tag.replaceAll(/[^\w-]/g, '-'))
  return { rule: String(id), labels, evidence: [evidenceOf(match)] }
}

function unlogged({ rule }: Ruling): Omit<ExternalHit, 'action'> {
  return { rule: String(rule.rule.id), labels: [`${NAMESPACE}${rule.rule.id}`], evidence: [] }
}

function evidenceOf({ message, data, name, value }: RuleMatch): Evidence {
  const colon = name.indexOf(':')
  return {
    statement: 'SecRule',
    location: colon === -1 ? name : name.slice(0, colon),
    name: colon === -1 ? undefined : name.slice(colon + 1),
    value,
    start: 0,
    end: value.length,
    matchedData: [message, data].filter((text) => text !== ''),
    sensitivity: undefined,
  }
}

function actionOf(ruling: Ruling): PlannedAction {
  if (ruling.location === undefined && ruling.status === 403) return BLOCK
  const headers = ruling.location === undefined ? [] : [{ name: 'Location', value: ruling.location }]
  return {
    ...BLOCK,
    response: { status: ruling.status, headers, body: undefined, contentType: undefined },
  }
}
