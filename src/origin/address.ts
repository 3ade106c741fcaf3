/** The address of a server, taken apart. */
export interface OriginAddress {
  readonly protocol: 'http' | 'https'
  /** To show and to send as Host: an IPv6 address has its brackets. */
  readonly domainName: string
  /** To connect to: an IPv6 address has none. */
  readonly hostname: string
  /** As written, or undefined for the default of the protocol. */
  readonly port: number | undefined
  /** Empty, or `/…` without a slash at its end. */
  readonly path: string
}

/** Takes the url of an origin apart; a sentence that says what is wrong where it is none. */
export function parseOriginUrl(text: string): OriginAddress | string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return `"${text}" is no url; write it with its protocol, for example http://127.0.0.1:9001`
  }
  const url = URL.parse(text)
  if (url === null)
    return `"${text}" is no url; write it like http://127.0.0.1:9001 or https://api.example.org`
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `an origin speaks http or https, not ${url.protocol.slice(0, -1)}`
  }
  if (url.username !== '' || url.password !== '') {
    return 'an origin url has no user and password; send them with customHeaders: { Authorization: { env: … } }'
  }
  if (url.search !== '' || url.hash !== '') return 'an origin url has no query string and no fragment'
  return {
    protocol: url.protocol === 'https:' ? 'https' : 'http',
    domainName: url.hostname,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname.replace(/\/+$/, ''),
  }
}

/** Checks the endpoint of a storage: a url without a path. A sentence where it is none. */
export function parseEndpoint(text: string): OriginAddress | string {
  const address = parseOriginUrl(text)
  if (typeof address === 'string') return address.replaceAll('an origin', 'an endpoint')
  return address.path === ''
    ? address
    : 'an endpoint has no path; a prefix belongs into bucket: s3://name/prefix'
}
