/** Limits of a CloudFront KeyValueStore in bytes (DG:cloudfront-limits). */
export const keyValueLimits = {
  keyBytes: 512,
  valueBytes: 1024,
  storeBytes: 5 * 1024 * 1024,
  updateKeys: 50,
  updateBytes: 3 * 1024 * 1024,
} as const

export interface KeyValue {
  readonly key: string
  readonly value: string
}

export function sizeOf({ key, value }: KeyValue): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value)
}

/** What is wrong with a pair, as ends of sentences. */
export function checkKeyValue(key: string, value: string): string[] {
  const problems: string[] = []
  const keyBytes = Buffer.byteLength(key)
  if (keyBytes === 0 || keyBytes > keyValueLimits.keyBytes) {
    problems.push(`has a key of ${keyBytes} bytes; 1 to ${keyValueLimits.keyBytes} are allowed`)
  }
  const valueBytes = Buffer.byteLength(value)
  if (valueBytes > keyValueLimits.valueBytes) {
    problems.push(`has a value of ${valueBytes} bytes; at most ${keyValueLimits.valueBytes} are allowed`)
  }
  return problems
}
