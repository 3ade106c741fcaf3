/* oxlint-disable typescript/no-extraneous-class -- named as functions expect them */
/** What `makeEncoding` gives. */
export interface GuestEncoding {
  readonly Buffer: unknown
  readonly atob: (text: string) => string
  readonly btoa: (text: string) => string
  readonly TextEncoder: unknown
  readonly TextDecoder: unknown
  /** Bytes as a string of one character each. */
  readonly binaryOf: (bytes: Uint8Array) => string
  readonly bytesOfBinary: (binary: string) => Uint8Array
  readonly encodeUtf8: (text: string) => string
  readonly decodeUtf8: (binary: string) => string
  readonly decode: (text: string, encoding: string) => string
  readonly encode: (binary: string, encoding: string) => string
}

/**
 * Buffer, atob, btoa, TextEncoder and TextDecoder for functions. Its text runs inside the sandbox, so it knows nothing
 * but the language: no imports, no names from outside.
 */
export function makeEncoding(): GuestEncoding {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const { fromCharCode } = String
  const CHUNK = 4096

  function binaryOf(bytes: Uint8Array): string {
    let binary = ''
    for (let i = 0; i < bytes.length; i += CHUNK) binary += fromCharCode(...bytes.subarray(i, i + CHUNK))
    return binary
  }

  function bytesOfBinary(binary: string): Uint8Array {
    const bytes = new Uint8Array(binary.length)
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
    return bytes
  }

  function encodeUtf8(text: string): string {
    let out = ''
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i)
      if (code < 0x80) {
        out += text[i]!
        continue
      }
      if (code >= 0xd800 && code <= 0xdfff) {
        const low = text.charCodeAt(i + 1)
        if (code <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
          i++
        } else code = 0xfffd
      }
      if (code < 0x800) out += fromCharCode(0xc0 | (code >> 6), 0x80 | (code & 63))
      else if (code < 0x10000)
        out += fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
      else {
        out += fromCharCode(
          0xf0 | (code >> 18),
          0x80 | ((code >> 12) & 63),
          0x80 | ((code >> 6) & 63),
          0x80 | (code & 63),
        )
      }
    }
    return out
  }

  /** Malformed bytes become U+FFFD; with `isFatal` they are a TypeError. */
  function decodeUtf8(binary: string, isFatal = false): string {
    let out = ''
    for (let i = 0; i < binary.length;) {
      const first = binary.charCodeAt(i)
      if (first < 0x80) {
        out += binary[i]!
        i++
        continue
      }
      const more =
        first >= 0xc2 && first <= 0xdf
          ? 1
          : first >= 0xe0 && first <= 0xef
            ? 2
            : first >= 0xf0 && first <= 0xf4
              ? 3
              : 0
      let code = more === 1 ? first & 31 : more === 2 ? first & 15 : first & 7
      let taken = 1
      for (; taken <= more; taken++) {
        const next = binary.charCodeAt(i + taken)
        const lowest = taken > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
        const highest = taken > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
        if (!(next >= lowest && next <= highest)) break
        code = (code << 6) | (next & 63)
      }
      if (more === 0 || taken <= more) {
        if (isFatal) throw new TypeError('The encoded data was not valid')
        out += '\ufffd'
        i += taken
      } else {
        out +=
          code < 0x10000
            ? fromCharCode(code)
            : fromCharCode(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff))
        i += more + 1
      }
    }
    return out
  }

  function encodeBase64(binary: string, isUrl: boolean): string {
    let out = ''
    for (let i = 0; i < binary.length; i += 3) {
      const left = binary.length - i
      const bits =
        (binary.charCodeAt(i) << 16) |
        ((left > 1 ? binary.charCodeAt(i + 1) : 0) << 8) |
        (left > 2 ? binary.charCodeAt(i + 2) : 0)
      out += ALPHABET[bits >> 18]! + ALPHABET[(bits >> 12) & 63]!
      out += left > 1 ? ALPHABET[(bits >> 6) & 63]! : isUrl ? '' : '='
      out += left > 2 ? ALPHABET[bits & 63]! : isUrl ? '' : '='
    }
    return isUrl ? out.replaceAll('+', '-').replaceAll('/', '_') : out
  }

  function decodeBase64(text: string): string {
    let out = ''
    let bits = 0
    let count = 0
    for (let i = 0; i < text.length; i++) {
      const character = text[i] === '-' ? '+' : text[i] === '_' ? '/' : text[i]!
      if (character === '=') break
      const value = ALPHABET.indexOf(character)
      if (value === -1) continue
      bits = ((bits << 6) | value) & 0xffffff
      count++
      if (count % 4 !== 1) out += fromCharCode((bits >> (6 - ((count - 1) % 4) * 2)) & 0xff)
    }
    return out
  }

  function decode(text: string, encoding: string): string {
    switch (encoding.toLowerCase()) {
      case 'utf8':
      case 'utf-8':
        return encodeUtf8(text)
      case 'hex': {
        let out = ''
        for (let i = 0; i + 1 < text.length; i += 2) {
          const value = Number(`0x${text.slice(i, i + 2)}`)
          if (Number.isNaN(value)) break
          out += fromCharCode(value)
        }
        return out
      }
      case 'base64':
      case 'base64url':
        return decodeBase64(text)
      case 'latin1':
      case 'binary':
      case 'ascii':
        return binaryOf(bytesOfBinary(text))
      default:
        throw new TypeError(`Unknown encoding: ${encoding}`)
    }
  }

  function encode(binary: string, encoding: string): string {
    switch (encoding.toLowerCase()) {
      case 'utf8':
      case 'utf-8':
        return decodeUtf8(binary)
      case 'hex': {
        let out = ''
        for (let i = 0; i < binary.length; i++) out += binary.charCodeAt(i).toString(16).padStart(2, '0')
        return out
      }
      case 'base64':
        return encodeBase64(binary, false)
      case 'base64url':
        return encodeBase64(binary, true)
      case 'latin1':
      case 'binary':
      case 'ascii':
        return binary
      default:
        throw new TypeError(`Unknown encoding: ${encoding}`)
    }
  }

  class GuestBuffer extends Uint8Array {
    static override from(source: unknown, second?: unknown, third?: unknown): GuestBuffer {
      if (typeof source === 'string')
        return copy(bytesOfBinary(decode(source, second === undefined ? 'utf8' : String(second))))
      if (source instanceof ArrayBuffer)
        return new GuestBuffer(source, Number(second ?? 0), third === undefined ? undefined : Number(third))
      if (Array.isArray(source) || ArrayBuffer.isView(source)) return copy(source as ArrayLike<number>)
      throw new TypeError('Buffer.from takes a string, an array, an ArrayBuffer or a Buffer')
    }

    static alloc(size: number, fill?: string | number): GuestBuffer {
      const buffer = new GuestBuffer(size)
      return fill === undefined ? buffer : buffer.fill(fill)
    }

    static concat(list: readonly Uint8Array[], total?: number): GuestBuffer {
      let length = 0
      for (const each of list) length += each.length
      const buffer = new GuestBuffer(total ?? length)
      let at = 0
      for (const each of list) {
        if (at >= buffer.length) break
        buffer.set(each.subarray(0, buffer.length - at), at)
        at += each.length
      }
      return buffer
    }

    static isBuffer(value: unknown): boolean {
      return value instanceof GuestBuffer
    }

    static isEncoding(name: unknown): boolean {
      return typeof name === 'string' && /^(utf-?8|hex|base64(url)?|latin1|binary|ascii)$/i.test(name)
    }

    static byteLength(value: string | Uint8Array, encoding = 'utf8'): number {
      return typeof value === 'string' ? decode(value, encoding).length : value.byteLength
    }

    static compare(a: Uint8Array, b: Uint8Array): number {
      for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1
      return a.length === b.length ? 0 : a.length < b.length ? -1 : 1
    }

    override toString(encoding = 'utf8', start = 0, end = this.length): string {
      return encode(binaryOf(this.subarray(start, end)), encoding)
    }

    toJSON(): unknown {
      return { type: 'Buffer', data: [...this] }
    }

    equals(other: Uint8Array): boolean {
      return GuestBuffer.compare(this, other) === 0
    }

    compare(other: Uint8Array): number {
      return GuestBuffer.compare(this, other)
    }

    copy(target: Uint8Array, at = 0, start = 0, end = this.length): number {
      const part = this.subarray(start, Math.min(end, start + target.length - at))
      target.set(part, at)
      return part.length
    }

    write(text: string, offset = 0, length = this.length - offset, encoding = 'utf8'): number {
      const bytes = bytesOfBinary(decode(text, encoding)).subarray(0, length)
      this.set(bytes, offset)
      return bytes.length
    }

    override fill(value: string | number, start = 0, end = this.length): this {
      if (typeof value === 'number') return super.fill(value, start, end)
      const bytes = bytesOfBinary(encodeUtf8(value))
      for (let i = start; i < end; i++) this[i] = bytes.length === 0 ? 0 : bytes[(i - start) % bytes.length]!
      return this
    }

    override slice(start?: number, end?: number): never {
      // A slice of a Buffer shares its memory, unlike one of a typed array.
      return this.subarray(start, end) as never
    }

    override indexOf(value: number | string | Uint8Array, from = 0): number {
      if (typeof value === 'number') return super.indexOf(value & 0xff, from)
      return binaryOf(this).indexOf(typeof value === 'string' ? encodeUtf8(value) : binaryOf(value), from)
    }

    override includes(value: number | string | Uint8Array, from = 0): boolean {
      return this.indexOf(value, from) !== -1
    }
  }

  const integers: readonly (readonly [name: string, bytes: number, view: string])[] = [
    ['Int8', 1, 'Int8'],
    ['UInt8', 1, 'Uint8'],
    ['Int16', 2, 'Int16'],
    ['UInt16', 2, 'Uint16'],
    ['Int32', 4, 'Int32'],
    ['UInt32', 4, 'Uint32'],
    ['Float', 4, 'Float32'],
    ['Double', 8, 'Float64'],
  ]
  for (const [name, bytes, view] of integers) {
    for (const order of bytes === 1 ? [''] : ['LE', 'BE']) {
      // The methods of DataView are named after the type, which the type checker cannot follow.
      const methods = (buffer: Uint8Array) =>
        new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) as unknown as Record<
          string,
          (...values: unknown[]) => number
        >
      Object.defineProperty(GuestBuffer.prototype, `read${name}${order}`, {
        value(this: Uint8Array, offset = 0) {
          return methods(this)[`get${view}`]!(offset, order === 'LE')
        },
      })
      Object.defineProperty(GuestBuffer.prototype, `write${name}${order}`, {
        value(this: Uint8Array, value: number, offset = 0) {
          methods(this)[`set${view}`]!(offset, value, order === 'LE')
          return offset + bytes
        },
      })
    }
  }

  function copy(bytes: ArrayLike<number>): GuestBuffer {
    const buffer = new GuestBuffer(bytes.length)
    buffer.set(bytes)
    return buffer
  }

  class GuestTextEncoder {
    readonly encoding = 'utf-8'
    encode(text = ''): Uint8Array {
      return bytesOfBinary(encodeUtf8(String(text)))
    }
  }

  class GuestTextDecoder {
    readonly encoding = 'utf-8'
    readonly fatal: boolean
    constructor(label = 'utf-8', options: { readonly fatal?: boolean } = {}) {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`The "${label}" encoding is not supported`)
      this.fatal = options.fatal === true
    }
    decode(bytes: ArrayBuffer | Uint8Array = new Uint8Array(0)): string {
      return decodeUtf8(binaryOf(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes), this.fatal)
    }
  }

  function btoa(text: string): string {
    const given = String(text)
    for (let i = 0; i < given.length; i++) {
      if (given.charCodeAt(i) > 0xff) throw new TypeError('btoa takes characters up to U+00FF only')
    }
    return encodeBase64(given, false)
  }

  function atob(text: string): string {
    const given = String(text).replace(/[\t\n\f\r ]/g, '')
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(given) || given.replace(/=+$/, '').length % 4 === 1) {
      throw new TypeError('atob takes base64 only')
    }
    return decodeBase64(given)
  }

  return {
    Buffer: GuestBuffer,
    atob,
    btoa,
    TextEncoder: GuestTextEncoder,
    TextDecoder: GuestTextDecoder,
    binaryOf,
    bytesOfBinary,
    encodeUtf8,
    decodeUtf8: (binary) => decodeUtf8(binary),
    decode,
    encode,
  }
}
