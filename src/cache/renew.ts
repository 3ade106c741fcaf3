import { HeaderList } from '../http/header-list.ts'
import { keptFields } from './build-entry.ts'
import type { Entry } from './entry.ts'

/** Fields that describe the stored bytes; a 304 does not change them (RFC 9111 section 3.2). */
const OF_BYTES: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-md5',
  'content-range',
  'etag',
])

/** The stored fields, brought up to date by those of a 304 (RFC 9111 section 4.3.4). */
export function renewedFields(entry: Entry, update: HeaderList): HeaderList {
  const fresh = new HeaderList(keptFields(update))
  const names = new Set<string>()
  fresh.deleteWhere((name) => OF_BYTES.has(name))
  for (const [name] of fresh) names.add(name.toLowerCase())
  const merged = new HeaderList([...entry.fields])
  merged.deleteWhere((name) => names.has(name))
  for (const [name, value] of fresh) merged.append(name, value)
  return merged
}
