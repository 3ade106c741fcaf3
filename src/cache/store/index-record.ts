import { crc32 } from 'node:zlib'
import type { Identity } from './selection.ts'
import type { Selection } from './store.ts'

/** The first line of an index: what it is, and how it is written. */
export const FIRST_LINE = '{"edgeward":"cache-index","format":1}'

/** Where an entry on disk is, and what is known of it without reading it. */
export interface DiskPlace {
  /** Name of its file. */
  readonly file: string
  readonly fileBytes: number
  readonly bodyBytes: number
  readonly requestedAt: number
  /** Revision of the head as far as others are concerned; a soft purge counts it up without writing the head. */
  readonly revision: number
  /** Revision of the head in the file, which must not turn out to be older. */
  readonly headRevision: number
  /** Softly invalidated as of this moment (milliseconds since the epoch); 0 when not. */
  readonly softAt: number
}

/** What happened to the index: an entry stands at a place now, an entry was removed, a selection was invalidated. */
export type IndexRecord =
  | { readonly put: Identity; readonly at: DiskPlace; readonly proven?: boolean }
  | { readonly drop: string; readonly file: string }
  | { readonly invalidate: Selection; readonly soft: boolean; readonly now: number }

/** A record as a line of the file: checksum, blank, JSON, newline. */
export function encodeLine(record: IndexRecord): string {
  const text = JSON.stringify(toJson(record))
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`
}

/** A record from a line without its newline; undefined when the line is not what was written. */
export function decodeLine(line: string): IndexRecord | undefined {
  const text = line.slice(9)
  if (line[8] !== ' ' || line.slice(0, 8) !== crc32(text).toString(16).padStart(8, '0')) return undefined
  try {
    return fromJson(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

/** Lists instead of objects: an index of a million entries is mostly names of members otherwise. */
function toJson(record: IndexRecord): unknown[] {
  if ('put' in record) {
    const { put, at } = record
    const base = put.baseKey === put.key ? 0 : put.baseKey
    const identity = [put.key, base, put.distributionId, put.path, put.tags]
    const place = [
      at.file,
      at.fileBytes,
      at.bodyBytes,
      at.requestedAt,
      at.revision,
      at.headRevision,
      at.softAt,
    ]
    return ['p', ...identity, ...place, record.proven === true ? 1 : 0]
  }
  if ('drop' in record) return ['d', record.drop, record.file]
  return ['i', record.invalidate, record.soft ? 1 : 0, record.now]
}

function fromJson(json: unknown): IndexRecord {
  if (!Array.isArray(json)) throw new TypeError('an index line is a list')
  const at = (i: number): unknown => json[i]
  switch (at(0)) {
    case 'p':
      return {
        put: {
          key: text(at(1)),
          baseKey: at(2) === 0 ? text(at(1)) : text(at(2)),
          distributionId: text(at(3)),
          path: text(at(4)),
          tags: texts(at(5)),
        },
        at: {
          file: fileName(at(6)),
          fileBytes: number(at(7)),
          bodyBytes: number(at(8)),
          requestedAt: number(at(9)),
          revision: number(at(10)),
          headRevision: number(at(11)),
          softAt: number(at(12)),
        },
        proven: at(13) === 1,
      }
    case 'd':
      return { drop: text(at(1)), file: fileName(at(2)) }
    case 'i':
      return { invalidate: selection(at(1)), soft: at(2) === 1, now: number(at(3)) }
    default:
      throw new TypeError('an index line is of no known kind')
  }
}

function selection(value: unknown): Selection {
  if (typeof value !== 'object' || value === null) throw new TypeError('a selection is an object')
  return {
    ...('distributionId' in value ? { distributionId: text(value.distributionId) } : {}),
    ...('paths' in value ? { paths: texts(value.paths) } : {}),
    ...('tags' in value ? { tags: texts(value.tags) } : {}),
  }
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('text was expected')
  return value
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value)) throw new TypeError('a list was expected')
  return value.map(text)
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('a number was expected')
  return value
}

/** Names lead nowhere but into our own folder. */
function fileName(value: unknown): string {
  const name = text(value)
  if (!/^[0-9a-z]{8}-[0-9a-z-]+$/.test(name)) throw new TypeError('a file name was expected')
  return name
}
