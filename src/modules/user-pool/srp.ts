import { createHash, createHmac, getDiffieHellman } from 'node:crypto'

/**
 * SRP-6a (RFC 2945, RFC 5054 section 2.5) with what differs between its users as a parameter: group, hash, and how
 * numbers become bytes before they are hashed.
 */
export interface SrpForm {
  readonly N: bigint
  readonly g: bigint
  readonly hash: string
  /** How a number is written into a hash. */
  encode(value: bigint): Buffer
  /** How N is written into k. */
  encodePrime(value: bigint): Buffer
}

/** RFC 5054: numbers are padded with zeros to the length of N. */
export function rfc5054Form(N: bigint, g: bigint, hash: string): SrpForm {
  const length = minimalBytes(N).length
  const padded = (value: bigint): Buffer => {
    const bytes = minimalBytes(value)
    return Buffer.concat([Buffer.alloc(length - bytes.length), bytes])
  }
  return { N, g, hash, encode: padded, encodePrime: padded }
}

/**
 * What user pools and their client libraries use: the prime of the 3072-bit group (RFC 5054 appendix A, RFC 3526
 * group 15) with generator 2, SHA-256, and numbers as two's complement: a zero byte goes before a leading one bit.
 */
export const cognitoForm: SrpForm = {
  N: toBigInt(getDiffieHellman('modp15').getPrime()),
  g: 2n,
  hash: 'sha256',
  encode: signedBytes,
  encodePrime: signedBytes,
}

/** k = H(N | g). */
export function multiplier(form: SrpForm): bigint {
  return toBigInt(digest(form, form.encodePrime(form.N), form.encode(form.g)))
}

/** u = H(A | B). */
export function scrambler(form: SrpForm, A: bigint, B: bigint): bigint {
  return toBigInt(digest(form, form.encode(A), form.encode(B)))
}

/** x = H(salt | H(identity ":" password)). */
export function privateKeyOf(form: SrpForm, salt: Buffer, identity: string, password: string): bigint {
  return toBigInt(digest(form, salt, digest(form, Buffer.from(`${identity}:${password}`))))
}

/** v = g^x: what is stored in the place of a password. */
export function verifierOf(form: SrpForm, x: bigint): bigint {
  return modPow(form.g, x, form.N)
}

/** A = g^a. */
export function clientPublic(form: SrpForm, a: bigint): bigint {
  return modPow(form.g, a, form.N)
}

/** B = k*v + g^b. */
export function serverPublic(form: SrpForm, v: bigint, b: bigint): bigint {
  return (multiplier(form) * v + modPow(form.g, b, form.N)) % form.N
}

/** S = (B - k * g^x) ^ (a + u * x): the client's side. */
export function clientSecret(form: SrpForm, a: bigint, A: bigint, B: bigint, x: bigint): bigint {
  const base = (B - multiplier(form) * modPow(form.g, x, form.N)) % form.N
  return modPow(base < 0n ? base + form.N : base, a + scrambler(form, A, B) * x, form.N)
}

/** S = (A * v^u) ^ b: the server's side. */
export function serverSecret(form: SrpForm, A: bigint, B: bigint, v: bigint, b: bigint): bigint {
  return modPow(A * modPow(v, scrambler(form, A, B), form.N), b, form.N)
}

/** A is refused when A % N is zero: with it anybody would know the secret (RFC 5054 section 2.5.4). */
export function isAcceptablePublic(form: SrpForm, A: bigint): boolean {
  return A > 0n && A % form.N !== 0n
}

/** The key that signs a PASSWORD_VERIFIER: HKDF (RFC 5869) over S with u as the salt, the first 16 bytes. */
export function challengeKey(A: bigint, B: bigint, S: bigint): Buffer {
  const salt = signedBytes(scrambler(cognitoForm, A, B))
  const extracted = createHmac('sha256', salt).update(signedBytes(S)).digest()
  return createHmac('sha256', extracted).update('Caldera Derived Key\u0001').digest().subarray(0, 16)
}

/** PASSWORD_CLAIM_SIGNATURE: HMAC over the pool's name, the user, the secret block and the timestamp, in base64. */
export function claimSignature(
  key: Buffer,
  claim: { poolName: string; userId: string; secretBlock: string; timestamp: string },
): string {
  return createHmac('sha256', key)
    .update(claim.poolName)
    .update(claim.userId)
    .update(Buffer.from(claim.secretBlock, 'base64'))
    .update(claim.timestamp)
    .digest('base64')
}

/** A salt as it is hashed: the number it stands for, as two's complement. */
export function saltBytes(salt: bigint): Buffer {
  return signedBytes(salt)
}

export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

/** Square and multiply. Its time depends on the exponent, which is one reason why the pool is for small installations. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let power = base % modulus
  const bits = exponent.toString(2)
  for (let i = bits.length - 1; i >= 0; i--) {
    if (bits[i] === '1') result = (result * power) % modulus
    power = (power * power) % modulus
  }
  return result
}

function minimalBytes(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

function signedBytes(value: bigint): Buffer {
  const bytes = minimalBytes(value)
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
}

function digest({ hash }: SrpForm, ...parts: readonly Buffer[]): Buffer {
  const made = createHash(hash)
  for (const part of parts) made.update(part)
  return made.digest()
}
