import { classifyDevice, type DeviceClassifier } from './device.ts'
import type { Place } from './geo-record.ts'

/** What is known of a viewer when a header about it is computed; getters are welcome, for only what is asked is read. */
export interface ViewerFacts {
  readonly clientIp: string
  readonly clientPort: number
  readonly scheme: 'http' | 'https'
  /** `1.1`, `2.0`. */
  readonly httpVersion: string
  readonly tls?: ViewerTls | undefined
  readonly geo: Place
  readonly userAgent: string | undefined
  /** As received: order, case and duplicates. */
  readonly headerNames: readonly string[]
  /** Raw path and query of the request whose error page is fetched. */
  readonly errorUri?: string | undefined
  readonly errorArgs?: string | undefined
  readonly clientCertificate?: ViewerCertificate | undefined
}

export interface ViewerTls {
  /** `TLSv1.3`. */
  readonly version: string
  /** As OpenSSL names it. */
  readonly cipher: string
  readonly resumed: boolean
  /** True for every request of a connection but its first. */
  readonly reused?: boolean | undefined
  readonly ja3: string | undefined
  readonly ja4: string | undefined
}

/** The certificate a viewer showed, in the texts that the headers carry. */
export interface ViewerCertificate {
  readonly serialNumber: string
  /** In the form of RFC 2253. */
  readonly issuer: string
  readonly subject: string
  /** Hexadecimal. */
  readonly sha256: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  readonly pem: string
}

/** One header that an edge can tell about its viewer. */
export interface ViewerHeaderRow {
  readonly name: string
  /** Whether a cache policy may list it; an origin request policy may list every one. */
  readonly inCachePolicy: boolean
}

/**
 * Every `CloudFront-*` request header by its lower-case name (DG:adding-cloudfront-headers). Where it is not documented
 * whether a cache policy takes a header, it is let through: a definition that AWS accepts must not fail here.
 */
export const viewerHeaders = {
  'cloudfront-is-android-viewer': { name: 'CloudFront-Is-Android-Viewer', inCachePolicy: true },
  'cloudfront-is-desktop-viewer': { name: 'CloudFront-Is-Desktop-Viewer', inCachePolicy: true },
  'cloudfront-is-ios-viewer': { name: 'CloudFront-Is-IOS-Viewer', inCachePolicy: true },
  'cloudfront-is-mobile-viewer': { name: 'CloudFront-Is-Mobile-Viewer', inCachePolicy: true },
  'cloudfront-is-smarttv-viewer': { name: 'CloudFront-Is-SmartTV-Viewer', inCachePolicy: true },
  'cloudfront-is-tablet-viewer': { name: 'CloudFront-Is-Tablet-Viewer', inCachePolicy: true },
  'cloudfront-viewer-address': { name: 'CloudFront-Viewer-Address', inCachePolicy: false },
  'cloudfront-viewer-asn': { name: 'CloudFront-Viewer-ASN', inCachePolicy: false },
  'cloudfront-viewer-country': { name: 'CloudFront-Viewer-Country', inCachePolicy: true },
  'cloudfront-viewer-country-name': { name: 'CloudFront-Viewer-Country-Name', inCachePolicy: true },
  'cloudfront-viewer-country-region': { name: 'CloudFront-Viewer-Country-Region', inCachePolicy: true },
  'cloudfront-viewer-country-region-name': {
    name: 'CloudFront-Viewer-Country-Region-Name',
    inCachePolicy: true,
  },
  'cloudfront-viewer-city': { name: 'CloudFront-Viewer-City', inCachePolicy: true },
  'cloudfront-viewer-latitude': { name: 'CloudFront-Viewer-Latitude', inCachePolicy: true },
  'cloudfront-viewer-longitude': { name: 'CloudFront-Viewer-Longitude', inCachePolicy: true },
  'cloudfront-viewer-metro-code': { name: 'CloudFront-Viewer-Metro-Code', inCachePolicy: true },
  'cloudfront-viewer-postal-code': { name: 'CloudFront-Viewer-Postal-Code', inCachePolicy: true },
  'cloudfront-viewer-time-zone': { name: 'CloudFront-Viewer-Time-Zone', inCachePolicy: true },
  'cloudfront-viewer-header-order': { name: 'CloudFront-Viewer-Header-Order', inCachePolicy: true },
  'cloudfront-viewer-header-count': { name: 'CloudFront-Viewer-Header-Count', inCachePolicy: true },
  'cloudfront-viewer-ja3-fingerprint': { name: 'CloudFront-Viewer-JA3-Fingerprint', inCachePolicy: false },
  'cloudfront-viewer-ja4-fingerprint': { name: 'CloudFront-Viewer-JA4-Fingerprint', inCachePolicy: false },
  'cloudfront-viewer-tls': { name: 'CloudFront-Viewer-TLS', inCachePolicy: false },
  'cloudfront-forwarded-proto': { name: 'CloudFront-Forwarded-Proto', inCachePolicy: true },
  'cloudfront-viewer-http-version': { name: 'CloudFront-Viewer-Http-Version', inCachePolicy: true },
  'cloudfront-error-uri': { name: 'CloudFront-Error-Uri', inCachePolicy: false },
  'cloudfront-error-args': { name: 'CloudFront-Error-Args', inCachePolicy: false },
  'cloudfront-viewer-cert-serial-number': {
    name: 'CloudFront-Viewer-Cert-Serial-Number',
    inCachePolicy: true,
  },
  'cloudfront-viewer-cert-issuer': { name: 'CloudFront-Viewer-Cert-Issuer', inCachePolicy: true },
  'cloudfront-viewer-cert-subject': { name: 'CloudFront-Viewer-Cert-Subject', inCachePolicy: true },
  'cloudfront-viewer-cert-present': { name: 'CloudFront-Viewer-Cert-Present', inCachePolicy: true },
  'cloudfront-viewer-cert-sha256': { name: 'CloudFront-Viewer-Cert-Sha256', inCachePolicy: true },
  'cloudfront-viewer-cert-validity': { name: 'CloudFront-Viewer-Cert-Validity', inCachePolicy: false },
  'cloudfront-viewer-cert-pem': { name: 'CloudFront-Viewer-Cert-Pem', inCachePolicy: false },
} as const satisfies Record<string, ViewerHeaderRow>

/** The lower-case name of a header in the table. */
export type ViewerHeaderName = keyof typeof viewerHeaders

const MAX_HEADER_ORDER = 7680

/** True for the lower-case names of headers that an edge can tell about its viewer. */
export function isViewerHeader(lowerName: string): lowerName is ViewerHeaderName {
  return Object.hasOwn(viewerHeaders, lowerName)
}

/**
 * The value of a `CloudFront-*` header for a viewer, by lower-case name; undefined when it is not known, or not such a
 * header. `classify` may be one that remembers (`createDeviceClassifier`).
 */
export function viewerHeader(
  lowerName: string,
  facts: ViewerFacts,
  classify: DeviceClassifier = classifyDevice,
): string | undefined {
  return isViewerHeader(lowerName) ? valueOf(lowerName, facts, classify) : undefined
}

function valueOf(name: ViewerHeaderName, facts: ViewerFacts, classify: DeviceClassifier): string | undefined {
  switch (name) {
    case 'cloudfront-is-android-viewer':
      return trueOrFalse(classify(facts.userAgent).android)
    case 'cloudfront-is-desktop-viewer':
      return trueOrFalse(classify(facts.userAgent).desktop)
    case 'cloudfront-is-ios-viewer':
      return trueOrFalse(classify(facts.userAgent).ios)
    case 'cloudfront-is-mobile-viewer':
      return trueOrFalse(classify(facts.userAgent).mobile)
    case 'cloudfront-is-smarttv-viewer':
      return trueOrFalse(classify(facts.userAgent).smartTv)
    case 'cloudfront-is-tablet-viewer':
      return trueOrFalse(classify(facts.userAgent).tablet)
    // IPv6 stands without brackets; the port is behind the last colon.
    case 'cloudfront-viewer-address':
      return `${facts.clientIp}:${facts.clientPort}`
    case 'cloudfront-viewer-asn':
      return facts.geo.asn?.toString()
    case 'cloudfront-viewer-country':
      return facts.geo.country
    case 'cloudfront-viewer-country-name':
      return inAscii(facts.geo.countryName)
    case 'cloudfront-viewer-country-region':
      return inAscii(facts.geo.region)
    case 'cloudfront-viewer-country-region-name':
      return inAscii(facts.geo.regionName)
    case 'cloudfront-viewer-city':
      return inAscii(facts.geo.city)
    case 'cloudfront-viewer-latitude':
      return facts.geo.latitude?.toFixed(5)
    case 'cloudfront-viewer-longitude':
      return facts.geo.longitude?.toFixed(5)
    case 'cloudfront-viewer-metro-code':
      return inAscii(facts.geo.metroCode)
    case 'cloudfront-viewer-postal-code':
      return inAscii(facts.geo.postalCode)
    case 'cloudfront-viewer-time-zone':
      return inAscii(facts.geo.timeZone)
    case 'cloudfront-viewer-header-order':
      return facts.headerNames.join(':').slice(0, MAX_HEADER_ORDER)
    case 'cloudfront-viewer-header-count':
      return String(facts.headerNames.length)
    case 'cloudfront-viewer-ja3-fingerprint':
      return facts.tls?.ja3
    case 'cloudfront-viewer-ja4-fingerprint':
      return facts.tls?.ja4
    case 'cloudfront-viewer-tls':
      return facts.tls === undefined
        ? undefined
        : `${facts.tls.version}:${facts.tls.cipher}:${handshakeOf(facts.tls)}`
    case 'cloudfront-forwarded-proto':
      return facts.scheme
    case 'cloudfront-viewer-http-version':
      return facts.httpVersion
    case 'cloudfront-error-uri':
      return facts.errorUri
    case 'cloudfront-error-args':
      return facts.errorArgs
    case 'cloudfront-viewer-cert-present':
      return facts.clientCertificate === undefined ? '0' : '1'
    case 'cloudfront-viewer-cert-serial-number':
      return facts.clientCertificate?.serialNumber
    case 'cloudfront-viewer-cert-issuer':
      return inAscii(facts.clientCertificate?.issuer)
    case 'cloudfront-viewer-cert-subject':
      return inAscii(facts.clientCertificate?.subject)
    case 'cloudfront-viewer-cert-sha256':
      return facts.clientCertificate?.sha256
    case 'cloudfront-viewer-cert-validity':
      return facts.clientCertificate === undefined ? undefined : validityOf(facts.clientCertificate)
    case 'cloudfront-viewer-cert-pem':
      return facts.clientCertificate === undefined
        ? undefined
        : encodeURIComponent(facts.clientCertificate.pem)
  }
}

function trueOrFalse(value: boolean): 'true' | 'false' {
  return value ? 'true' : 'false'
}

function handshakeOf({ resumed, reused }: ViewerTls): string {
  if (reused === true) return 'connectionReused'
  return resumed ? 'sessionResumed' : 'fullHandshake'
}

function validityOf({ notBefore, notAfter }: ViewerCertificate): string {
  return `NotBefore=${isoSeconds(notBefore)};NotAfter=${isoSeconds(notAfter)}`
}

/** `2026-11-24T16:00:00Z`; a certificate may be valid until a year that ISO writes with a sign. */
function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** Percent-encodes what is not printable ASCII, as UTF-8 (RFC 3986 section 2.1); a field value holds nothing else. */
function inAscii(text: string | undefined): string | undefined {
  if (text === undefined || !/[^ -~]/.test(text)) return text
  return text.toWellFormed().replace(/[^ -~]+/gu, encodeURIComponent)
}
