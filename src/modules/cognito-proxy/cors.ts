import { HeaderList } from '../../http/header-list.ts'
import type { CognitoProxyConfig } from './config.ts'

const ALLOWED_HEADERS =
  'amz-sdk-invocation-id, amz-sdk-request, authorization, cache-control, content-type, x-amz-date, x-amz-security-token, x-amz-target, x-amz-user-agent'
const EXPOSED_HEADERS = 'x-amzn-errormessage, x-amzn-errortype, x-amzn-requestid'

/** The CORS headers of one behavior (Fetch Standard, "HTTP extensions"). */
export interface Cors {
  /** Puts ours in the place of those of the pool. */
  apply(headers: HeaderList, origin: string | undefined): void
  /** Headers of the answer to a preflight. */
  preflight(origin: string | undefined): HeaderList
}

export function createCors(config: CognitoProxyConfig['cors']): Cors {
  if (config === false) return { apply: removeTheirs, preflight: () => new HeaderList() }
  const isAny = config.allowOrigins.includes('*')
  const allowed = new Set(config.allowOrigins)
  const maxAge = String(config.maxAgeSeconds)

  function allow(headers: HeaderList, origin: string | undefined): boolean {
    if (isAny) {
      headers.append('Access-Control-Allow-Origin', '*')
      return true
    }
    headers.append('Vary', 'Origin')
    if (origin === undefined || !allowed.has(origin)) return false
    headers.append('Access-Control-Allow-Origin', origin)
    return true
  }

  return {
    apply(headers, origin) {
      removeTheirs(headers)
      if (allow(headers, origin)) headers.append('Access-Control-Expose-Headers', EXPOSED_HEADERS)
    },
    preflight(origin) {
      const headers = new HeaderList()
      if (allow(headers, origin)) {
        headers.append('Access-Control-Allow-Methods', 'POST')
        headers.append('Access-Control-Allow-Headers', ALLOWED_HEADERS)
        headers.append('Access-Control-Max-Age', maxAge)
      }
      return headers
    },
  }
}

function removeTheirs(headers: HeaderList): void {
  headers.deleteWhere((name) => name.startsWith('access-control-'))
}
