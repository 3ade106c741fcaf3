import type { Inspection } from '../inspection.ts'
import type { FieldNode } from '../plan.ts'
import { plainBody } from './body.ts'
import { cookies } from './cookies.ts'
import { type FieldValues, NO_VALUES, oneValue, outcome } from './field-values.ts'
import { allHeaders, headerOrder, type HeadersReading, singleHeader } from './headers.ts'
import { jsonBody } from './json-body.ts'
import { allQueryArguments, singleQueryArgument } from './query-arguments.ts'

/** A component of the request as AWS WAF sees it, before any transformation. `query` is undefined without `?`. */
export function readField(node: FieldNode, inspection: Inspection, query: string | undefined): FieldValues {
  const { request } = inspection
  switch (node.kind) {
    case 'method':
      return oneValue(request.method)
    case 'uri-path':
      return oneValue(withoutFragment(request.path))
    case 'query-string':
      return query === undefined || query === '' ? NO_VALUES : oneValue(query)
    case 'single-header':
      return singleHeader(request.headers, node.name)
    case 'single-query-argument':
      return singleQueryArgument(query, node.name)
    case 'all-query-arguments':
      return allQueryArguments(query)
    case 'headers':
      return noted(allHeaders(request.headers, node), 'REQUEST_HEADERS', inspection)
    case 'cookies':
      return noted(cookies(request.headers, node), 'REQUEST_COOKIES', inspection)
    case 'header-order':
      return noted(headerOrder(request.headers, node), 'REQUEST_HEADERS', inspection)
    case 'body':
      if (inspection.body.isOversize) inspection.noteOversize('REQUEST_BODY')
      return plainBody(inspection.body, node.oversize)
    case 'json-body':
      if (inspection.body.isOversize) inspection.noteOversize('REQUEST_JSON_BODY')
      return jsonBody(inspection.body, node)
    case 'ja3':
      return orMissing(request.connection.tls?.ja3, node.onMissing)
    case 'ja4':
      return orMissing(request.connection.tls?.ja4, node.onMissing)
    case 'uri-fragment':
      return orMissing(fragmentOf(request.query ?? request.path), node.onMissing)
  }
}

/** Whether a component is part of the body. */
export function isOfBody(node: FieldNode): boolean {
  return node.kind === 'body' || node.kind === 'json-body'
}

/** `location` of match details in AWS WAF logs. */
export function locationOf(node: FieldNode): string {
  return LOCATIONS[node.kind]
}

const LOCATIONS = {
  method: 'METHOD',
  'uri-path': 'URI',
  'query-string': 'QUERY_STRING',
  'all-query-arguments': 'ALL_QUERY_ARGS',
  'single-header': 'HEADER',
  'single-query-argument': 'SINGLE_QUERY_ARG',
  headers: 'HEADERS',
  cookies: 'COOKIES',
  'header-order': 'HEADER_ORDER',
  body: 'BODY',
  // AWS prints UNKNOWN for JSON bodies.
  'json-body': 'UNKNOWN',
  ja3: 'JA3_FINGERPRINT',
  ja4: 'JA4_FINGERPRINT',
  'uri-fragment': 'URI_FRAGMENT',
} as const satisfies Record<FieldNode['kind'], string>

function noted(reading: HeadersReading, name: string, inspection: Inspection): FieldValues {
  if (reading.isOversize) inspection.noteOversize(name)
  return reading.found
}

function orMissing(value: string | undefined, onMissing: boolean): FieldValues {
  return value === undefined || value === '' ? outcome(onMissing) : oneValue(value)
}

function withoutFragment(path: string): string {
  const hash = path.indexOf('#')
  return hash === -1 ? path : path.slice(0, hash)
}

function fragmentOf(target: string): string | undefined {
  const hash = target.indexOf('#')
  return hash === -1 ? undefined : target.slice(hash + 1)
}
