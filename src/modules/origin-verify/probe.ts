import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { UrlOrigin } from '../../plan.ts'

const PROBE_TIMEOUT_MS = 5_000

/** What came back: a status, or why nothing did. */
export type ProbeAnswer = number | string

/**
 * Asks an origin around the edge, on a connection of its own, as anybody could who knows its address; with a value in
 * the header, or without.
 */
export function askAround(
  origin: UrlOrigin,
  path: string,
  header: string,
  value: string | undefined,
): Promise<ProbeAnswer> {
  const isTls = origin.protocol === 'https'
  const port = isTls ? origin.httpsPort : origin.httpPort
  const isDefaultPort = port === (isTls ? 443 : 80)
  return ask(isTls, {
    hostname: origin.hostname.replace(/^\[|\]$/g, ''),
    port,
    path: origin.originPath + path,
    headers: {
      host: isDefaultPort ? origin.domainName : `${origin.domainName}:${port}`,
      ...(value === undefined ? {} : { [header]: value }),
    },
    ...(isTls && {
      servername: origin.hostname,
      minVersion: origin.tls.minVersion,
      rejectUnauthorized: origin.tls.verify,
      ...(origin.tls.caPem !== undefined && { ca: origin.tls.caPem }),
      ...(origin.tls.certPem !== undefined && { cert: origin.tls.certPem }),
      ...(origin.tls.keyPem !== undefined && { key: origin.tls.keyPem.reveal() }),
    }),
  })
}

/** Asks a URL as a viewer would. */
export function askUrl(url: string): Promise<ProbeAnswer> {
  const { protocol, hostname, port, pathname, search } = new URL(url)
  return ask(protocol === 'https:', {
    hostname: hostname.replace(/^\[|\]$/g, ''),
    ...(port !== '' && { port }),
    path: pathname + search,
  })
}

function ask(isTls: boolean, options: RequestOptions): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const request = (isTls ? httpsRequest : httpRequest)(
      { ...options, agent: false, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) },
      (response) => {
        resolve(response.statusCode ?? 0)
        // The status is all that counts; the body is cut off.
        response.destroy()
      },
    )
    request.on('error', (error) => resolve(error.message))
    request.end()
  })
}
