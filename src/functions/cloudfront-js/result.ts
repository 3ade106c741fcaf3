import { HeaderList } from '../../http/header-list.ts'
import { parameterName, splitQuery } from '../../http/query.ts'
import { capitalised, invalidValueCharacter, isFieldName, wireOf } from '../header-text.ts'
import { decodeBase64 } from '../base64.ts'
import { pages, type Problems } from '../problems.ts'
import { isDisallowed, readOnlyAt } from '../restricted-headers.ts'
import { checkQuery, checkTargetLength, checkUri, encodeTarget, shorten, typeName } from '../target.ts'
import type { FunctionRequest, FunctionResponse, FunctionValues } from './event.ts'
import { functionLimits } from './limits.ts'
import { type ChangedValues, plainList, readValues } from './values.ts'

/** A request as a function left it; what it did not touch is undefined, and `headers` is the given list then. */
export interface FunctionChangedRequest {
  readonly kind: 'request'
  readonly uri: string | undefined
  /** Empty when no parameter is left. */
  readonly query: string | undefined
  readonly headers: HeaderList
}

export interface FunctionChangedResponse {
  readonly kind: 'response'
  readonly status: number
  readonly headers: HeaderList
  /** Undefined where the body stays as it is. */
  readonly body: Buffer | undefined
}

const NONE: FunctionValues = {}

/** Reads what a viewer-request function returned. Broken rules are noted in `problems`. */
export function readFunctionRequestResult(
  returned: unknown,
  shown: FunctionRequest,
  original: HeaderList,
  rawQuery: string | undefined,
  problems: Problems,
): FunctionChangedRequest | FunctionChangedResponse {
  const unchanged: FunctionChangedRequest = {
    kind: 'request',
    uri: undefined,
    query: undefined,
    headers: original,
  }
  const result = objectOf(returned, problems)
  if (result === undefined) return unchanged
  if (result.statusCode !== undefined) return readResponse(result, undefined, new HeaderList(), problems)
  if (result.uri === undefined && result.headers === undefined && result.method === undefined) {
    problems.invalid('the result', 'must be a request or a response with a statusCode', pages.functionEvent)
    return unchanged
  }
  if (result.method !== undefined && result.method !== shown.method) {
    problems.invalid('request.method', 'is read-only: the function tried to change it', pages.functionEvent)
  }
  const uri =
    result.uri !== shown.uri && checkUri(result.uri, 'request.uri', problems)
      ? encodeTarget(result.uri)
      : undefined
  const query = readQuery(result.querystring, shown, rawQuery, problems)
  if (uri !== undefined || query !== undefined) {
    checkTargetLength(uri ?? shown.uri, query ?? rawQuery ?? '', 'request.uri', problems)
  }
  const headers = applyHeaders(
    original,
    shown.headers ?? NONE,
    result.headers ?? {},
    'request.headers',
    problems,
  )
  return {
    kind: 'request',
    uri,
    query,
    headers: applyCookies(headers, shown.cookies ?? NONE, result.cookies ?? {}, problems),
  }
}

/** Reads what a viewer-response function returned. Broken rules are noted in `problems`. */
export function readFunctionResponseResult(
  returned: unknown,
  shown: FunctionResponse,
  original: HeaderList,
  problems: Problems,
): FunctionChangedResponse {
  const result = objectOf(returned, problems)
  if (result === undefined)
    return { kind: 'response', status: shown.statusCode, headers: original, body: undefined }
  return readResponse(result, shown, original, problems)
}

function readResponse(
  result: Readonly<Record<string, unknown>>,
  shown: FunctionResponse | undefined,
  original: HeaderList,
  problems: Problems,
): FunctionChangedResponse {
  const { statusCode, body } = result
  const isStatus =
    typeof statusCode === 'number' && Number.isInteger(statusCode) && statusCode >= 200 && statusCode <= 599
  if (!isStatus) {
    const said = typeof statusCode === 'number' ? String(statusCode) : typeName(statusCode)
    problems.invalid(
      'response.statusCode',
      `must be a number from 200 to 599, and is ${said}`,
      pages.functionEvent,
    )
  }
  const fields = applyHeaders(
    original,
    shown?.headers ?? NONE,
    result.headers ?? {},
    'response.headers',
    problems,
  )
  const headers = applySetCookies(fields, shown?.cookies ?? NONE, result.cookies ?? {}, problems)
  const bytes = body === undefined || body === null ? undefined : readBody(body, problems)
  return {
    kind: 'response',
    status: isStatus ? statusCode : 502,
    headers,
    body: bytes ?? (shown === undefined ? Buffer.alloc(0) : undefined),
  }
}

/** A string, or `{ encoding, data }`. */
function readBody(body: unknown, problems: Problems): Buffer | undefined {
  const { encoding, data } = (
    typeof body === 'object' && body !== null ? body : { encoding: 'text', data: body }
  ) as Partial<Record<'encoding' | 'data', unknown>>
  if (typeof data !== 'string') {
    problems.invalid(
      'response.body',
      `must be a string or { encoding, data }, and is ${typeName(body)}`,
      pages.functionEvent,
    )
    return undefined
  }
  if (encoding !== undefined && encoding !== 'text' && encoding !== 'base64') {
    problems.invalid('response.body.encoding', 'must be "text" or "base64"', pages.functionEvent)
    return undefined
  }
  const isBase64 = encoding === 'base64'
  const limit = isBase64 ? functionLimits.bodyBase64Characters : functionLimits.bodyBytes
  const size = isBase64 ? data.length : Buffer.byteLength(data)
  if (size > limit) {
    problems.invalid(
      'response.body',
      `must be at most ${limit} bytes of ${isBase64 ? 'base64' : 'text'}, and is ${size}`,
      pages.limits,
    )
    return undefined
  }
  const bytes = isBase64 ? decodeBase64(data) : Buffer.from(data)
  if (bytes === undefined) problems.invalid('response.body', 'is not valid base64', pages.functionEvent)
  return bytes
}

/** Undefined when the query string stays as it was sent. */
function readQuery(
  returned: unknown,
  shown: FunctionRequest,
  rawQuery: string | undefined,
  problems: Problems,
): string | undefined {
  if (typeof returned === 'string') {
    if (returned === rawQuery) return undefined
    return checkQuery(returned, 'request.querystring', problems) ? encodeTarget(returned) : undefined
  }
  const values = readValues(returned ?? {}, shown.querystring ?? NONE, 'request.querystring', problems)
  if (values === undefined || !isChanged(values)) return undefined
  const sent = sentParameters(rawQuery)
  const parts: string[] = []
  for (const name of values.names) {
    const changed = values.changed.get(name)
    // What was not touched goes as it came, byte for byte.
    if (changed === undefined) parts.push(...(sent.get(name) ?? []))
    else for (const { value } of changed) parts.push(`${name}=${value}`)
  }
  const query = parts.join('&')
  return checkQuery(query, 'request.querystring', problems) ? encodeTarget(query) : undefined
}

function sentParameters(rawQuery: string | undefined): Map<string, string[]> {
  const sent = new Map<string, string[]>()
  for (const parameter of splitQuery(rawQuery ?? '')) {
    if (parameter === '') continue
    const name = parameterName(parameter)
    const known = sent.get(name)
    if (known === undefined) sent.set(name, [parameter])
    else known.push(parameter)
  }
  return sent
}

function isChanged({ changed, deleted }: ChangedValues): boolean {
  return changed.size > 0 || deleted.length > 0
}

function applyHeaders(
  original: HeaderList,
  shown: FunctionValues,
  returned: unknown,
  field: string,
  problems: Problems,
): HeaderList {
  const values = readValues(returned, shown, field, problems)
  if (values === undefined) return original
  checkHeaders(values, shown, field, problems)
  if (!isChanged(values)) return original
  const list = new HeaderList()
  const gone = new Set(values.deleted)
  const written = new Set<string>()
  const { raw } = original
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const changed = values.changed.get(name)
    if (gone.has(name)) continue
    if (changed === undefined) list.raw.push(raw[i]!, raw[i + 1]!)
    else if (!written.has(name)) {
      written.add(name)
      for (const { value } of changed) list.raw.push(capitalised(name), wireOf(value))
    }
  }
  for (const [name, changed] of values.changed) {
    if (!written.has(name)) for (const { value } of changed) list.raw.push(capitalised(name), wireOf(value))
  }
  let bytes = 0
  for (const text of list.raw) bytes += text.length + 2
  if (bytes > functionLimits.headerBytes) {
    problems.invalid(
      field,
      `must be at most ${functionLimits.headerBytes} bytes together, and are ${bytes}`,
      pages.limits,
    )
  }
  return list
}

function checkHeaders(values: ChangedValues, shown: FunctionValues, field: string, problems: Problems): void {
  const readOnly = readOnlyAt('cloudfront', problems.event)
  const cookieField = field.startsWith('request') ? 'cookie' : 'set-cookie'
  for (const name of values.names) {
    if (name !== name.toLowerCase())
      problems.invalid(
        `${field}["${shorten(name)}"]`,
        'must have its name in lower case',
        pages.functionEvent,
      )
  }
  for (const name of values.deleted) {
    if (readOnly.has(name))
      problems.invalid(
        `${field}["${name}"]`,
        'is a read-only header: the function tried to delete it',
        pages.restrictions,
      )
  }
  for (const [name, list] of values.changed) {
    const here = `${field}["${shorten(name)}"]`
    if (isDisallowed(name))
      problems.invalid(here, 'is a disallowed header: the function tried to add it', pages.restrictions)
    else if (readOnly.has(name)) {
      const attempt = shown[name] === undefined ? 'add' : 'change'
      problems.invalid(here, `is a read-only header: the function tried to ${attempt} it`, pages.restrictions)
    } else if (name === cookieField) {
      problems.invalid(here, 'cannot be set as a header; use the cookies object', pages.functionEvent)
    } else if (!isFieldName(name)) problems.invalid(here, 'is not a valid header name', pages.functionEvent)
    else checkCharacters(list, here, problems)
  }
}

function checkCharacters(
  list: readonly { readonly value: string }[],
  here: string,
  problems: Problems,
): void {
  for (const { value } of list) {
    const bad = invalidValueCharacter(value)
    if (bad !== undefined)
      problems.invalid(here, `has the invalid character ${bad} in its value`, pages.functionEvent)
  }
}

function applyCookies(
  headers: HeaderList,
  shown: FunctionValues,
  returned: unknown,
  problems: Problems,
): HeaderList {
  const values = readValues(returned, shown, 'request.cookies', problems)
  if (values === undefined || !isChanged(values)) return headers
  const pairs = values.names.flatMap((name) =>
    (values.changed.get(name) ?? plainList(shown[name]!)).map(({ value }) => `${name}=${value}`),
  )
  const list = headers.clone()
  if (pairs.length === 0) list.delete('cookie')
  else {
    checkCharacters([{ value: pairs.join('; ') }], 'request.cookies', problems)
    list.set('Cookie', wireOf(pairs.join('; ')))
  }
  return list
}

function applySetCookies(
  headers: HeaderList,
  shown: FunctionValues,
  returned: unknown,
  problems: Problems,
): HeaderList {
  const values = readValues(returned, shown, 'response.cookies', problems)
  if (values === undefined || !isChanged(values)) return headers
  const list = headers.clone()
  list.delete('set-cookie')
  for (const name of values.names) {
    const each = values.changed.get(name) ?? plainList(shown[name]!)
    for (const { value, attributes } of each) {
      const line = attributes === undefined ? `${name}=${value}` : `${name}=${value}; ${attributes}`
      checkCharacters([{ value: line }], `response.cookies["${shorten(name)}"]`, problems)
      list.append('Set-Cookie', wireOf(line))
    }
  }
  return list
}

function objectOf(value: unknown, problems: Problems): Readonly<Record<string, unknown>> | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>
  problems.invalid('the result', `must be an object, and is ${typeName(value)}`, pages.functionEvent)
  return undefined
}
