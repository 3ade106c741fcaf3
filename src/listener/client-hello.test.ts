import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { extension, inRecords, writeClientHello } from './client-hello.fixture.ts'
import { MAX_CLIENT_HELLO_BYTES, parseClientHello } from './client-hello.ts'

const message = writeClientHello({
  cipherSuites: [0x2a2a, 0x1301, 0xc02f],
  extensions: [
    extension.empty(0x3a3a),
    extension.serverName('Shop.Example'),
    extension.supportedGroups([0x4a4a, 29, 23]),
    extension.ecPointFormats([0, 1]),
    extension.signatureAlgorithms([0x0403, 0x0804]),
    extension.alpn(['h2', 'http/1.1']),
    extension.supportedVersions([0x5a5a, 0x0304, 0x0303]),
    [51, Buffer.alloc(1200, 3)],
  ],
})
const hello = {
  legacyVersion: 0x0303,
  cipherSuites: [0x2a2a, 0x1301, 0xc02f],
  extensions: [0x3a3a, 0, 10, 11, 13, 16, 43, 51],
  serverName: 'Shop.Example',
  alpnProtocols: ['h2', 'http/1.1'],
  supportedGroups: [0x4a4a, 29, 23],
  ecPointFormats: [0, 1],
  signatureAlgorithms: [0x0403, 0x0804],
  supportedVersions: [0x5a5a, 0x0304, 0x0303],
}

test('a hello is read with everything in wire order, GREASE included', () => {
  assert.deepEqual(parseClientHello(inRecords(message)), { kind: 'found', hello })
})

test('bytes behind the hello are left alone', () => {
  const bytes = Buffer.concat([inRecords(message), Buffer.from([20, 3, 3, 0, 1, 1])])
  assert.deepEqual(parseClientHello(bytes), { kind: 'found', hello })
})

test('the hello may be spread over records of any size', () => {
  for (const recordBytes of [1, 2, 3, 4, 5, 100, 1199, message.length - 1, message.length]) {
    assert.deepEqual(
      parseClientHello(inRecords(message, recordBytes)),
      { kind: 'found', hello },
      `${recordBytes}`,
    )
  }
})

test('cut anywhere it is incomplete, and asks for no more bytes than there will be', () => {
  for (const recordBytes of [1, 7, 16_384]) {
    const bytes = inRecords(message, recordBytes)
    for (let cut = 0; cut < bytes.length; cut++) {
      const parsed = parseClientHello(bytes.subarray(0, cut))
      assert.equal(parsed.kind, 'incomplete', `cut at ${cut}`)
      if (parsed.kind !== 'incomplete') continue
      assert.ok(
        parsed.neededBytes > cut && parsed.neededBytes <= bytes.length,
        `cut at ${cut}: ${parsed.neededBytes}`,
      )
    }
  }
})

test('a hello in one-byte records is tried a few times, not once per byte', () => {
  const bytes = inRecords(message, 1)
  let tries = 0
  for (let length = 1; length <= bytes.length;) {
    const parsed = parseClientHello(bytes.subarray(0, length))
    tries++
    if (parsed.kind !== 'incomplete') break
    length = parsed.neededBytes
  }
  assert.ok(tries < 60, `${tries} tries`)
})

test('a hello without extensions is whole', () => {
  for (const extensions of [undefined, []]) {
    const parts = { legacyVersion: 0x0301, cipherSuites: [4, 5], ...(extensions && { extensions }) }
    const parsed = parseClientHello(inRecords(writeClientHello(parts)))
    assert.ok(parsed.kind === 'found')
    assert.deepEqual(parsed.hello.extensions, [])
    assert.equal(parsed.hello.serverName, undefined)
  }
})

test('what is not TLS is told at the first byte that differs', () => {
  for (const bytes of [[0x47], [0x50, 0x52], [0x16, 0x02], [0x80, 0x2e, 1], [0x15, 3, 1], [0]]) {
    assert.equal(parseClientHello(Buffer.from(bytes)).kind, 'absent', String(bytes))
  }
})

test('what is TLS and no good hello is invalid', () => {
  const inHello = (change: (bytes: Buffer) => void) => {
    const changed = Buffer.from(message)
    change(changed)
    return inRecords(changed)
  }
  const withExtension = (type: number, hex: string) =>
    inRecords(writeClientHello({ extensions: [[type, Buffer.from(hex, 'hex')]] }))
  const cases = [
    ['another message', inHello((bytes) => (bytes[0] = 2))],
    ['a session id past the end', inRecords(Buffer.from([1, 0, 0, 35, ...Buffer.alloc(34), 255]))],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['a record beyond 2^14', Buffer.from([22, 3, 1, 0x40, 1])],
    [
      'another record between',
      Buffer.concat([inRecords(message.subarray(0, 9)), Buffer.from([21, 3, 1, 0, 2])]),
    ],
    ['a message beyond the limit', inRecords(Buffer.from([1, 1, 0, 0, 3, 3]))],
    ['bytes behind the extensions', inRecords(Buffer.concat([Buffer.from([1, 0, 0, 47]), Buffer.alloc(47)]))],
    ['groups of odd length', withExtension(10, '0003001d00')],
    ['a list shorter than its extension', withExtension(10, '0002001d00')],
    ['a list longer than its extension', withExtension(10, '0004001d')],
    ['an ALPN name past its list', withExtension(16, '00030268')],
    ['an empty server name extension', withExtension(0, '')],
  ] as const
  for (const [name, bytes] of cases) assert.equal(parseClientHello(bytes).kind, 'invalid', name)
})

test('a hello that never ends is given up at the limit', () => {
  const endless = inRecords(Buffer.concat([Buffer.from([1, 0, 0xff, 0xff]), Buffer.alloc(60_000)]), 1)
  const parsed = parseClientHello(endless.subarray(0, MAX_CLIENT_HELLO_BYTES + 12))
  assert.equal(parsed.kind, 'invalid')
})

test('no bytes make it throw', () => {
  const mutated = fc.tuple(fc.constantFrom(1, 50, 16_384), fc.nat(), fc.nat(255), fc.nat()).map((choice) => {
    const [recordBytes, at, value, cut] = choice
    const bytes = inRecords(message, recordBytes)
    bytes[at % bytes.length] = value
    return bytes.subarray(0, bytes.length - (cut % 3 === 0 ? cut % bytes.length : 0))
  })
  const noise = fc
    .uint8Array({ maxLength: 200 })
    .map((bytes) => inRecords(Buffer.from([1, 0, 0, bytes.length, ...bytes])))
  const raw = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from([22, 3, ...bytes]))
  fc.assert(
    fc.property(fc.oneof(mutated, noise, raw), (bytes) => {
      const parsed = parseClientHello(bytes)
      if (parsed.kind === 'incomplete') assert.ok(parsed.neededBytes > bytes.length)
    }),
    { numRuns: 5000 },
  )
})
