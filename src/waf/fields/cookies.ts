import type { HeaderList } from '../../http/header-list.ts'
import type { FieldNode } from '../plan.ts'
import type { HeadersReading } from './headers.ts'
import { NameList } from './name-list.ts'

/**
 * Cookies up to 8,192 bytes and 200 of them; their names are compared with their case. Unlike the parser that decides
 * what is forwarded, this one refuses nothing: what stands without `=` is a value without a name.
 */
export function cookies(
  headers: HeaderList,
  node: Extract<FieldNode, { kind: 'headers' | 'cookies' }>,
): HeadersReading {
  const list = new NameList(node.pattern, node.scope, false)
  const { raw } = headers
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (name.length === 6 && name.toLowerCase() === 'cookie')
      eachCookie(raw[i + 1]!, (key, value) => list.add(key, value))
  }
  return { found: list.take(node.oversize), isOversize: list.isOversize }
}

/** Calls `tell` for every cookie of a field, in order. */
export function eachCookie(field: string, tell: (name: string, value: string) => void): void {
  let start = 0
  while (start < field.length) {
    const semicolon = field.indexOf(';', start)
    const end = semicolon === -1 ? field.length : semicolon
    const part = field.slice(start, end).trim()
    start = end + 1
    if (part === '') continue
    const equals = part.indexOf('=')
    if (equals === -1) tell('', part)
    else tell(part.slice(0, equals).trimEnd(), part.slice(equals + 1).trimStart())
  }
}
