import type { HeaderList } from '../http/header-list.ts'

const SECRET = '[secret]'

/** What is never shown unless told otherwise: it lets whoever reads it act as somebody else. Names in lower case. */
export const defaultSecrets: Secrets = {
  headers: [
    'authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-origin-verify',
    'x-api-key',
    'x-auth-token',
    'x-csrf-token',
    'x-xsrf-token',
    'x-amz-security-token',
    'x-amzn-oidc-data',
    'x-amzn-oidc-accesstoken',
  ],
  // Signed URLs of CloudFront and S3 (fact sheet 15), and what sign-in flows carry.
  parameters: [
    'policy',
    'signature',
    'key-pair-id',
    'x-amz-signature',
    'x-amz-credential',
    'x-amz-security-token',
    'token',
    'access_token',
    'id_token',
    'refresh_token',
    'api_key',
    'apikey',
    'password',
    'client_secret',
  ],
}

/** Names whose values are secret, in lower case. */
export interface Secrets {
  readonly headers: readonly string[]
  /** Of query strings. */
  readonly parameters: readonly string[]
}

/** Fields that hold a URL, whose query may hold what the request's own query hides. */
const URL_FIELDS: ReadonlySet<string> = new Set([
  'referer',
  'location',
  'content-location',
  'refresh',
  'link',
])
const SCHEMES = /^(?:Basic|Bearer|Digest|DPoP|Negotiate|AWS4-HMAC-SHA256)(?= )/i

/** Takes secret values out of requests and responses, and leaves their shape, so that a reader sees that they were there. */
export interface Redaction {
  /** A query string without its question mark. */
  query(query: string): string
  /** Name and value pairs, in order. */
  headers(headers: HeaderList): [name: string, value: string][]
  /** The values that `headers` takes out of these fields. */
  secretsOf(headers: HeaderList): string[]
}

/** A redaction for the given names. */
export function createRedaction(secrets: Secrets = defaultSecrets): Redaction {
  const names = new Set(secrets.headers)
  const parameters = new Set(secrets.parameters)

  function query(text: string): string {
    return text
      .split('&')
      .map((pair) => {
        const equals = pair.indexOf('=')
        return equals !== -1 && parameters.has(nameOf(pair.slice(0, equals)))
          ? `${pair.slice(0, equals + 1)}${SECRET}`
          : pair
      })
      .join('&')
  }

  function value(name: string, given: string): string {
    if (!names.has(name))
      return URL_FIELDS.has(name)
        ? given.replace(/\?[^\s#<>"]*/g, (found) => `?${query(found.slice(1))}`)
        : given
    // Names of cookies and the scheme of credentials tell what was sent, and give nothing away.
    if (name === 'cookie') return given.replace(/=[^;]*/g, `=${SECRET}`)
    if (name === 'set-cookie') return given.replace(/=[^;]*/, `=${SECRET}`)
    const scheme = SCHEMES.exec(given)
    return scheme === null ? SECRET : `${scheme[0]} ${SECRET}`
  }

  return {
    query,
    headers: (headers) => headers.toJSON().map(([name, given]) => [name, value(name.toLowerCase(), given)]),
    secretsOf(headers) {
      const found: string[] = []
      for (const [name, given] of headers) {
        const lower = name.toLowerCase()
        if (!names.has(lower)) continue
        if (lower === 'cookie') found.push(...given.split(';').map((pair) => pair.trim()))
        else found.push(given)
      }
      return found.filter((each) => each !== '')
    },
  }
}

/** The name a server would read, which may be written with percent-encoding. */
function nameOf(text: string): string {
  try {
    return decodeURIComponent(text).toLowerCase()
  } catch (error) {
    if (error instanceof URIError) return text.toLowerCase()
    throw error
  }
}
