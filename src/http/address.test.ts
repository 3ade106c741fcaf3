import assert from 'node:assert/strict'
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIpv4, parseIpv6 } from './address-text.ts'
import { canonicalAddress, compileCidrs, describeCidrProblem, normaliseAddress } from './address.ts'

test('a socket address is given in its plain form', () => {
  const cases = [
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:102:304', '1.2.3.4'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['not an address', 'not an address'],
    ['', ''],
  ] as const
  for (const [given, expected] of cases) assert.equal(normaliseAddress(given), expected, given)
})

test('IPv6 is written as RFC 5952 wants it', () => {
  const cases = [
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::1.2.3.4', '::102:304'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const
  for (const [given, expected] of cases) assert.equal(canonicalAddress(given), expected, given)
})

test('text that is no address is undefined', () => {
  const bad = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1..2.3',
    '.1.2.3',
    '1.2.3.',
    ' 1.2.3.4',
  ]
  bad.push(
    ':',
    ':::',
    '1:2',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '::1%eth0',
    '12345::',
    'g::',
    '::1.2.3',
    '1:2:3:4:5:6:7:',
  )
  bad.push('1.2.3.4:80', '[::1]', '::1.2.3.4:5', '1:2:3:4:5:6:7:1.2.3.4', ':1::2', '1:2:3:4:5:6:7:8::')
  for (const text of bad) assert.equal(canonicalAddress(text), undefined, text)
})

test('the parsers agree with Node about what an address is', () => {
  const alphabet = fc.constantFrom(
    '0',
    '1',
    '25',
    '255',
    '256',
    'f',
    'ffff',
    'A',
    ':',
    '::',
    '.',
    '%',
    ' ',
    'g',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(alphabet, { maxLength: 18 }).map((parts) => parts.join('')),
        fc.ipV4(),
        fc.ipV6(),
      ),
      (text) => {
        assert.equal(parseIpv4(text) !== -1, isIPv4(text), text)
        // A zone belongs to a socket, not to an address: we refuse what Node takes.
        if (!text.includes('%')) assert.equal(parseIpv6(text, new Uint32Array(4)), isIPv6(text), text)
      },
    ),
    { numRuns: 2000 },
  )
})

test('the canonical form is a fixed point, and the one the URL standard has', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const canonical = canonicalAddress(text)!
      assert.equal(canonicalAddress(canonical), canonical)
      if (canonical.includes(':')) assert.equal(new URL(`http://[${text}]/`).hostname, `[${canonical}]`)
    }),
  )
})

test('ranges match what lies in them, of either family', () => {
  const isListed = compileCidrs([
    '10.0.0.0/24',
    '10.0.0.0/8',
    '192.0.2.7',
    '2001:db8::/32',
    '2001:db8:1::/48',
    '::1/128',
  ])
  const cases = [
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['9.255.255.255', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['::ffff:10.1.2.3', true],
    ['2001:db8:ffff::1', true],
    ['2001:db9::', false],
    ['::1', true],
    ['::', false],
    ['', false],
    ['ten', false],
  ] as const
  for (const [address, expected] of cases) assert.equal(isListed(address), expected, address)
  assert.equal(compileCidrs([])('1.2.3.4'), false)
  assert.equal(compileCidrs(['0.0.0.0/0'])('255.255.255.255'), true)
  assert.equal(compileCidrs(['0.0.0.0/0'])('::1'), false)
  assert.equal(compileCidrs(['::/0'])('ffff::'), true)
  assert.equal(compileCidrs(['::ffff:10.0.0.0/104'])('10.9.9.9'), true)
  assert.equal(compileCidrs(['10.1.2.3/8'])('10.200.0.1'), true)
})

test('the matcher agrees with a linear scan over overlapping ranges', () => {
  const ipv4 = fc.tuple(fc.nat(0xffff), fc.integer({ min: 18, max: 32 }))
  const ipv6 = fc.tuple(fc.nat(0xffff), fc.integer({ min: 110, max: 128 }))
  fc.assert(
    fc.property(
      fc.array(ipv4),
      fc.array(ipv6),
      fc.array(fc.nat(0xffff), { minLength: 1 }),
      (four, six, probes) => {
        const reference = new BlockList()
        const cidrs: string[] = []
        for (const [low, prefix] of four) {
          reference.addSubnet(`10.0.${low >> 8}.${low & 255}`, prefix)
          cidrs.push(`10.0.${low >> 8}.${low & 255}/${prefix}`)
        }
        for (const [low, prefix] of six) {
          reference.addSubnet(`2001:db8::${low.toString(16)}`, prefix, 'ipv6')
          cidrs.push(`2001:db8::${low.toString(16)}/${prefix}`)
        }
        const isListed = compileCidrs(cidrs)
        for (const low of probes) {
          const address4 = `10.0.${low >> 8}.${low & 255}`
          const address6 = `2001:db8::${low.toString(16)}`
          assert.equal(isListed(address4), reference.check(address4), address4)
          assert.equal(isListed(address6), reference.check(address6, 'ipv6'), address6)
        }
      },
    ),
  )
})

test('a bad range is named with its place and what to write', () => {
  assert.throws(() => compileCidrs(['10.0.0.0/8', '10.0.0/8', '::/129']), {
    message:
      '2 of 3 address ranges are not valid: ' +
      'entry 2: "10.0.0/8" is not an IP address or range; write it like 192.0.2.0/24 or 2001:db8::/32; ' +
      'entry 3: "::/129" needs a prefix length from 0 to 128 after the slash',
  })
  for (const bad of [
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/1e1',
    '',
    '/8',
  ]) {
    assert.notEqual(describeCidrProblem(bad), undefined, bad)
  }
  assert.equal(describeCidrProblem('10.0.0.0/8'), undefined)
})

test('tens of thousands of ranges are found in a handful of steps', () => {
  const cidrs: string[] = []
  for (let i = 0; i < 30_000; i++) cidrs.push(`${1 + (i >> 13)}.${(i >> 5) & 255}.${(i & 31) * 8}.0/24`)
  const isListed = compileCidrs(cidrs)
  for (let i = 0; i < 30_000; i += 7) {
    const start = `${1 + (i >> 13)}.${(i >> 5) & 255}.${(i & 31) * 8}`
    assert.equal(isListed(`${start}.255`), true)
    assert.equal(isListed(`${1 + (i >> 13)}.${(i >> 5) & 255}.${(i & 31) * 8 + 1}.0`), false)
  }
})
