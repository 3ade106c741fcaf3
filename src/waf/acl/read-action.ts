import { z } from 'zod'
import type { ActionKind, PlannedAction, PlannedCustomResponse } from '../plan.ts'
import { limits } from './limits.ts'
import { type Findings, isRecord, type JsonPath } from './problems.ts'

/** Response codes that AWS WAF takes (DG:waf-custom-response-codes). */
const STATUSES = new Set([
  ...[
    200, 201, 202, 204, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 408, 409, 411, 412,
    413,
  ],
  ...[414, 415, 416, 421, 429, 500, 501, 502, 503, 504, 505],
])

const CONTENT_TYPES = {
  TEXT_PLAIN: 'text/plain',
  TEXT_HTML: 'text/html',
  APPLICATION_JSON: 'application/json',
} as const

const header = z.strictObject({
  Name: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[a-zA-Z0-9._$-]+$/, 'a header name is made of letters, digits and . _ $ -'),
  Value: z
    .string()
    .min(1)
    .max(255)
    // eslint-disable-next-line no-control-regex -- control characters are exactly what is refused
    .regex(/^[^\x00-\x1f\x7f]*$/, 'must not contain control characters'),
})

const headers = z.array(header).min(1).max(limits.customHeaders)
const requestHandling = z.strictObject({ InsertHeaders: headers })
const allowLike = z.strictObject({ CustomRequestHandling: requestHandling.optional() })
const blockSchema = z.strictObject({
  CustomResponse: z
    .strictObject({
      ResponseCode: z
        .number()
        .int()
        .refine((status) => STATUSES.has(status), `must be one of ${[...STATUSES].join(', ')}`),
      CustomResponseBodyKey: z
        .string()
        .min(1)
        .max(128)
        .regex(/^[\w-]+$/)
        .optional(),
      ResponseHeaders: headers.optional(),
    })
    .optional(),
})

const bodySchema = z.strictObject({
  ContentType: z.enum(['TEXT_PLAIN', 'TEXT_HTML', 'APPLICATION_JSON']),
  Content: z.string().min(1).max(limits.responseBodyCharacters),
})

const KINDS: Readonly<Record<string, ActionKind>> = {
  Allow: 'allow',
  Block: 'block',
  Count: 'count',
  Captcha: 'captcha',
  Challenge: 'challenge',
  Monetize: 'monetize',
}

export interface ResponseBody {
  readonly contentType: string
  readonly bytes: Buffer
}

/** Custom response bodies belong to the web ACL or group they stand in. */
export type ResponseBodies = ReadonlyMap<string, ResponseBody>

/** An action without headers or response. */
export function plainAction(kind: ActionKind): PlannedAction {
  return { kind, insertHeaders: [], response: undefined, immunitySeconds: undefined }
}

/** Reads CustomResponseBodies. */
export function readBodies(value: unknown, path: JsonPath, findings: Findings): ResponseBodies {
  const bodies = new Map<string, ResponseBody>()
  if (value === undefined) return bodies
  if (!isRecord(value)) {
    findings.problem(path, 'must be an object whose keys name the bodies')
    return bodies
  }
  let total = 0
  for (const [key, raw] of Object.entries(value)) {
    const body = findings.parse(bodySchema, raw, [...path, key])
    // An invalid body keeps its key, so that rules which name it are not told it is missing.
    const bytes = Buffer.from(body?.Content ?? '')
    total += bytes.length
    bodies.set(key, { contentType: CONTENT_TYPES[body?.ContentType ?? 'TEXT_PLAIN'], bytes })
  }
  if (bodies.size > limits.responseBodies)
    findings.problem(path, `has ${bodies.size} bodies; at most ${limits.responseBodies} fit`)
  if (total > limits.responseBodyBytesTotal)
    findings.problem(path, `has ${total} bytes in all; at most ${limits.responseBodyBytesTotal} fit`)
  return bodies
}

/** Reads a RuleAction or DefaultAction; `allowed` says which kinds may stand here. */
export function readAction(
  value: unknown,
  allowed: readonly ActionKind[],
  bodies: ResponseBodies,
  path: JsonPath,
  findings: Findings,
): PlannedAction | undefined {
  const keys = isRecord(value) ? Object.keys(value) : []
  const [key] = keys
  const kind = key === undefined ? undefined : KINDS[key]
  if (
    !isRecord(value) ||
    key === undefined ||
    kind === undefined ||
    keys.length > 1 ||
    !allowed.includes(kind)
  ) {
    const names = Object.keys(KINDS).filter((name) => allowed.includes(KINDS[name]!))
    findings.problem(path, `exactly one of ${names.join(', ')} is expected`)
    return undefined
  }
  const at = [...path, key]
  if (kind === 'block') return readBlock(value[key], bodies, at, findings)
  if (kind === 'monetize') {
    findings.note(at, 'Monetize answers 402 here; nothing is charged')
    return plainAction(kind)
  }
  const parsed = findings.parse(allowLike, value[key], at)
  if (parsed === undefined) return undefined
  const inserted = parsed.CustomRequestHandling?.InsertHeaders ?? []
  return {
    ...plainAction(kind),
    insertHeaders: inserted.map(({ Name, Value }) => ({ name: `x-amzn-waf-${Name}`, value: latin1(Value) })),
  }
}

function readBlock(
  value: unknown,
  bodies: ResponseBodies,
  path: JsonPath,
  findings: Findings,
): PlannedAction | undefined {
  const parsed = findings.parse(blockSchema, value, path)
  if (parsed === undefined) return undefined
  const custom = parsed.CustomResponse
  if (custom === undefined) return plainAction('block')
  const at = [...path, 'CustomResponse']
  const given = custom.ResponseHeaders ?? []
  const seen = new Set<string>()
  given.forEach(({ Name }, i) => {
    const lower = Name.toLowerCase()
    if (lower === 'content-type')
      findings.problem(
        [...at, 'ResponseHeaders', i, 'Name'],
        'Content-Type comes with the response body; leave it out',
      )
    if (seen.has(lower)) findings.problem([...at, 'ResponseHeaders', i, 'Name'], `${Name} is given twice`)
    seen.add(lower)
  })
  const bodyKey = custom.CustomResponseBodyKey
  const body = bodyKey === undefined ? undefined : bodies.get(bodyKey)
  if (bodyKey !== undefined && body === undefined) {
    findings.problem(
      [...at, 'CustomResponseBodyKey'],
      `there is no body named ${bodyKey} in CustomResponseBodies`,
    )
  }
  const response: PlannedCustomResponse = {
    status: custom.ResponseCode,
    headers: given.map(({ Name, Value }) => ({ name: Name, value: latin1(Value) })),
    contentType: body?.contentType,
    body: body?.bytes,
  }
  return { ...plainAction('block'), response }
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}
