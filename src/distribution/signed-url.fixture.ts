import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A key pair as an operator has it: the private half where URLs are signed, the public half in a key group. */
export interface SigningPair {
  readonly id: string
  readonly privatePem: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** An RSA 2048 key pair made for one test run. */
export function makeRsaPair(id: string): SigningPair {
  return describe(id, generateKeyPairSync('rsa', { modulusLength: 2048 }))
}

/** An ECDSA P-256 key pair made for one test run. */
export function makeEcdsaPair(id: string): SigningPair {
  return describe(id, generateKeyPairSync('ec', { namedCurve: 'prime256v1' }))
}

function describe(id: string, pair: { privateKey: KeyObject; publicKey: KeyObject }): SigningPair {
  return { id, ...pair, privatePem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** Base64 in the alphabet of signed URLs. */
export function encodeForUrl(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('=', '_').replaceAll('/', '~')
}

/** Signs any text as a custom policy, so that malformed policies can carry good signatures. */
export function signText(pair: SigningPair, policy: string, hash: 'SHA1' | 'SHA256' = 'SHA1') {
  const bytes = Buffer.from(policy)
  return { policy: encodeForUrl(bytes), signature: encodeForUrl(sign(hash, bytes, pair.privateKey)) }
}

/** The query of a URL with a custom policy of any text. */
export function signedQuery(pair: SigningPair, policy: string): string {
  const signed = signText(pair, policy)
  return `Policy=${signed.policy}&Signature=${signed.signature}&Key-Pair-Id=${pair.id}`
}
