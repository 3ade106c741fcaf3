import { compileWildcard } from './wildcard.ts'

/** The origins a CORS policy allows, compiled. */
export interface AllowedOrigins {
  readonly anyOrigin: boolean
  /** Whether the value of an `Origin` header is allowed; asked only when not every origin is. */
  readonly allowsOrigin: (origin: string) => boolean
}

/**
 * Compiles allowed origins: `*`, exact origins, `http://*.example.org` (bound to the scheme), `*.example.org` (any
 * scheme, any depth, not example.org itself), and ports such as `:8080`, `:*` or `:1*3`; without a port only the
 * scheme's default one is meant (DG:understanding-response-headers-policies). Patterns that `parseOriginPattern`
 * refuses throw an Error with its sentence.
 */
export function compileAllowedOrigins(patterns: readonly string[]): AllowedOrigins {
  const parsed = patterns.map((pattern) => {
    const found = parseOriginPattern(pattern)
    if (typeof found === 'string') throw new Error(found)
    return found
  })
  return {
    anyOrigin: parsed.some((pattern) => pattern.kind === 'any'),
    allowsOrigin(origin) {
      const given = parseOrigin(origin)
      if (given === undefined) return false
      for (const pattern of parsed) if (pattern.kind === 'any' || matches(pattern, given)) return true
      return false
    },
  }
}

interface HostPattern {
  readonly kind: 'host'
  /** undefined: any scheme. */
  readonly scheme: string | undefined
  /** With a leading dot where it stands for everything below. */
  readonly host: string
  readonly isBelow: boolean
  /** undefined: the default port of the scheme. */
  readonly matchesPort: ((port: string) => boolean) | undefined
}

type OriginPattern = { readonly kind: 'any' } | HostPattern

interface Origin {
  readonly scheme: string
  readonly host: string
  /** The port in digits; empty where the scheme has no default port and none was given. */
  readonly port: string
}

function matches(pattern: HostPattern, origin: Origin): boolean {
  if (pattern.scheme !== undefined && pattern.scheme !== origin.scheme) return false
  if (pattern.isBelow ? !origin.host.endsWith(pattern.host) : origin.host !== pattern.host) return false
  if (pattern.matchesPort !== undefined) return pattern.matchesPort(origin.port)
  return origin.port === defaultPort(origin.scheme)
}

/** Reads one allowed origin; what is wrong with it, as a sentence, if it is none. */
export function parseOriginPattern(pattern: string): OriginPattern | string {
  if (pattern === '*') return { kind: 'any' }
  const parts = split(pattern.toLowerCase())
  if (parts === undefined) return complaint(pattern)
  const { scheme, port } = parts
  if (scheme !== undefined && !SCHEME.test(scheme)) return complaint(pattern)
  if (port !== undefined && !PORT_PATTERN.test(port)) {
    return `"${pattern}": the port is made of digits and *, for example :8080, :* or :1*3`
  }
  const isBelow = parts.host.startsWith('*.')
  const host = isBelow ? parts.host.slice(1) : parts.host
  if (!isHost(isBelow ? host.slice(1) : host)) return complaint(pattern)
  return {
    kind: 'host',
    scheme,
    host,
    isBelow,
    matchesPort: port === undefined ? undefined : compileWildcard(port),
  }
}

function complaint(pattern: string): string {
  return `"${pattern}" is not an origin; write https://example.org, *.example.org (a * only at the very beginning of the host, followed by a dot) or *, without a path`
}

/** Reads an `Origin` header (RFC 6454 section 7); anything but one plain origin, such as `null`, is undefined. */
function parseOrigin(text: string): Origin | undefined {
  const parts = split(text.toLowerCase())
  if (parts?.scheme === undefined || !SCHEME.test(parts.scheme) || !isHost(parts.host)) return undefined
  const { scheme, host, port } = parts
  if (port !== undefined && !PORT.test(port)) return undefined
  return { scheme, host, port: port ?? defaultPort(scheme) }
}

function split(
  text: string,
): { scheme: string | undefined; host: string; port: string | undefined } | undefined {
  const mark = text.indexOf('://')
  const authority = mark === -1 ? text : text.slice(mark + 3)
  const scheme = mark === -1 ? undefined : text.slice(0, mark)
  const bracket = authority.lastIndexOf(']')
  const colon = authority.indexOf(':', bracket + 1)
  if (colon === -1) return { scheme, host: authority, port: undefined }
  return { scheme, host: authority.slice(0, colon), port: authority.slice(colon + 1) }
}

function isHost(text: string): boolean {
  return HOST.test(text) && !text.startsWith('.') && !text.includes('..')
}

function defaultPort(scheme: string): string {
  return scheme === 'https' ? '443' : scheme === 'http' ? '80' : ''
}

const SCHEME = /^[a-z][a-z0-9+.-]*$/
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/
const PORT = /^[0-9]{1,5}$/
const PORT_PATTERN = /^[0-9*]{1,11}$/
