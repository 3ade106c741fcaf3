import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_PROXY_HEADER_BYTES, parseProxyHeader } from './proxy-protocol.ts'

/** Headers that HAProxy 2.6 sent over loopback, `hello` behind them. */
const recorded = {
  ipv4: '0d0a0d0a000d0a515549540a2111001c7f0000017f000001b48446a103000476215ee0050006656467652d3168656c6c6f',
  ipv6:
    '0d0a0d0a000d0a515549540a2121002b0000000000000000000000000000000100000000000000000000000000000001' +
    'e57246a203000465d3c83a68656c6c6f',
  text: '50524f58592054435036203a3a31203a3a312033333834362031383038330d0a68656c6c6f',
}

test('what HAProxy sends is read, its checksum included', () => {
  const cases = [
    [recorded.ipv4, { address: '127.0.0.1', port: 46_212 }, { address: '127.0.0.1', port: 18_081 }],
    [recorded.ipv6, { address: '::1', port: 58_738 }, { address: '::1', port: 18_082 }],
    [recorded.text, { address: '::1', port: 33_846 }, { address: '::1', port: 18_083 }],
  ] as const
  for (const [hex, source, destination] of cases) {
    const bytes = Buffer.from(hex, 'hex')
    const length = bytes.length - 'hello'.length
    const expected = { kind: 'found', length, isLocal: false, source, destination }
    assert.deepEqual(parseProxyHeader(bytes), expected)
    assert.deepEqual(parseProxyHeader(bytes.subarray(0, length)), expected)
    for (let cut = 0; cut < length; cut++) {
      assert.equal(parseProxyHeader(bytes.subarray(0, cut)).kind, 'incomplete', `cut at ${cut}`)
    }
  }
})

test('a checked header with another address, port, checksum or value is refused', () => {
  const bytes = Buffer.from(recorded.ipv4, 'hex')
  const tlvHeads = [28, 29, 30, 35, 36, 37]
  for (let at = 16; at < bytes.length - 'hello'.length; at++) {
    if (tlvHeads.includes(at)) continue
    const changed = Buffer.from(bytes)
    changed[at] = changed[at]! ^ 0x10
    assert.equal(parseProxyHeader(changed).kind, 'invalid', `byte ${at}`)
  }
})

test('version 1 lines are read strictly', () => {
  const found = (source: string, sourcePort: number, destination: string, port: number) => ({
    source: { address: source, port: sourcePort },
    destination: { address: destination, port },
  })
  const good = [
    ['TCP4 192.168.0.1 192.168.0.11 56324 443', found('192.168.0.1', 56_324, '192.168.0.11', 443)],
    ['TCP4 255.255.255.255 255.255.255.255 65535 0', found('255.255.255.255', 65_535, '255.255.255.255', 0)],
    ['TCP6 2001:DB8::1 ::1 1 2', found('2001:db8::1', 1, '::1', 2)],
    ['TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 1 2', found('1.2.3.4', 1, '5.6.7.8', 2)],
    ['UNKNOWN', { source: undefined, destination: undefined }],
    ['UNKNOWN whatever is here', { source: undefined, destination: undefined }],
  ] as const
  for (const [line, expected] of good) {
    const bytes = Buffer.from(`PROXY ${line}\r\nGET /`)
    const length = bytes.length - 'GET /'.length
    assert.deepEqual(parseProxyHeader(bytes), { kind: 'found', length, isLocal: false, ...expected }, line)
  }
  const bad = [
    'TCP4 192.168.0.1 192.168.0.11 56324',
    'TCP4 192.168.0.1 192.168.0.11 56324 443 ',
    'TCP4  192.168.0.1 192.168.0.11 56324 443',
    'TCP4 192.168.0.01 192.168.0.11 56324 443',
    'TCP4 192.168.0.1 192.168.0.11 056324 443',
    'TCP4 192.168.0.1 192.168.0.11 65536 443',
    'TCP4 192.168.0.1 192.168.0.11 -1 443',
    'TCP4 ::1 ::1 1 2',
    'TCP6 1.2.3.4 1.2.3.4 1 2',
    'TCP6 fe80::1%lo ::1 1 2',
    'UDP4 192.168.0.1 192.168.0.11 1 2',
    'tcp4 192.168.0.1 192.168.0.11 1 2',
    '',
  ]
  for (const line of bad)
    assert.equal(parseProxyHeader(Buffer.from(`PROXY ${line}\r\n`)).kind, 'invalid', line)
})

test('a version 1 line ends in CRLF within 107 bytes', () => {
  const line = (bytes: number) => Buffer.from(`PROXY UNKNOWN ${'x'.repeat(bytes - 16)}\r\n`)
  assert.equal(parseProxyHeader(line(107)).kind, 'found')
  assert.equal(parseProxyHeader(line(108)).kind, 'invalid')
  assert.equal(parseProxyHeader(line(107).subarray(0, 106)).kind, 'incomplete')
  assert.equal(parseProxyHeader(line(200).subarray(0, 107)).kind, 'invalid')
  assert.equal(parseProxyHeader(Buffer.from('PROXY UNKNOWN\nGET')).kind, 'invalid')
  assert.equal(parseProxyHeader(Buffer.from('PROXY UNKNOWN\rGET')).kind, 'invalid')
})

test('anything else is no header, told at the first byte that differs', () => {
  for (const text of [
    'GET / HTTP/1.1',
    'PROXYv',
    'PRI * HTTP/2.0',
    '\x16\x03\x01',
    '\r\n\r\nGET',
    'P\0',
    '\0',
  ]) {
    assert.equal(parseProxyHeader(Buffer.from(text)).kind, 'absent', JSON.stringify(text))
  }
})

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n')
function version2(command: number, family: number, body: Buffer, announced = body.length): Buffer {
  return Buffer.concat([signature, Buffer.from([command, family, announced >> 8, announced & 255]), body])
}

test('version 2 families, commands and lengths', () => {
  const ipv4 = Buffer.from('c0000201c6336407d03101bb', 'hex')
  const ends = {
    source: { address: '192.0.2.1', port: 53_297 },
    destination: { address: '198.51.100.7', port: 443 },
  }
  const none = { source: undefined, destination: undefined }
  const noop = Buffer.from('0400020000', 'hex')
  const good = [
    ['IPv4', version2(0x21, 0x11, ipv4), { isLocal: false, ...ends }],
    ['IPv4 with a TLV', version2(0x21, 0x11, Buffer.concat([ipv4, noop])), { isLocal: false, ...ends }],
    ['UDP over IPv4', version2(0x21, 0x12, ipv4), { isLocal: false, ...ends }],
    ['UNIX', version2(0x21, 0x31, Buffer.alloc(216)), { isLocal: false, ...none }],
    ['unspecified', version2(0x21, 0x00, Buffer.alloc(0)), { isLocal: false, ...none }],
    ['unspecified with bytes', version2(0x21, 0x00, Buffer.from([1, 2])), { isLocal: false, ...none }],
    ['LOCAL', version2(0x20, 0x00, Buffer.alloc(0)), { isLocal: true, ...none }],
    ['LOCAL with addresses', version2(0x20, 0x11, ipv4), { isLocal: true, ...none }],
    ['LOCAL with an odd family', version2(0x20, 0xff, Buffer.from([1])), { isLocal: true, ...none }],
  ] as const
  for (const [name, bytes, expected] of good) {
    const received = parseProxyHeader(Buffer.concat([bytes, Buffer.from('more')]))
    assert.deepEqual(received, { kind: 'found', length: bytes.length, ...expected }, name)
  }
  const bad = [
    ['version 1', version2(0x11, 0x11, ipv4)],
    ['another command', version2(0x22, 0x11, ipv4)],
    ['another family', version2(0x21, 0x41, ipv4)],
    ['another transport', version2(0x21, 0x13, ipv4)],
    ['too short for IPv4', version2(0x21, 0x11, ipv4.subarray(1))],
    ['too short for IPv6', version2(0x21, 0x21, ipv4)],
    ['too short for UNIX', version2(0x21, 0x31, Buffer.alloc(215))],
    ['a cut TLV head', version2(0x21, 0x11, Buffer.concat([ipv4, noop.subarray(0, 2)]))],
    ['a TLV that is too long', version2(0x21, 0x11, Buffer.concat([ipv4, noop.subarray(0, 4)]))],
    [
      'a checksum of two bytes',
      version2(0x21, 0x11, Buffer.concat([ipv4, Buffer.from('0300020000', 'hex')])),
    ],
    ['too long', version2(0x21, 0x11, ipv4, MAX_PROXY_HEADER_BYTES - 15)],
  ] as const
  for (const [name, bytes] of bad) assert.equal(parseProxyHeader(bytes).kind, 'invalid', name)
  assert.equal(parseProxyHeader(version2(0x21, 0x11, ipv4, MAX_PROXY_HEADER_BYTES - 16)).kind, 'incomplete')
})

test('no bytes make it throw, and a header never reaches beyond them', () => {
  const start = fc.constantFrom(Buffer.alloc(0), signature, Buffer.from('PROXY '), Buffer.from('PROXY TCP4 '))
  const valid = fc.constantFrom(...Object.values(recorded).map((hex) => Buffer.from(hex, 'hex')))
  const mutated = fc.tuple(valid, fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
    const changed = Buffer.from(bytes)
    changed[at % changed.length] = value
    return changed
  })
  const joined = fc.tuple(start, fc.uint8Array({ maxLength: 300 })).map((parts) => Buffer.concat(parts))
  fc.assert(
    fc.property(fc.oneof(joined, mutated), (bytes) => {
      const header = parseProxyHeader(bytes)
      if (header.kind === 'found') assert.ok(header.length <= bytes.length)
    }),
    { numRuns: 2000 },
  )
})
