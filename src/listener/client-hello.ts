/** What a TLS client offers in its first message (RFC 8446 section 4.1.2), numbers in wire order, GREASE included. */
export interface ClientHello {
  /** `legacy_version`, for example 0x0303. */
  readonly legacyVersion: number
  readonly cipherSuites: readonly number[]
  /** Types of the extensions. */
  readonly extensions: readonly number[]
  /** The host name as sent, or undefined. */
  readonly serverName: string | undefined
  /** One character per byte: protocol names need not be text. */
  readonly alpnProtocols: readonly string[]
  readonly supportedGroups: readonly number[]
  readonly ecPointFormats: readonly number[]
  readonly signatureAlgorithms: readonly number[]
  readonly supportedVersions: readonly number[]
}

/**
 * What the beginning of a connection says as TLS. `neededBytes` is how many bytes there must be before another
 * try can get further; `absent` means that this is not TLS at all.
 */
export type ParsedClientHello =
  | { readonly kind: 'incomplete'; readonly neededBytes: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'found'; readonly hello: ClientHello }

/** The longest ClientHello taken, in bytes, and the most bytes of records that may carry it. */
export const MAX_CLIENT_HELLO_BYTES = 65_536

/**
 * Reads a ClientHello from the first bytes of a connection, whole or in several TLS records. Never throws. It is
 * no more forgiving than OpenSSL: a hello that OpenSSL would take and we could not read would be one without a
 * fingerprint.
 */
export function parseClientHello(bytes: Buffer): ParsedClientHello {
  if (bytes.length > 0 && bytes[0] !== RECORD_HANDSHAKE) return ABSENT
  if (bytes.length > 1 && bytes[1] !== 3) return ABSENT
  const message = joinRecords(bytes)
  if (message.kind !== 'message') return message
  return readHello(new Cursor(message.bytes, HANDSHAKE_HEAD_BYTES, message.bytes.length))
}

const ABSENT: ParsedClientHello = Object.freeze({ kind: 'absent' })
const RECORD_HANDSHAKE = 22
const RECORD_HEAD_BYTES = 5
const MAX_RECORD_BYTES = 16_384
const HANDSHAKE_CLIENT_HELLO = 1
const HANDSHAKE_HEAD_BYTES = 4

type Joined =
  | { readonly kind: 'incomplete'; readonly neededBytes: number }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'message'; readonly bytes: Buffer }

/** Takes the first handshake message out of its records (RFC 8446 section 5.1). */
function joinRecords(bytes: Buffer): Joined {
  let at = 0
  let joined = EMPTY
  const parts: Buffer[] = []
  let joinedBytes = 0
  let messageBytes = HANDSHAKE_HEAD_BYTES
  while (joinedBytes < messageBytes) {
    if (at + RECORD_HEAD_BYTES > bytes.length) {
      // Even in one record the rest of the message would take this much.
      return incomplete(at + RECORD_HEAD_BYTES + messageBytes - joinedBytes)
    }
    if (bytes[at] !== RECORD_HANDSHAKE || bytes[at + 1] !== 3) {
      return invalid('another kind of TLS record interrupts the ClientHello')
    }
    const recordBytes = bytes.readUInt16BE(at + 3)
    // RFC 8446 section 5.1: handshake records are never empty and carry at most 2^14 bytes.
    if (recordBytes === 0 || recordBytes > MAX_RECORD_BYTES) {
      return invalid(`a TLS handshake record announces ${recordBytes} bytes`)
    }
    at += RECORD_HEAD_BYTES
    const part = bytes.subarray(at, at + recordBytes)
    parts.push(part)
    joinedBytes += part.length
    at += part.length
    if (messageBytes === HANDSHAKE_HEAD_BYTES && joinedBytes > 0) {
      joined = parts.length === 1 ? part : Buffer.concat(parts)
      if (joined[0] !== HANDSHAKE_CLIENT_HELLO) return invalid('the first TLS message is not a ClientHello')
      if (joinedBytes >= HANDSHAKE_HEAD_BYTES) {
        messageBytes = HANDSHAKE_HEAD_BYTES + joined.readUIntBE(1, 3)
        if (messageBytes > MAX_CLIENT_HELLO_BYTES) return invalid(tooLong(messageBytes))
      }
    }
    if (part.length < recordBytes && joinedBytes < messageBytes) {
      const inRecord = Math.min(recordBytes - part.length, messageBytes - joinedBytes)
      const behind = messageBytes - joinedBytes - inRecord
      return incomplete(at + inRecord + (behind > 0 ? RECORD_HEAD_BYTES + behind : 0))
    }
    if (at > MAX_CLIENT_HELLO_BYTES && joinedBytes < messageBytes) return invalid(tooLong(at))
  }
  if (parts.length > 1) joined = Buffer.concat(parts)
  return { kind: 'message', bytes: joined.subarray(0, messageBytes) }
}

function tooLong(bytes: number): string {
  return `the ClientHello takes ${bytes} bytes or more; at most ${MAX_CLIENT_HELLO_BYTES} are read`
}

const EXTENSION_SERVER_NAME = 0
const EXTENSION_SUPPORTED_GROUPS = 10
const EXTENSION_EC_POINT_FORMATS = 11
const EXTENSION_SIGNATURE_ALGORITHMS = 13
const EXTENSION_ALPN = 16
const EXTENSION_SUPPORTED_VERSIONS = 43

function readHello(cursor: Cursor): ParsedClientHello {
  const legacyVersion = cursor.uint16()
  cursor.skip(32)
  cursor.skip(cursor.uint8())
  const cipherSuites = readNumbers(cursor.vector16(), 2)
  cursor.skip(cursor.uint8())
  const extensions: number[] = []
  let serverName: string | undefined
  let alpnProtocols: readonly string[] = []
  let supportedGroups: readonly number[] = []
  let ecPointFormats: readonly number[] = []
  let signatureAlgorithms: readonly number[] = []
  let supportedVersions: readonly number[] = []
  // A hello may end before the extensions (RFC 5246 section 7.4.1.2).
  const block = cursor.isAtEnd ? cursor : cursor.vector16()
  while (!block.isAtEnd && !block.hasFailed) {
    const type = block.uint16()
    const body = block.vector16()
    extensions.push(type)
    switch (type) {
      case EXTENSION_SERVER_NAME:
        serverName = readServerName(body)
        break
      case EXTENSION_SUPPORTED_GROUPS:
        supportedGroups = readNumbers(body.vector16(), 2)
        break
      case EXTENSION_EC_POINT_FORMATS:
        ecPointFormats = readNumbers(body.vector8(), 1)
        break
      case EXTENSION_SIGNATURE_ALGORITHMS:
        signatureAlgorithms = readNumbers(body.vector16(), 2)
        break
      case EXTENSION_ALPN:
        alpnProtocols = readAlpn(body.vector16())
        break
      case EXTENSION_SUPPORTED_VERSIONS:
        supportedVersions = readNumbers(body.vector8(), 2)
        break
      default:
        continue
    }
    if (body.hasFailed || !body.isAtEnd) return invalid(`extension ${type} of the ClientHello is malformed`)
  }
  if (cursor.hasFailed || !cursor.isAtEnd)
    return invalid('the ClientHello does not fit its announced lengths')
  return {
    kind: 'found',
    hello: {
      legacyVersion,
      cipherSuites,
      extensions,
      serverName,
      alpnProtocols,
      supportedGroups,
      ecPointFormats,
      signatureAlgorithms,
      supportedVersions,
    },
  }
}

/** RFC 6066 section 3; only the host name type exists. */
function readServerName(body: Cursor): string | undefined {
  const list = body.vector16()
  let hostName: string | undefined
  while (!list.isAtEnd && !list.hasFailed) {
    const isHostName = list.uint8() === 0
    const name = list.vector16().text()
    if (isHostName) hostName ??= name
  }
  return hostName
}

/** RFC 7301 section 3.1. */
function readAlpn(list: Cursor): string[] {
  const protocols: string[] = []
  while (!list.isAtEnd && !list.hasFailed) protocols.push(list.vector8().text())
  return protocols
}

function readNumbers(vector: Cursor, size: 1 | 2): number[] {
  const numbers: number[] = []
  while (!vector.isAtEnd && !vector.hasFailed) numbers.push(size === 1 ? vector.uint8() : vector.uint16())
  return numbers
}

/**
 * Walks bytes between two bounds. Reading past the end gives zeros and marks this cursor, and whichever it was cut
 * from, as failed, so that the caller asks once at the end.
 */
class Cursor {
  readonly #bytes: Buffer
  readonly #parent: Cursor | undefined
  readonly #end: number
  #at: number
  #hasFailed = false

  constructor(bytes: Buffer, start: number, end: number, parent?: Cursor) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#parent = parent
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  get hasFailed(): boolean {
    return this.#hasFailed
  }

  uint8(): number {
    const at = this.#advance(1)
    return at === -1 ? 0 : this.#bytes[at]!
  }

  uint16(): number {
    const at = this.#advance(2)
    return at === -1 ? 0 : (this.#bytes[at]! << 8) | this.#bytes[at + 1]!
  }

  skip(count: number): void {
    this.#advance(count)
  }

  /** What a one-byte length announces. */
  vector8(): Cursor {
    return this.#cut(this.uint8())
  }

  /** What a two-byte length announces. */
  vector16(): Cursor {
    return this.#cut(this.uint16())
  }

  /** All that is left, one character per byte. */
  text(): string {
    const text = this.#bytes.toString('latin1', this.#at, this.#end)
    this.#at = this.#end
    return text
  }

  #cut(length: number): Cursor {
    const start = this.#advance(length)
    return start === -1
      ? new Cursor(this.#bytes, this.#end, this.#end, this)
      : new Cursor(this.#bytes, start, start + length, this)
  }

  #advance(count: number): number {
    const at = this.#at
    if (at + count > this.#end) {
      this.#at = this.#end
      this.#fail()
      return -1
    }
    this.#at = at + count
    return at
  }

  #fail(): void {
    this.#hasFailed = true
    if (this.#parent !== undefined) this.#parent.#fail()
  }
}

const EMPTY: Buffer = Buffer.alloc(0)

function incomplete(neededBytes: number): { readonly kind: 'incomplete'; readonly neededBytes: number } {
  return { kind: 'incomplete', neededBytes }
}

function invalid(reason: string): { readonly kind: 'invalid'; readonly reason: string } {
  return { kind: 'invalid', reason }
}
