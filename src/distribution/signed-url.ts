import { type KeyObject, verify } from 'node:crypto'
import { cookieValue } from '../http/cookies.ts'
import { parameterName, parameterValue, splitQuery } from '../http/query.ts'
import { judgePolicy, parseSignedPolicy, type PolicyRefusal } from './signed-policy.ts'
import { type SignedTarget, targetUrl } from './signed-resource.ts'

/** What is known of a request when its signature is checked. */
export interface SignedRequest {
  readonly scheme: 'http' | 'https'
  /** As the viewer sent it, with the port if it sent one. */
  readonly host: string
  /** Raw. */
  readonly path: string
  /** Raw, without `?`; undefined when there was none. */
  readonly query: string | undefined
  /** The Cookie field, its lines joined by `; `. */
  readonly cookie: string | undefined
  readonly clientIp: string
}

/** The code in the XML body of a refusal. */
export type SignedRefusalCode = 'MissingKey' | 'InvalidKey' | 'AccessDenied' | 'MalformedPolicy'

/** Why exactly a request was refused: for operators, never for the viewer. */
export type SignedRefusalReason =
  | 'there is no key pair id'
  | 'the key pair id is in no key group of the behavior'
  | 'there is no signature'
  | 'there is neither a policy nor an expiry'
  | 'the expiry is not a number of seconds'
  | 'the policy is longer than 8192 characters'
  | 'the policy is not in the base64 of signed URLs'
  | 'the policy is not JSON of the documented form'
  | 'the hash algorithm is neither SHA1 nor SHA256'
  | 'the signature is not in the base64 of signed URLs'
  | 'the signature does not fit'
  | PolicyRefusal

/** Whether a request may come in, and with which query: without the parameters of the signature. */
export type SignedDecision =
  | { readonly kind: 'allowed'; readonly query: string | undefined }
  | {
      readonly kind: 'refused'
      readonly code: SignedRefusalCode
      readonly message: string
      readonly reason: SignedRefusalReason
    }

const MAX_POLICY_LENGTH = 8192
/** Room for RSA keys of 4096 bits, percent-encoded. */
const MAX_SIGNATURE_LENGTH = 2048

const MESSAGES = {
  MissingKey: 'Missing Key-Pair-Id query parameter or cookie value',
  InvalidKey: 'Unknown Key',
  AccessDenied: 'Access denied',
  MalformedPolicy: 'Malformed Policy',
} as const satisfies Record<SignedRefusalCode, string>

/** The parts of a signature, as sent. */
interface Credentials {
  expires: string | undefined
  policy: string | undefined
  signature: string | undefined
  keyPairId: string | undefined
  hashAlgorithm: string | undefined
}

/**
 * Checks the signed URL or the signed cookies of a request against the public keys of its behavior, by id, at a time in
 * whole seconds since the epoch (DG:private-content-signed-urls, DG:private-content-signed-cookies). A query with any
 * signing parameter makes it a signed URL, and cookies are not looked at. Never throws, whatever the viewer sent.
 */
export function verifySignedRequest(
  request: SignedRequest,
  keys: ReadonlyMap<string, KeyObject>,
  nowSeconds: number,
): SignedDecision {
  const credentials: Credentials = {
    expires: undefined,
    policy: undefined,
    signature: undefined,
    keyPairId: undefined,
    hashAlgorithm: undefined,
  }
  const query = request.query === undefined ? undefined : takeParameters(request.query, credentials)
  if (query === request.query && request.cookie !== undefined) takeCookies(request.cookie, credentials)
  const { keyPairId, signature } = credentials
  if (keyPairId === undefined || keyPairId === '') return refused('MissingKey', 'there is no key pair id')
  const key = keys.get(keyPairId)
  if (key === undefined) return refused('InvalidKey', 'the key pair id is in no key group of the behavior')
  if (signature === undefined || signature === '') return refused('AccessDenied', 'there is no signature')
  const { scheme, host, path } = request
  const target = { scheme, host, path, query }
  const isCustom = credentials.policy !== undefined
  const refusal = isCustom
    ? checkCustom(credentials, key, target, request.clientIp, nowSeconds)
    : checkCanned(credentials, key, target, nowSeconds)
  return refusal ?? { kind: 'allowed', query }
}

/** The XML body of a 403 that a refused signature is answered with. */
export function signedUrlErrorBody(code: string, message: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error>`
}

/**
 * What is wrong with a public key for signed URLs, as a sentence; undefined when nothing is. CloudFront takes RSA with
 * 2048 bits and ECDSA P-256 (DG:private-content-trusted-signers); longer RSA keys are harmless and pass.
 */
export function problemOfSigningKey(key: KeyObject): string | undefined {
  if (key.type !== 'public')
    return `a key group holds public keys, this is a ${key.type} key; keep that where URLs are signed`
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa') {
    return modulusLength >= 2048 && modulusLength <= 4096
      ? undefined
      : `an RSA key has 2048 to 4096 bits, this one has ${modulusLength}`
  }
  if (key.asymmetricKeyType === 'ec') {
    return namedCurve === 'prime256v1'
      ? undefined
      : `an ECDSA key is on the curve P-256 (prime256v1), this one is on ${namedCurve}`
  }
  return `signed URLs take RSA or ECDSA P-256 keys, this is ${key.asymmetricKeyType}`
}

/** A canned policy is not sent: it is built again from the URL, so a URL changed in any byte does not fit. */
function checkCanned(
  credentials: Credentials,
  key: KeyObject,
  target: SignedTarget,
  nowSeconds: number,
): SignedDecision | undefined {
  const { expires } = credentials
  if (expires === undefined) return refused('AccessDenied', 'there is neither a policy nor an expiry')
  // Digits alone: the text goes into the policy as it is.
  if (!/^[0-9]{1,15}$/.test(expires))
    return refused('MalformedPolicy', 'the expiry is not a number of seconds')
  const policy = `{"Statement":[{"Resource":${JSON.stringify(targetUrl(target))},"Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`
  const refusal = checkSignature(credentials, key, Buffer.from(policy, 'latin1'))
  if (refusal !== undefined) return refusal
  return nowSeconds < Number(expires) ? undefined : refused('AccessDenied', 'the policy has expired')
}

function checkCustom(
  credentials: Credentials,
  key: KeyObject,
  target: SignedTarget,
  clientIp: string,
  nowSeconds: number,
): SignedDecision | undefined {
  const encoded = credentials.policy ?? ''
  if (encoded.length > MAX_POLICY_LENGTH)
    return refused('MalformedPolicy', 'the policy is longer than 8192 characters')
  const bytes = decodeBase64(encoded)
  if (bytes === undefined) return refused('MalformedPolicy', 'the policy is not in the base64 of signed URLs')
  const policy = parseSignedPolicy(bytes.toString('utf8'))
  if (policy === undefined) return refused('MalformedPolicy', 'the policy is not JSON of the documented form')
  const refusal = checkSignature(credentials, key, bytes)
  if (refusal !== undefined) return refusal
  const judged = judgePolicy(policy, target, clientIp, nowSeconds)
  return judged === undefined ? undefined : refused('AccessDenied', judged)
}

function checkSignature(
  credentials: Credentials,
  key: KeyObject,
  policy: Buffer,
): SignedDecision | undefined {
  const { signature = '', hashAlgorithm = 'SHA1' } = credentials
  if (hashAlgorithm !== 'SHA1' && hashAlgorithm !== 'SHA256') {
    return refused('AccessDenied', 'the hash algorithm is neither SHA1 nor SHA256')
  }
  const bytes = signature.length > MAX_SIGNATURE_LENGTH ? undefined : decodeBase64(signature)
  if (bytes === undefined) return refused('AccessDenied', 'the signature is not in the base64 of signed URLs')
  // RSA is PKCS#1 v1.5 and ECDSA in DER by default; other keys could not take a digest and would throw.
  const isUsable = key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec'
  if (isUsable && verify(hashAlgorithm, policy, key, bytes)) return undefined
  return refused('AccessDenied', 'the signature does not fit')
}

/**
 * Moves the signing parameters out of a raw query; of one sent twice the first counts. What remains keeps its bytes and
 * is the same string when there were none; it is undefined when nothing but signing parameters stood there, because
 * signers then put the `?` there for their sake.
 */
function takeParameters(query: string, into: Credentials): string | undefined {
  const others: string[] = []
  let isSigned = false
  for (const parameter of splitQuery(query)) {
    const slot = slotOf(parameterName(parameter))
    if (slot === undefined) others.push(parameter)
    else {
      isSigned = true
      into[slot] ??= decodeValue(parameterValue(parameter))
    }
  }
  if (!isSigned) return query
  return others.length === 0 ? undefined : others.join('&')
}

function takeCookies(cookie: string, into: Credentials): void {
  into.expires = cookieValue(cookie, 'CloudFront-Expires')
  into.policy = cookieValue(cookie, 'CloudFront-Policy')
  into.signature = cookieValue(cookie, 'CloudFront-Signature')
  into.keyPairId = cookieValue(cookie, 'CloudFront-Key-Pair-Id')
  into.hashAlgorithm = cookieValue(cookie, 'CloudFront-Hash-Algorithm')
}

function slotOf(name: string): keyof Credentials | undefined {
  switch (name) {
    case 'Expires':
      return 'expires'
    case 'Policy':
      return 'policy'
    case 'Signature':
      return 'signature'
    case 'Key-Pair-Id':
      return 'keyPairId'
    case 'Hash-Algorithm':
      return 'hashAlgorithm'
    default:
      return undefined
  }
}

/** `~` is unreserved, but some clients percent-encode it all the same. */
function decodeValue(value: string): string {
  return value.includes('%')
    ? value.replaceAll(/%7e/gi, '~').replaceAll(/%5f/gi, '_').replaceAll(/%2d/gi, '-')
    : value
}

/**
 * Decodes base64 in which `-`, `_` and `~` stand for `+`, `=` and `/` (DG:private-content-creating-signed-url-canned-policy).
 * Undefined when it is not that.
 */
function decodeBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9~-]+_{0,2}$/.test(text)) return undefined
  // Buffer reads `-` as 62 by itself, but `_` as 63.
  return Buffer.from(text.replaceAll('_', '').replaceAll('~', '/'), 'base64')
}

function refused(code: SignedRefusalCode, reason: SignedRefusalReason): SignedDecision {
  return { kind: 'refused', code, message: MESSAGES[code], reason }
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
