import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isViewerHeader, viewerHeader, viewerHeaders, type ViewerFacts } from './viewer-headers.ts'

const plain: ViewerFacts = {
  clientIp: '192.0.2.10',
  clientPort: 46532,
  scheme: 'http',
  httpVersion: '1.1',
  geo: {},
  userAgent: undefined,
  headerNames: ['Host', 'user-agent', 'Accept', 'Accept'],
}

const full: ViewerFacts = {
  ...plain,
  clientIp: '2001:db8::1',
  scheme: 'https',
  httpVersion: '2.0',
  tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', resumed: false, ja3: 'aabb', ja4: 't13d_cc' },
  geo: {
    country: 'BR',
    countryName: 'Brazil',
    region: 'SP',
    regionName: 'S\u00e3o Paulo',
    city: 'S\u00e3o Paulo \u{1F600}',
    latitude: -23.5475,
    longitude: -46.636111,
    metroCode: '819',
    postalCode: '01000',
    timeZone: 'America/Sao_Paulo',
    asn: 64500,
  },
  userAgent:
    'Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
  errorUri: '/missing',
  errorArgs: 'a=1',
  clientCertificate: {
    serialNumber: '0abc',
    issuer: 'CN=Root,O=B\u00fccher,C=DE',
    subject: 'CN=viewer,O=Example,C=DE',
    sha256: 'ff00',
    notBefore: Date.UTC(2026, 0, 2, 3, 4, 5),
    notAfter: Date.UTC(2027, 0, 2, 3, 4, 5),
    pem: '-----BEGIN CERTIFICATE-----\nAB+/=\n',
  },
}

/** Every header, with its value for a viewer of whom nothing and for one of whom everything is known. */
const cases = {
  'cloudfront-is-android-viewer': ['false', 'false'],
  'cloudfront-is-desktop-viewer': ['true', 'false'],
  'cloudfront-is-ios-viewer': ['false', 'true'],
  'cloudfront-is-mobile-viewer': ['false', 'true'],
  'cloudfront-is-smarttv-viewer': ['false', 'false'],
  'cloudfront-is-tablet-viewer': ['false', 'true'],
  'cloudfront-viewer-address': ['192.0.2.10:46532', '2001:db8::1:46532'],
  'cloudfront-viewer-asn': [undefined, '64500'],
  'cloudfront-viewer-country': [undefined, 'BR'],
  'cloudfront-viewer-country-name': [undefined, 'Brazil'],
  'cloudfront-viewer-country-region': [undefined, 'SP'],
  'cloudfront-viewer-country-region-name': [undefined, 'S%C3%A3o Paulo'],
  'cloudfront-viewer-city': [undefined, 'S%C3%A3o Paulo %F0%9F%98%80'],
  'cloudfront-viewer-latitude': [undefined, '-23.54750'],
  'cloudfront-viewer-longitude': [undefined, '-46.63611'],
  'cloudfront-viewer-metro-code': [undefined, '819'],
  'cloudfront-viewer-postal-code': [undefined, '01000'],
  'cloudfront-viewer-time-zone': [undefined, 'America/Sao_Paulo'],
  'cloudfront-viewer-header-order': ['Host:user-agent:Accept:Accept', 'Host:user-agent:Accept:Accept'],
  'cloudfront-viewer-header-count': ['4', '4'],
  'cloudfront-viewer-ja3-fingerprint': [undefined, 'aabb'],
  'cloudfront-viewer-ja4-fingerprint': [undefined, 't13d_cc'],
  'cloudfront-viewer-tls': [undefined, 'TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake'],
  'cloudfront-forwarded-proto': ['http', 'https'],
  'cloudfront-viewer-http-version': ['1.1', '2.0'],
  'cloudfront-error-uri': [undefined, '/missing'],
  'cloudfront-error-args': [undefined, 'a=1'],
  'cloudfront-viewer-cert-serial-number': [undefined, '0abc'],
  'cloudfront-viewer-cert-issuer': [undefined, 'CN=Root,O=B%C3%BCcher,C=DE'],
  'cloudfront-viewer-cert-subject': [undefined, 'CN=viewer,O=Example,C=DE'],
  'cloudfront-viewer-cert-present': ['0', '1'],
  'cloudfront-viewer-cert-sha256': [undefined, 'ff00'],
  'cloudfront-viewer-cert-validity': [
    undefined,
    'NotBefore=2026-01-02T03:04:05Z;NotAfter=2027-01-02T03:04:05Z',
  ],
  'cloudfront-viewer-cert-pem': [undefined, '-----BEGIN%20CERTIFICATE-----%0AAB%2B%2F%3D%0A'],
} as const satisfies Record<keyof typeof viewerHeaders, readonly [string | undefined, string | undefined]>

test('every header of the table has its value', () => {
  for (const [name, [ofPlain, ofFull]] of Object.entries(cases)) {
    assert.equal(viewerHeader(name, plain), ofPlain, name)
    assert.equal(viewerHeader(name, full), ofFull, name)
  }
})

test('the table knows each header by its own name in lower case', () => {
  for (const [lowerName, { name }] of Object.entries(viewerHeaders))
    assert.equal(name.toLowerCase(), lowerName)
  assert.ok(isViewerHeader('cloudfront-viewer-country'))
  for (const name of [
    'CloudFront-Viewer-Country',
    'cloudfront-viewer-shoe-size',
    'toString',
    '__proto__',
    '',
  ]) {
    assert.ok(!isViewerHeader(name), name)
    assert.equal(viewerHeader(name, full), undefined)
  }
})

test('the headers that tell too much for a cache key are not for cache policies', () => {
  const refused = Object.values(viewerHeaders).filter(({ inCachePolicy }) => !inCachePolicy)
  assert.deepEqual(
    refused.map(({ name }) => name.replace('CloudFront-', '')),
    [
      'Viewer-Address',
      'Viewer-ASN',
      'Viewer-JA3-Fingerprint',
      'Viewer-JA4-Fingerprint',
      'Viewer-TLS',
      'Error-Uri',
      'Error-Args',
      'Viewer-Cert-Validity',
      'Viewer-Cert-Pem',
    ],
  )
})

test('the handshake of a TLS connection is told', () => {
  const base = { version: 'TLSv1.2', cipher: 'ECDHE-RSA-AES128-GCM-SHA256', ja3: undefined, ja4: undefined }
  const cases = [
    [{ ...base, resumed: false }, 'fullHandshake'],
    [{ ...base, resumed: true }, 'sessionResumed'],
    [{ ...base, resumed: true, reused: true }, 'connectionReused'],
    [{ ...base, resumed: false, reused: false }, 'fullHandshake'],
  ] as const
  for (const [tls, handshake] of cases) {
    const value = viewerHeader('cloudfront-viewer-tls', { ...plain, tls })
    assert.equal(value, `TLSv1.2:ECDHE-RSA-AES128-GCM-SHA256:${handshake}`)
    assert.equal(viewerHeader('cloudfront-viewer-ja3-fingerprint', { ...plain, tls }), undefined)
  }
})

test('the order of headers is cut at 7680 characters', () => {
  const headerNames = Array.from({ length: 2000 }, (_, index) => `x-${index}`)
  const order = viewerHeader('cloudfront-viewer-header-order', { ...plain, headerNames })
  assert.equal(order?.length, 7680)
  assert.ok(order.startsWith('x-0:x-1:x-2:'))
})

test('only what is asked for is computed', () => {
  const facts: ViewerFacts = {
    ...plain,
    get geo(): never {
      throw new Error('the place was not asked for')
    },
  }
  assert.equal(viewerHeader('cloudfront-forwarded-proto', facts), 'http')
  assert.equal(viewerHeader('cloudfront-is-mobile-viewer', facts), 'false')
})

test('a value never breaks a header line, whatever a database says', () => {
  const geo = { city: 'a\r\nX-Evil: 1', regionName: '\ud800' }
  assert.equal(viewerHeader('cloudfront-viewer-city', { ...plain, geo }), 'a%0D%0AX-Evil: 1')
  assert.equal(viewerHeader('cloudfront-viewer-country-region-name', { ...plain, geo }), '%EF%BF%BD')
})
