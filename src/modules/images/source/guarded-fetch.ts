import { lookup as resolveName } from 'node:dns/promises'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { normaliseAddress } from '../../../http/address.ts'
import { Body } from '../../../http/body.ts'
import { HeaderList } from '../../../http/header-list.ts'
import type { EdgeResponse } from '../../../visit.ts'
import { ImageError } from '../image-error.ts'
import { isForbiddenAddress } from './address-guard.ts'

export interface GuardedFetchOptions {
  readonly isAllowed: (address: string) => boolean
  readonly signal: AbortSignal
  readonly timeoutMs?: number
  /** GET unless given. */
  readonly method?: 'GET' | 'HEAD'
  /** Fields of the request beside Host and User-Agent. */
  readonly headers?: HeaderList
  /** All addresses of a name; the system's resolver unless given. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>
}

const MAX_REDIRECTS = 3

/**
 * Fetches a URL without letting it lead into private networks: the name is resolved once, every address of it is
 * checked, and the connection goes to the address that was checked. Redirects pass the same gate. Throws ImageError.
 */
export async function guardedFetch(url: URL, options: GuardedFetchOptions): Promise<EdgeResponse> {
  let target = url
  for (let redirects = 0; ; redirects++) {
    const response = await fetchOnce(target, options)
    const location = response.headers.location
    const isRedirect = [301, 302, 303, 307, 308].includes(response.statusCode ?? 0)
    if (!isRedirect || location === undefined) return edgeResponse(response)
    response.destroy()
    if (redirects === MAX_REDIRECTS || !URL.canParse(location, target.href))
      throw unreachable(`${url.href} redirects too often or to nowhere`)
    target = new URL(location, target.href)
  }
}

async function fetchOnce(url: URL, options: GuardedFetchOptions): Promise<IncomingMessage> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw unreachable(`${url.protocol} is not fetched`)
  if (url.username !== '' || url.password !== '')
    throw unreachable('addresses with credentials are not fetched')
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const address = await checkedAddress(hostname, options)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      {
        method: options.method ?? 'GET',
        headers: { 'User-Agent': 'edgeward', ...fieldsOf(options.headers) },
        signal: options.signal,
        timeout: options.timeoutMs ?? 30_000,
        agent: false,
        // The address that was checked, not what the name says a moment later.
        lookup: (_name, { all }, give) => {
          const family = isIP(address)
          if (all === true) (give as unknown as (e: null, a: object[]) => void)(null, [{ address, family }])
          else give(null, address, family)
        },
      },
      resolve,
    )
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', (error) => reject(unreachable(`${url.href}: ${error.message}`, error)))
    request.end()
  })
}

async function checkedAddress(hostname: string, options: GuardedFetchOptions): Promise<string> {
  let addresses: readonly string[]
  try {
    addresses = isIP(hostname) === 0 ? await (options.resolve ?? resolveAll)(hostname) : [hostname]
  } catch (error) {
    throw unreachable(`${hostname} does not resolve`, error)
  }
  const forbidden = addresses.find((each) => isForbiddenAddress(normaliseAddress(each), options.isAllowed))
  // One private address among public ones is refused too: which one is used is not up to us later.
  if (forbidden !== undefined) throw unreachable(`${hostname} is at ${forbidden}, a private address`)
  const [first] = addresses
  if (first === undefined) throw unreachable(`${hostname} has no address`)
  return first
}

async function resolveAll(hostname: string): Promise<readonly string[]> {
  return (await resolveName(hostname, { all: true })).map(({ address }) => address)
}

function edgeResponse(response: IncomingMessage): EdgeResponse {
  const length = response.headers['content-length']
  return {
    status: response.statusCode ?? 502,
    headers: new HeaderList([...response.rawHeaders]),
    body: Body.stream(response, length === undefined ? undefined : Number(length)),
  }
}

/** The viewer learns nothing of what stands there; the operator does. */
function unreachable(detail: string, cause?: unknown): ImageError {
  return new ImageError(404, 'NoSuchKey', 'The picture does not exist or cannot be read.', {
    cause: new Error(detail, { cause }),
  })
}

function fieldsOf(headers: HeaderList | undefined): Record<string, string> {
  const fields: Record<string, string> = {}
  const raw = headers?.raw ?? []
  for (let i = 0; i < raw.length; i += 2) fields[raw[i]!] = raw[i + 1]!
  return fields
}
