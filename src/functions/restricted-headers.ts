import type { FunctionEventName, FunctionKind } from '../planned-functions.ts'

/** Hidden from functions at every event; adding one fails validation (DG:edge-function-restrictions-all). */
export const disallowedHeaders = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'trailer',
  'upgrade',
  'x-accel-buffering',
  'x-accel-charset',
  'x-accel-limit-rate',
  'x-accel-redirect',
  'x-amzn-auth',
  'x-amzn-cf-billing',
  'x-amzn-cf-id',
  'x-amzn-cf-xff',
  'x-amzn-errortype',
  'x-amzn-fle-profile',
  'x-amzn-header-count',
  'x-amzn-header-order',
  'x-amzn-lambda-integration-tag',
  'x-amzn-requestid',
  'x-cache',
  'x-forwarded-proto',
  'x-real-ip',
] as const

/** Beginnings of names that are disallowed whatever follows. */
export const disallowedPrefixes = ['x-amz-cf-', 'x-edge-'] as const

/** Visible, but neither added nor changed nor deleted (DG:edge-function-restrictions-all). */
export const readOnlyHeaders = {
  'viewer-request': ['cdn-loop', 'content-length', 'host', 'transfer-encoding', 'via'],
  'origin-request': [
    'accept-encoding',
    'cdn-loop',
    'content-length',
    'if-modified-since',
    'if-none-match',
    'if-range',
    'if-unmodified-since',
    'transfer-encoding',
    'via',
  ],
  'origin-response': ['transfer-encoding', 'via'],
  'viewer-response': ['warning', 'via'],
} as const satisfies Record<FunctionEventName, readonly string[]>

/** Read-only at viewer-response for Lambda@Edge alone. */
export const readOnlyForLambda = ['content-length', 'content-encoding', 'transfer-encoding'] as const

const disallowed: ReadonlySet<string> = new Set(disallowedHeaders)

/** Whether a lower-case header name is hidden from functions and may not be set by them. */
export function isDisallowed(lowerName: string): boolean {
  if (disallowed.has(lowerName)) return true
  return (
    lowerName.charCodeAt(0) === LOWER_X && disallowedPrefixes.some((prefix) => lowerName.startsWith(prefix))
  )
}

const LOWER_X = 0x78

const readOnly = {
  'lambda-edge': {
    'viewer-request': new Set<string>(readOnlyHeaders['viewer-request']),
    'origin-request': new Set<string>(readOnlyHeaders['origin-request']),
    'origin-response': new Set<string>(readOnlyHeaders['origin-response']),
    'viewer-response': new Set<string>([...readOnlyHeaders['viewer-response'], ...readOnlyForLambda]),
  },
  cloudfront: {
    'viewer-request': new Set<string>(readOnlyHeaders['viewer-request']),
    'origin-request': new Set<string>(readOnlyHeaders['origin-request']),
    'origin-response': new Set<string>(readOnlyHeaders['origin-response']),
    'viewer-response': new Set<string>(readOnlyHeaders['viewer-response']),
  },
} as const satisfies Record<FunctionKind, Record<FunctionEventName, ReadonlySet<string>>>

/** The lower-case names a kind of function may see but not touch at an event. */
export function readOnlyAt(kind: FunctionKind, event: FunctionEventName): ReadonlySet<string> {
  return readOnly[kind][event]
}
