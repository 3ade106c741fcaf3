import type { FaultCode } from '../faults.ts'
import type { HeaderList } from '../http/header-list.ts'

/** DG:cloudfront-limits: bytes of the URL, and of request line and headers together. */
export const MAX_URL_BYTES = 8192
export const MAX_HEAD_BYTES = 32_768

/** What is wrong with a request head, and how it is answered. */
export interface Refusal {
  readonly code: FaultCode
  readonly why: string
}

export interface Target {
  readonly path: string
  readonly query: string | undefined
  /** From an absolute-form target; must agree with Host. */
  readonly authority: string | undefined
}

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/
const HOST = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/
const VISIBLE = /^[\x21-\x7e]+$/

/** Bytes of a request line and its fields, as HTTP/1.1 writes them. */
export function headBytes(method: string, target: string, raw: readonly string[]): number {
  let bytes = method.length + target.length + 12 + 2
  for (let i = 0; i < raw.length; i += 2) bytes += raw[i]!.length + raw[i + 1]!.length + 4
  return bytes
}

/** CloudFront's size limits: 414 for the URL, 494 for the whole head. */
export function refuseSize(targetBytes: number, totalBytes: number): Refusal | undefined {
  if (targetBytes > MAX_URL_BYTES) return { code: 'UriTooLong', why: `the URL has ${targetBytes} bytes` }
  if (totalBytes > MAX_HEAD_BYTES)
    return { code: 'HeadersTooLarge', why: `the request head has ${totalBytes} bytes` }
  return undefined
}

/** Splits a request target (RFC 9112 section 3.2); a string says why it is none. */
export function parseTarget(target: string, method: string): Target | string {
  if (target.length === 0 || !VISIBLE.test(target)) return 'the target has a character that is not allowed'
  let rest = target
  let authority: string | undefined
  if (rest.charCodeAt(0) !== 47) {
    if (rest === '*')
      return method === 'OPTIONS'
        ? 'OPTIONS * asks for nothing this edge can forward'
        : 'the target * is for OPTIONS'
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(rest)
    if (absolute === null || absolute[1] === '') return 'the target is neither a path nor an absolute URL'
    authority = absolute[1]!
    if (!HOST.test(authority)) return 'the target names an invalid host'
    rest = absolute[2]!
    if (rest.charCodeAt(0) !== 47) rest = `/${rest}`
  }
  if (rest.includes('#')) return 'the target has a fragment'
  const mark = rest.indexOf('?')
  if (mark === -1) return { path: rest, query: undefined, authority }
  return { path: rest.slice(0, mark), query: rest.slice(mark + 1), authority }
}

/** The one valid Host of a request (RFC 9112 section 3.2), or why there is none. */
export function hostOf(
  headers: HeaderList,
  httpVersion: '1.0' | '1.1',
  authority: string | undefined,
): string | Refusal {
  const count = headers.count('host')
  if (count > 1) return { code: 'InvalidHost', why: 'there is more than one Host header' }
  const host = headers.get('host')
  if (host === undefined) {
    if (httpVersion === '1.1') return { code: 'InvalidHost', why: 'there is no Host header' }
    return authority ?? 'localhost'
  }
  if (!HOST.test(host))
    return {
      code: 'InvalidHost',
      why: `the Host header ${JSON.stringify(host.slice(0, 80))} is not a host name`,
    }
  if (authority !== undefined && authority.toLowerCase() !== host.toLowerCase()) {
    return { code: 'InvalidHost', why: 'the target names another host than the Host header' }
  }
  return host
}

export function isMethodToken(method: string): boolean {
  return METHOD.test(method)
}

/** Framing headers beyond what Node's parser refuses: whether the body of this message is beyond doubt. */
export function refuseFraming(headers: HeaderList, httpVersion: '1.0' | '1.1'): string | undefined {
  const transferEncodings = headers.getAll('transfer-encoding')
  const lengths = headers.getAll('content-length')
  if (transferEncodings.length > 0) {
    if (httpVersion === '1.0') return 'an HTTP/1.0 request has Transfer-Encoding'
    if (lengths.length > 0) return 'there are both Content-Length and Transfer-Encoding'
    if (transferEncodings.length > 1 || transferEncodings[0]!.toLowerCase() !== 'chunked') {
      return 'Transfer-Encoding is something other than chunked'
    }
  }
  if (lengths.length > 1) return 'there is more than one Content-Length'
  if (lengths.length === 1 && !/^\d{1,15}$/.test(lengths[0]!)) return 'Content-Length is not a number'
  return undefined
}

/** Reads the first line of a packet that Node's parser refused: a well-formed request with a verb it does not know? */
export function readUnknownVerb(
  packet: Buffer,
): { method: string; target: string; host: string | undefined } | undefined {
  const text = packet.toString('latin1', 0, Math.min(packet.length, MAX_HEAD_BYTES))
  const line = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) ([\x21-\x7e]{1,8192}) HTTP\/1\.[01]\r\n/.exec(text)
  if (line === null) return undefined
  return { method: line[1]!, target: line[2]!, host: /\r\nhost:[ \t]*([^\r\n]*?)[ \t]*\r\n/i.exec(text)?.[1] }
}
