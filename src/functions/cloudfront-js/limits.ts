/** Limits of CloudFront Functions (DG:cloudfront-limits), and our own where CloudFront documents none. */
export const functionLimits = {
  sourceBytes: 10_240,
  memoryBytes: 2 * 1024 * 1024,
  /** Console output kept of one run. */
  logBytes: 10_240,
  /** What `cf.logCustomData` may hold. */
  logDataBytes: 800,
  /** A body that a function returns; CloudFront documents none, so this is the one of Lambda@Edge at viewer events. */
  bodyBytes: 40 * 1024,
  /** The same as it is written in base64. */
  bodyBase64Characters: Math.floor(53.2 * 1024),
  headerBytes: 32_768,
  /**
   * Loop rounds and function calls of one run that stand for 100 % compute utilisation: about what an interpreter does
   * in the millisecond that CloudFront allows. CloudFront's own measure is not public.
   */
  steps: 20_000,
  /** Time by the clock, and then of the CPU, after which a sandbox is stopped even where no step is counted, as inside a regular expression. */
  stopAfterMs: 40,
  /** Elements a built-in array method goes through at most. */
  arrayLength: 1_000_000,
} as const
