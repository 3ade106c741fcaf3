/** For tests: a ClientHello as parts, written to the wire by `writeClientHello`. */
export interface HelloParts {
  readonly legacyVersion?: number
  readonly cipherSuites?: readonly number[]
  readonly extensions?: readonly (readonly [type: number, body: Buffer])[]
}

/** The handshake message (without record header) of a hello with these parts. */
export function writeClientHello({
  legacyVersion = 0x0303,
  cipherSuites = [],
  extensions,
}: HelloParts): Buffer {
  const block = (extensions ?? []).map(([type, body]) => Buffer.concat([uint16(type), vector16(body)]))
  const body = Buffer.concat([
    uint16(legacyVersion),
    Buffer.alloc(32, 7),
    vector8(Buffer.alloc(32, 9)),
    vector16(numbers(cipherSuites)),
    vector8(Buffer.from([0])),
    ...(extensions === undefined ? [] : [vector16(Buffer.concat(block))]),
  ])
  return Buffer.concat([
    Buffer.from([1, body.length >> 16, (body.length >> 8) & 255, body.length & 255]),
    body,
  ])
}

/** A handshake message in TLS records that carry `recordBytes` each. */
export function inRecords(message: Buffer, recordBytes = 16_384): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += recordBytes) {
    records.push(Buffer.from([22, 3, 1]), vector16(message.subarray(at, at + recordBytes)))
  }
  return Buffer.concat(records)
}

/** Extensions by what they say. */
export const extension = {
  serverName: (name: string) =>
    [0, vector16(Buffer.concat([Buffer.from([0]), vector16(latin1(name))]))] as const,
  supportedGroups: (groups: readonly number[]) => [10, vector16(numbers(groups))] as const,
  ecPointFormats: (formats: readonly number[]) => [11, vector8(Buffer.from(formats))] as const,
  signatureAlgorithms: (algorithms: readonly number[]) => [13, vector16(numbers(algorithms))] as const,
  alpn: (names: readonly string[]) =>
    [16, vector16(Buffer.concat(names.map((name) => vector8(latin1(name)))))] as const,
  supportedVersions: (versions: readonly number[]) => [43, vector8(numbers(versions))] as const,
  empty: (type: number) => [type, Buffer.alloc(0)] as const,
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

function numbers(values: readonly number[]): Buffer {
  return Buffer.concat(values.map(uint16))
}

function vector8(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([body.length]), body])
}

function vector16(body: Buffer): Buffer {
  return Buffer.concat([uint16(body.length), body])
}
