import { checkKeyValue, keyValueLimits, type KeyValue, sizeOf } from './limits.ts'

/** What an import file holds, or everything that is wrong with it. */
export type ImportResult =
  | { readonly kind: 'read'; readonly items: ReadonlyMap<string, string> }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

/**
 * Reads AWS's import format, `{"data":[{"key":"…","value":"…"}]}` in UTF-8
 * (DG:kvs-with-functions-create-s3-kvp). All problems are reported at once, with the place of each.
 */
export function readImportFile(text: string): ImportResult {
  const problems: string[] = []
  if (Buffer.byteLength(text) > keyValueLimits.storeBytes) {
    problems.push(`the file is larger than ${keyValueLimits.storeBytes} bytes`)
  }
  const parsed = parse(text)
  if (parsed.kind === 'broken') return { kind: 'refused', problems: [...problems, parsed.says] }
  const data =
    typeof parsed.value === 'object' && parsed.value !== null && 'data' in parsed.value
      ? parsed.value.data
      : undefined
  if (!Array.isArray(data)) {
    return {
      kind: 'refused',
      problems: [...problems, 'the file needs "data": [{ "key": "…", "value": "…" }]'],
    }
  }
  const items = new Map<string, string>()
  let bytes = 0
  for (const [index, entry] of (data as readonly unknown[]).entries()) {
    const item = readItem(entry)
    if (item === undefined) {
      problems.push(`data[${index}] must have a "key" and a "value", both strings, and nothing else`)
      continue
    }
    if (items.has(item.key)) problems.push(`data[${index}] repeats the key ${JSON.stringify(item.key)}`)
    for (const says of checkKeyValue(item.key, item.value)) problems.push(`data[${index}] ${says}`)
    bytes += sizeOf(item)
    items.set(item.key, item.value)
  }
  if (bytes > keyValueLimits.storeBytes) {
    problems.push(
      `keys and values are ${bytes} bytes together; a store holds at most ${keyValueLimits.storeBytes}`,
    )
  }
  return problems.length === 0 ? { kind: 'read', items } : { kind: 'refused', problems }
}

/** A store in AWS's import format, keys in order. */
export function writeImportFile(items: ReadonlyMap<string, string>): string {
  const data = [...items].map(([key, value]) => ({ key, value }))
  return `${JSON.stringify({ data }, undefined, 2)}\n`
}

function parse(
  text: string,
): { readonly kind: 'parsed'; readonly value: unknown } | { readonly kind: 'broken'; readonly says: string } {
  try {
    return { kind: 'parsed', value: JSON.parse(text) }
  } catch (error) {
    return {
      kind: 'broken',
      says: `the file is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

function readItem(entry: unknown): KeyValue | undefined {
  if (typeof entry !== 'object' || entry === null || !('key' in entry) || !('value' in entry))
    return undefined
  const { key, value, ...rest } = entry
  if (typeof key !== 'string' || typeof value !== 'string' || Object.keys(rest).length > 0) return undefined
  return { key, value }
}
