import type { FunctionEventName } from '../../planned-functions.ts'

/**
 * Limits of Lambda@Edge in bytes (DG:cloudfront-limits). Base64 is measured as it is written: 40 KB and 1 MB
 * of content are about 53.2 KB and 1.33 MB of base64.
 */
const VIEWER = { text: 40 * 1024, base64: Math.floor(53.2 * 1024) } as const
const ORIGIN = { text: 1024 * 1024, base64: Math.floor(1.33 * 1024 * 1024) } as const

/** What a function may return as a body, and as a whole response with its headers. */
export const returnedLimits = {
  'viewer-request': VIEWER,
  'origin-request': ORIGIN,
  'origin-response': ORIGIN,
  'viewer-response': VIEWER,
} as const satisfies Record<FunctionEventName, { readonly text: number; readonly base64: number }>

/** What `includeBody` shows of a request body before it is cut. */
export const shownBodyBytes = { 'viewer-request': 40 * 1024, 'origin-request': 1024 * 1024 } as const

/** Request line, query string and headers of a request; headers of a response. */
export const MAX_HEADER_BYTES = 32_768

/** What Lambda itself lets an invocation return (6 MB). */
export const MAX_RESULT_BYTES = 6 * 1024 * 1024

/** Limits on packages and settings, for `check`; the second tier is what older documentation and deployments enforce. */
export const deployLimits = {
  packageBytes: 50 * 1024 * 1024,
  timeoutMs: 30_000,
  olderViewer: { packageBytes: 1024 * 1024, timeoutMs: 5000, memoryMb: 128 },
} as const
