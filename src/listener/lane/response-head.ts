import { STATUS_CODES } from 'node:http'
import type { EdgeResponse } from '../../visit.ts'

/** The head of a response as it goes out. */
export interface ResponseHead {
  /** Status line, fields and empty line, in latin1. */
  readonly text: string
  /** Whether the viewer is told that the connection stays open. */
  readonly keepsOpen: boolean
  /** How the end of a body that is a stream is found: by this length, or by chunks where it is undefined. */
  readonly length: number | undefined
  /** Bytes without the connection fields of the listener, as the log counts them. */
  readonly bytes: number
}

/** What a head says beyond the fields of its response. */
export interface Framing {
  /** False for HEAD, 204 and 304 (RFC 9112 section 6.3). */
  readonly hasBody: boolean
  /** Bytes of a body that is no stream. */
  readonly size: number | undefined
  readonly keepsOpen: boolean
  /** `Connection` and `Keep-Alive` lines for a connection that stays open. */
  readonly keepAliveLines: string
}

const STATUS_LINES: readonly (string | undefined)[] = Array.from({ length: 600 }, (_, status) => {
  const words = status === 494 ? 'Request Header Or Cookie Too Large' : STATUS_CODES[status]
  return words === undefined ? undefined : `HTTP/1.1 ${status} ${words}\r\n`
})

// What a name and a value must not have (RFC 9110 sections 5.1 and 5.5). They are looked at one by one, because in the
// text of a whole head a value with a line break is not to be told from two fields.
const NOT_IN_NAME = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/
const CLOSE = /\bclose\b/i
const DIGITS = /^\d{1,15}$/

const PLAIN = 0
const LENGTH = 1
const CONNECTION = 2
const DROPPED = 3

/** What is known of a field name, and what it said last: most fields say the same in response after response. */
interface KnownName {
  readonly meaning: typeof PLAIN | typeof LENGTH | typeof CONNECTION | typeof DROPPED
  /** Looked at and found good. */
  value: string | undefined
  /** The whole line, once the value has come back. */
  line: string | undefined
}

/** Names come from origins, so their number has an end; longer values are not kept. */
const MAX_KNOWN_NAMES = 500
const MAX_KEPT_VALUE = 512

export type WriteResponseHead = (response: EdgeResponse, framing: Framing) => ResponseHead | undefined

/** The lines that tell a viewer how long it may keep its connection. */
export function keepAliveLines(keepAliveTimeoutMs: number): string {
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveTimeoutMs / 1000)}\r\n`
}

/**
 * Writes a response head as the `node:http` way does: the fields in their order, Content-Length if it is missing and
 * the body is no stream (it is added to the response, too), then the connection fields. Hop-by-hop fields of the
 * response do not count, but for `Connection: close`. Undefined when the response cannot be written at all: a
 * status that ends no exchange, a field with a line break, an impossible length.
 *
 * What a writer remembers of names and values is bounded; the connections of a lane share one.
 */
export function createResponseHead(): WriteResponseHead {
  const known = new Map<string, KnownName>()

  /** Undefined for what is no name. */
  function learn(name: string): KnownName | undefined {
    if (name === '' || NOT_IN_NAME.test(name)) return undefined
    const field: KnownName = { meaning: meaningOf(name.toLowerCase()), value: undefined, line: undefined }
    if (known.size >= MAX_KNOWN_NAMES) known.clear()
    known.set(name, field)
    return field
  }

  return (response, framing) => {
    const { status } = response
    if (!(status >= 200 && status <= 999)) return undefined
    const { raw } = response.headers
    const { size, hasBody } = framing
    let { keepsOpen } = framing
    let text = STATUS_LINES[status] ?? `HTTP/1.1 ${status} Unknown\r\n`
    let isCloseWritten = false
    let length: string | undefined
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!
      let value = raw[i + 1]!
      const field = known.get(name) ?? learn(name)
      if (field === undefined) return undefined
      if (field.meaning === PLAIN && value === field.value) {
        text += field.line ??= flat(`${name}: ${value}\r\n`)
        continue
      }
      if (NOT_IN_VALUE.test(value)) return undefined
      switch (field.meaning) {
        case PLAIN:
          if (value.length > MAX_KEPT_VALUE) break
          field.value = value
          field.line = undefined
          break
        case DROPPED:
          continue
        case CONNECTION:
          if (isCloseWritten || !CLOSE.test(value)) continue
          keepsOpen = false
          isCloseWritten = true
          value = 'close'
          break
        case LENGTH:
          if (length !== undefined || !DIGITS.test(value)) return undefined
          // What is sent is what is announced, or the next response would be read from the wrong place.
          if (hasBody && size !== undefined && Number(value) !== size) value = raw[i + 1] = String(size)
          length = value
          break
      }
      text += `${name}: ${value}\r\n`
    }
    if (hasBody && size !== undefined && length === undefined) {
      length = String(size)
      raw.push('Content-Length', length)
      text += `Content-Length: ${length}\r\n`
    }
    const bytes = text.length + 2
    if (keepsOpen) text += framing.keepAliveLines
    else if (!isCloseWritten) text += 'Connection: close\r\n'
    text += hasBody && length === undefined ? 'Transfer-Encoding: chunked\r\n\r\n' : '\r\n'
    return { text, keepsOpen, length: length === undefined ? undefined : Number(length), bytes }
  }
}

function meaningOf(lowerName: string): KnownName['meaning'] {
  switch (lowerName) {
    case 'content-length':
      return LENGTH
    case 'connection':
      return CONNECTION
    case 'keep-alive':
    case 'transfer-encoding':
      return DROPPED
    default:
      return PLAIN
  }
}

/** In one piece: a line put together of pieces would be copied piece by piece into every head. */
function flat(line: string): string {
  return Buffer.from(line, 'latin1').toString('latin1')
}
