import type { HeaderList } from '../../http/header-list.ts'
import type { FieldNode } from '../plan.ts'
import { type FieldValues, NO_VALUES, oneValue, outcome } from './field-values.ts'
import { NameList } from './name-list.ts'

/** Every value of one header; whose name they have is known by who asks. */
export function singleHeader(headers: HeaderList, name: string): FieldValues {
  const values = headers.getAll(name)
  return values.length === 0 ? NO_VALUES : { values, names: undefined, decided: undefined }
}

export interface HeadersReading {
  readonly found: FieldValues
  readonly isOversize: boolean
}

/** Names and values of headers, Cookie among them, up to 8,192 bytes and 200 headers. */
export function allHeaders(
  headers: HeaderList,
  node: Extract<FieldNode, { kind: 'headers' | 'cookies' }>,
): HeadersReading {
  const list = new NameList(node.pattern, node.scope, true)
  const { raw } = headers
  for (let i = 0; i < raw.length; i += 2) list.add(raw[i]!, raw[i + 1]!)
  return { found: list.take(node.oversize), isOversize: list.isOversize }
}

/** The names of all headers in the order received, in lower case, joined by colons. */
export function headerOrder(
  headers: HeaderList,
  node: Extract<FieldNode, { kind: 'header-order' | 'body' }>,
): HeadersReading {
  const { raw } = headers
  const isOversize = raw.length > 400
  let names = ''
  for (let i = 0; i < raw.length && i < 400; i += 2)
    names += i === 0 ? raw[i]!.toLowerCase() : `:${raw[i]!.toLowerCase()}`
  const isTooLong = isOversize || names.length > 8_192
  if (isTooLong && node.oversize !== undefined) return { found: outcome(node.oversize), isOversize: true }
  return { found: names === '' ? NO_VALUES : oneValue(names.slice(0, 8_192)), isOversize: isTooLong }
}
