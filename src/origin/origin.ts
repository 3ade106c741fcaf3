import type { Readable } from 'node:stream'
import type { Awaitable } from '../base/promise.ts'
import { isPromise } from '../base/promise.ts'
import type { Clock } from '../base/clock.ts'
import { Secret } from '../base/secret.ts'
import { Fault } from '../faults.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { BucketOrigin, FolderOrigin, PlannedOrigin, UrlOrigin } from '../plan.ts'
import type { EdgeResponse, OriginRequest, OriginVisit, Passage } from '../visit.ts'
import type { WireRequest } from './connection.ts'
import { failsOver } from './failover.ts'
import { mapBack } from './map-back.ts'
import type { OriginNames } from './names.ts'
import type { ConnectTarget, OriginPools } from './pools.ts'
import { prepareOriginRequest, usesTls, type ViewerHeaderSource } from './prepare.ts'

/** What the origin room needs from outside. */
export interface OriginOptions {
  readonly clock: Clock
  readonly names: OriginNames
  readonly pools: OriginPools
  readonly viewerHeader: ViewerHeaderSource
  readonly folder: { send(request: OriginRequest, origin: FolderOrigin): Promise<EdgeResponse> }
  /** Signs a request for a bucket; the result is sent like one to a URL. */
  readonly signBucketRequest: (request: OriginRequest, origin: BucketOrigin, nowMs: number) => SignedRequest
}

export interface SignedRequest {
  readonly protocol: 'http' | 'https'
  readonly hostname: string
  readonly port: number
  /** Path and query as they go on the wire. */
  readonly target: string
  readonly headers: HeaderList
}

/** Replayed on a fresh connection when an idle one turned out to be closed (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
const NEEDS_LENGTH = new Set(['POST', 'PUT', 'PATCH'])
const MAX_STALE_CONNECTIONS = 8

/** Headers of modules whose values nobody may see. */
type SecretHeaders = readonly { readonly name: string; readonly value: Secret }[]

const NO_SECRETS: SecretHeaders = []

/** The origin room: prepares, sends, retries and decides on failover. */
export function createOrigin(options: OriginOptions) {
  const { clock, names, pools } = options

  function prepare(passage: Passage, origin: PlannedOrigin): OriginRequest {
    return prepareOriginRequest(passage, origin, options.viewerHeader)
  }

  function resolve(passage: Passage, origin: PlannedOrigin): Awaitable<Fault | undefined> {
    if (origin.kind !== 'url') return undefined
    const found = names.resolve(origin.hostname)
    if (!isPromise(found)) return undefined
    const startedAt = clock.monotonic()
    return found.then(
      () => undefined,
      (error: unknown) => {
        const fault = new Fault(
          'OriginDnsError',
          `the name ${origin.hostname} of origin ${origin.name} does not resolve`,
          { cause: error },
        )
        const visit = beginVisit(passage, origin)
        visit.dnsMs = clock.monotonic() - startedAt
        visit.fault = fault.code
        visit.cause = fault.message
        return fault
      },
    )
  }

  /**
   * Sends a request and gives the head of the answer. `secrets` are headers that nothing but the socket sees; they
   * replace those of the request.
   */
  function send(
    passage: Passage,
    request: OriginRequest,
    secrets: SecretHeaders = NO_SECRETS,
  ): Awaitable<EdgeResponse | Fault> {
    const { origin } = request
    const visit = beginVisit(passage, origin)
    switch (origin.kind) {
      case 'folder':
        visit.attempts = 1
        return sendToFolder(passage, request, origin, visit)
      case 'bucket':
        return sendToBucket(passage, request, origin, visit, secrets)
      case 'url':
        return sendToUrl(passage, request, origin, visit, secrets)
    }
  }

  async function sendToFolder(
    passage: Passage,
    request: OriginRequest,
    origin: FolderOrigin,
    visit: OriginVisit,
  ): Promise<EdgeResponse | Fault> {
    request.body.discard()
    try {
      const path = originPath(passage, origin, request.path)
      const response = await options.folder.send({ ...request, path }, origin)
      visit.firstByteAt = clock.monotonic()
      visit.status = response.status
      if (response.body.kind !== 'stream') visit.lastByteAt = visit.firstByteAt
      restorePrefix(passage, response, origin.domainName)
      return response
    } catch (error) {
      return noted(
        visit,
        new Fault('OriginError', `folder ${origin.folder}: ${String(error)}`, { cause: error }),
      )
    }
  }

  async function sendToBucket(
    passage: Passage,
    request: OriginRequest,
    origin: BucketOrigin,
    visit: OriginVisit,
    secrets: SecretHeaders,
  ): Promise<EdgeResponse | Fault> {
    const path = originPath(passage, origin, request.path)
    const signed = sign({ ...request, path }, origin)
    if (signed instanceof Fault) {
      request.body.discard()
      return noted(visit, signed)
    }
    const target: ConnectTarget = {
      key: `${signed.protocol}//${signed.hostname}:${signed.port}|${tlsKey(origin)}`,
      hostname: signed.hostname,
      port: signed.port,
      tls: signed.protocol === 'https' ? { settings: origin.tls, serverNames: [signed.hostname] } : undefined,
      connectTimeoutMs: origin.connectTimeoutMs,
      keepaliveTimeoutMs: origin.keepaliveTimeoutMs,
    }
    const headers = withSecrets(signed.headers, secrets)
    const response = await exchange(passage, request, origin, target, signed.target, headers, visit)
    if (response instanceof Fault) return response
    response.headers.deleteWhere((name) => name === 'x-amz-id-2' || name === 'x-amz-request-id')
    restorePrefix(passage, response, origin.domainName)
    return response
  }

  /** A key that climbs out of its bucket is refused, not sent. */
  function sign(request: OriginRequest, origin: BucketOrigin): SignedRequest | Fault {
    try {
      return options.signBucketRequest(request, origin, clock.now())
    } catch (error) {
      if (error instanceof Fault) return error
      throw error
    }
  }

  async function sendToUrl(
    passage: Passage,
    request: OriginRequest,
    origin: UrlOrigin,
    visit: OriginVisit,
    secrets: SecretHeaders,
  ): Promise<EdgeResponse | Fault> {
    const path = originPath(passage, origin, request.path)
    const isTls = usesTls(origin.protocol, passage.request.scheme)
    const host = request.headers.get('host') ?? origin.domainName
    const response = await exchange(
      passage,
      request,
      origin,
      targetFor(origin, isTls, host),
      request.query === undefined || request.query === '' ? path : `${path}?${request.query}`,
      withSecrets(withCustomHeaders(request.headers, origin), secrets),
      visit,
    )
    if (!(response instanceof Fault)) {
      const port = isTls ? origin.httpsPort : origin.httpPort
      restorePrefix(
        passage,
        response,
        port === (isTls ? 443 : 80) ? origin.domainName : `${origin.domainName}:${port}`,
      )
    }
    return response
  }

  /** Attempts one request until it is answered or no attempt is left (fact sheet 7). */
  async function exchange(
    passage: Passage,
    request: OriginRequest,
    origin: UrlOrigin | BucketOrigin,
    target: ConnectTarget,
    path: string,
    headers: HeaderList,
    visit: OriginVisit,
  ): Promise<EdgeResponse | Fault> {
    const isReplayable = request.body.kind !== 'stream'
    const retriesTimeouts = isReplayable && (request.method === 'GET' || request.method === 'HEAD')
    const completeBy =
      origin.responseCompletionTimeoutMs === undefined
        ? Number.POSITIVE_INFINITY
        : visit.startedAt + origin.responseCompletionTimeoutMs
    const isChunked = request.body.kind === 'stream' && request.body.length === undefined
    const wire: WireRequest = {
      method: request.method,
      head: wireHead(request, path, headers, isChunked),
      body: takeBody(request),
      isChunked,
      isUpgrade: request.isUpgrade,
      readTimeoutMs: origin.readTimeoutMs,
      completeBy,
      visit,
      interim: (status, interim) => passage.tellInterim(status, interim),
    }
    let stale = 0
    for (;;) {
      if (passage.departed) return noted(visit, new Fault('ClientHungUp'))
      // A request that cannot be sent twice does not trust an idle connection the origin may be closing.
      let connection = isReplayable ? pools.takeIdle(target) : undefined
      if (connection === undefined) {
        visit.attempts++
        const opened = await pools.connect(target, visit)
        if (opened instanceof Fault) {
          const isFinal =
            visit.attempts >= origin.connectionAttempts ||
            opened.code === 'OriginTlsError' ||
            passage.departed
          if (!isFinal) continue
          stopBody(wire.body)
          return noted(visit, opened)
        }
        connection = opened
      } else if (visit.attempts === 0) visit.attempts = 1
      const used = connection
      const result = await new Promise<EdgeResponse | Fault>((settle) => {
        passage.onDepart(() => used.abort(new Fault('ClientHungUp')))
        used.send(wire, settle)
      })
      passage.onDepart(undefined)
      if (!(result instanceof Fault)) return result
      if (passage.departed) return result
      if (used.wasStale && isReplayable && IDEMPOTENT.has(request.method) && stale++ < MAX_STALE_CONNECTIONS)
        continue
      if (
        result.code === 'OriginReadTimeout' &&
        retriesTimeouts &&
        visit.attempts < origin.connectionAttempts
      ) {
        visit.attempts++
        continue
      }
      stopBody(wire.body)
      return result
    }
  }

  function beginVisit(passage: Passage, origin: PlannedOrigin): OriginVisit {
    const visit: OriginVisit = {
      origin: origin.name,
      attempts: 0,
      startedAt: clock.monotonic(),
      dnsMs: undefined,
      connectMs: undefined,
      firstByteAt: undefined,
      lastByteAt: undefined,
      status: undefined,
      fault: undefined,
      cause: undefined,
    }
    passage.visit.origins.push(visit)
    return visit
  }

  return { prepare, resolve, send, failsOver }
}

const targets = new WeakMap<UrlOrigin, Map<string, ConnectTarget>>()

/** The target of a URL origin; computed once per origin, scheme and, over TLS, Host. */
function targetFor(origin: UrlOrigin, isTls: boolean, host: string): ConnectTarget {
  let known = targets.get(origin)
  if (known === undefined) targets.set(origin, (known = new Map()))
  const forwardedName = isTls ? host.replace(/:\d*$/, '').toLowerCase() : ''
  const found = known.get(isTls ? `s${forwardedName}` : 'p')
  if (found !== undefined) return found
  const port = isTls ? origin.httpsPort : origin.httpPort
  const serverNames =
    origin.tls.serverNames ??
    (forwardedName === '' || forwardedName === origin.hostname
      ? [origin.hostname]
      : [forwardedName, origin.hostname])
  const target: ConnectTarget = {
    key: `${isTls ? 'https' : 'http'}//${origin.hostname}:${port}|${forwardedName}|${isTls ? tlsKey(origin) : ''}|${origin.keepaliveTimeoutMs}`,
    hostname: origin.hostname,
    port,
    tls: isTls ? { settings: origin.tls, serverNames } : undefined,
    connectTimeoutMs: origin.connectTimeoutMs,
    keepaliveTimeoutMs: origin.keepaliveTimeoutMs,
  }
  // Over TLS the viewer chooses the Host where it is forwarded: the memory of names stays small.
  if (known.size >= 100) known.clear()
  known.set(isTls ? `s${forwardedName}` : 'p', target)
  return target
}

function tlsKey(origin: UrlOrigin | BucketOrigin): string {
  const { tls } = origin
  return `${tls.minVersion},${tls.verify},${tls.caPem ?? ''},${tls.certPem ?? ''},${tls.serverNames?.join(' ') ?? ''}`
}

/** Origin path, then rewrite or stripped prefix: the cache key and functions saw the viewer's path. */
function originPath(passage: Passage, origin: PlannedOrigin, path: string): string {
  const rewrite = passage.behavior.rewrite
  return origin.originPath + (rewrite === undefined ? path : rewrite.toOrigin(path))
}

function restorePrefix(passage: Passage, response: EdgeResponse, originAuthority: string): void {
  const rewrite = passage.behavior.rewrite
  if (rewrite?.prefix === undefined || !rewrite.mapBack) return
  mapBack(response.headers, rewrite.prefix, { originAuthority, viewerHost: passage.request.host })
}

function withCustomHeaders(headers: HeaderList, origin: PlannedOrigin): HeaderList {
  if (origin.customHeaders.length === 0) return headers
  const list = headers.clone()
  addCustomHeaders(list, origin)
  return list
}

/** Secret values are revealed here, into a list that nothing but the socket reads. */
function addCustomHeaders(list: HeaderList, origin: PlannedOrigin): void {
  for (const { name, value } of origin.customHeaders)
    list.set(name, value instanceof Secret ? value.reveal() : value)
}

/** As above, for what modules add. */
function withSecrets(headers: HeaderList, secrets: SecretHeaders): HeaderList {
  if (secrets.length === 0) return headers
  const list = headers.clone()
  for (const { name, value } of secrets) list.set(name, value.reveal())
  return list
}

/** Request line and fields as bytes on the wire. Throws a Fault where a function smuggled in a line break. */
function wireHead(request: OriginRequest, path: string, headers: HeaderList, isChunked: boolean): string {
  let head = `${request.method} ${path} HTTP/1.1\r\n`
  const raw = headers.raw
  const lines = (raw.length >> 1) + 1
  for (let i = 0; i < raw.length; i += 2) head += `${raw[i]!}: ${raw[i + 1]!}\r\n`
  if (hasStrayBreak(head, lines))
    throw new Fault('OriginWriteError', 'a header or the path has a line break or NUL in it')
  head += request.isUpgrade ? 'Connection: Upgrade\r\nUpgrade: websocket\r\n' : 'Connection: Keep-Alive\r\n'
  const { body } = request
  if (isChunked) head += 'Transfer-Encoding: chunked\r\n'
  else if (body.kind !== 'none' && (body.length! > 0 || NEEDS_LENGTH.has(request.method)))
    head += `Content-Length: ${body.length}\r\n`
  else if (body.kind === 'none' && NEEDS_LENGTH.has(request.method)) head += 'Content-Length: 0\r\n'
  return `${head}\r\n`
}

/** Whether a CR, LF or NUL stands anywhere but in the line ends written above, of which there are `lines`. */
function hasStrayBreak(head: string, lines: number): boolean {
  return head.includes('\0') || count(head, '\n') !== lines || count(head, '\r') !== lines
}

function count(text: string, character: string): number {
  let found = 0
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) found++
  return found
}

function takeBody(request: OriginRequest): Buffer | Readable | undefined {
  if (request.body.kind === 'none') return undefined
  // Bytes stay with the request: a failover or a retry may need them again.
  return request.body.buffered ?? request.body.take()
}

function stopBody(body: Buffer | Readable | undefined): void {
  if (body !== undefined && !Buffer.isBuffer(body)) body.resume()
}

function noted(visit: OriginVisit, fault: Fault): Fault {
  visit.fault = fault.code
  visit.cause = fault.message
  return fault
}
