import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { type Geo, openGeo } from './geo.ts'
import { writeMmdb } from './mmdb.fixture.ts'

let folder: string
let standard: Geo

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgeward-geo-'))
  standard = await openGeo({})
})

after(() => rm(folder, { recursive: true }))

async function fileOf(name: string, bytes: Buffer | string): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, bytes)
  return file
}

test('the default database knows countries, IPv4 and IPv6', () => {
  const cases = [
    ['8.8.8.8', { country: 'US', countryName: 'United States' }],
    ['2.125.160.216', { country: 'GB', countryName: 'United Kingdom' }],
    ['2001:4860:4860::8888', { country: 'US', countryName: 'United States' }],
    ['::ffff:8.8.8.8', { country: 'US', countryName: 'United States' }],
  ] as const
  for (const [ip, place] of cases) {
    assert.deepEqual(standard.lookup(ip), place, ip)
    assert.equal(standard.lookup(ip), standard.lookup(ip), 'the second answer is the first one')
  }
})

test("private, loopback and other addresses that are nobody's own are nowhere", async () => {
  const everywhere = await fileOf(
    'everywhere.mmdb',
    writeMmdb('Country', { '0.0.0.0/1': { country_code: 'DE' } }, 6),
  )
  const geo = await openGeo({ countryFile: everywhere })
  assert.equal(geo.lookup('9.9.9.9').country, 'DE')
  const addresses =
    '127.0.0.1 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.0.1 100.64.0.1 0.0.0.0 255.255.255.255 224.0.0.1 :: ::1 fe80::1 fc00::1 fd12::1 ff02::1 ::ffff:10.0.0.1'
  for (const ip of addresses.split(' ')) {
    assert.deepEqual(geo.lookup(ip), {}, ip)
    assert.deepEqual(standard.lookup(ip), {}, ip)
  }
})

test('what is no address is nowhere, whatever it is', () => {
  for (const ip of [
    '',
    'unknown',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    'fe80::1%eth0',
    '8.8.8.8:53',
    '8'.repeat(100_000),
  ]) {
    assert.deepEqual(standard.lookup(ip), {}, ip.slice(0, 20))
  }
  fc.assert(fc.property(fc.string(), (ip) => typeof standard.lookup(ip) === 'object'))
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (ip) => typeof standard.lookup(ip) === 'object'))
})

const double = (value: number) => ({ double: value })

test('a GeoIP2 City database gives everything CloudFront tells', async () => {
  const names = (en: string) => ({ names: { de: 'nicht englisch', en } })
  const file = await fileOf(
    'city.mmdb',
    writeMmdb(
      'GeoLite2-City',
      {
        '81.2.69.0/24': {
          city: names('S\u00e3o Paulo'),
          country: { iso_code: 'BR', ...names('Brazil') },
          location: {
            latitude: double(-23.5475),
            longitude: double(-46.63611),
            time_zone: 'America/Sao_Paulo',
          },
          postal: { code: '01000' },
          subdivisions: [{ iso_code: 'SP', ...names('Sao Paulo') }, { iso_code: 'XX' }],
        },
        '81.2.70.0/24': {
          country: { iso_code: 'US', ...names('United States of Tests') },
          location: { latitude: double(47.6), longitude: double(-122.33), metro_code: 819 },
          traits: { autonomous_system_number: 64500 },
        },
        '81.2.71.0/24': { registered_country: { iso_code: 'SE' } },
        '81.2.72.0/24': { country: { iso_code: 'ZZ' }, location: { latitude: double(91) }, subdivisions: [] },
      },
      6,
    ),
  )
  const geo = await openGeo({ countryFile: file })
  assert.deepEqual(geo.lookup('81.2.69.142'), {
    country: 'BR',
    countryName: 'Brazil',
    region: 'SP',
    regionName: 'Sao Paulo',
    city: 'S\u00e3o Paulo',
    latitude: -23.5475,
    longitude: -46.63611,
    postalCode: '01000',
    timeZone: 'America/Sao_Paulo',
  })
  assert.deepEqual(geo.lookup('81.2.70.1'), {
    country: 'US',
    countryName: 'United States of Tests',
    latitude: 47.6,
    longitude: -122.33,
    metroCode: '819',
    asn: 64500,
  })
  assert.deepEqual(geo.lookup('81.2.71.1'), { country: 'SE', countryName: 'Sweden' })
  assert.deepEqual(geo.lookup('81.2.72.1'), {})
  assert.deepEqual(geo.lookup('81.2.73.1'), {})
})

test('an ASN database adds the network to the country', async () => {
  const asnFile = await fileOf(
    'asn.mmdb',
    writeMmdb('GeoLite2-ASN', {
      '8.8.8.0/24': { autonomous_system_number: 15169, autonomous_system_organization: 'GOOGLE' },
      '9.9.9.0/24': { asn: 'AS19281' },
      '32.1.0.0/16': { autonomous_system_number: 1 },
    }),
  )
  const geo = await openGeo({ asnFile })
  assert.deepEqual(geo.lookup('8.8.8.8'), { country: 'US', countryName: 'United States', asn: 15169 })
  assert.equal(geo.lookup('9.9.9.9').asn, 19281)
  // 2001::/16 begins with the bits of 32.1.0.0/16, and this database knows IPv4 only.
  assert.equal(geo.lookup('2001:4860:4860::8888').asn, undefined)
})

test('flat records of other databases are understood', async () => {
  const record = {
    city: 'Osaka',
    country_code: 'JP',
    latitude: double(34.69),
    longitude: double(135.5),
    postcode: '543-0062',
    state1: 'Osaka Prefecture',
    timezone: 'Asia/Tokyo',
  }
  const file = await fileOf('flat.mmdb', writeMmdb('flat', { '1.0.16.0/20': record }))
  const geo = await openGeo({ countryFile: file })
  assert.deepEqual(geo.lookup('1.0.16.9'), {
    country: 'JP',
    countryName: 'Japan',
    regionName: 'Osaka Prefecture',
    city: 'Osaka',
    latitude: 34.69,
    longitude: 135.5,
    postalCode: '543-0062',
    timeZone: 'Asia/Tokyo',
  })
})

test('a file that cannot be used is named, with what to do', async () => {
  const whole = writeMmdb('Country', { '8.0.0.0/8': { country_code: 'US' } })
  const cases = [
    [
      path.join(folder, 'missing.mmdb'),
      /geo\.countryFile: cannot use .*missing\.mmdb: there is no such file; name a readable/,
    ],
    [folder, /geo\.countryFile: cannot use /],
    [await fileOf('empty.mmdb', ''), /cannot use .*empty\.mmdb: .*leave geo\.countryFile out/],
    [await fileOf('text.mmdb', 'this is no database\n'.repeat(1000)), /cannot use .*text\.mmdb/],
    [
      await fileOf('gzip.mmdb', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])),
      /cannot use .*gzip\.mmdb: .*gzip/,
    ],
    [await fileOf('cut.mmdb', whole.subarray(0, whole.length - 60)), /cannot use .*cut\.mmdb/],
  ] as const
  for (const [countryFile, message] of cases) await assert.rejects(openGeo({ countryFile }), message)
  const missing = openGeo({ asnFile: path.join(folder, 'missing.mmdb') })
  await assert.rejects(missing, /geo\.asnFile: cannot use .*missing\.mmdb/)
})

test('a database with a damaged tree answers without failing', async () => {
  const bytes = writeMmdb('Country', {
    '8.0.0.0/8': { country_code: 'US' },
    '9.0.0.0/8': { country_code: 'DE' },
  })
  bytes.fill(0xfe, 12, 60)
  const geo = await openGeo({ countryFile: await fileOf('damaged.mmdb', bytes) })
  for (const ip of ['8.8.8.8', '9.9.9.9', '200.1.1.1']) assert.equal(typeof geo.lookup(ip), 'object')
})
