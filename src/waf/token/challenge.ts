import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { TokenKind } from './token.ts'

/** Zero bits that the hash of a solution begins with: some tenths of a second, and seconds after a click for Captcha. */
export const DIFFICULTY: Readonly<Record<TokenKind, number>> = { challenge: 15, captcha: 17 }

/** How long a page may be open before its challenge is solved. */
const LIFETIME_MS: Readonly<Record<TokenKind, number>> = { challenge: 2 * 60_000, captcha: 10 * 60_000 }

/** `KIND.TIME.RANDOM.SIGNATURE`: short enough that it and a counter are one block of SHA-256. */
export function writeChallenge(key: Buffer, kind: TokenKind, host: string, nowMs: number): string {
  const text = `${kind === 'captcha' ? 'p' : 'c'}.${nowMs.toString(36)}.${randomBytes(6).toString('base64url')}`
  return `${text}.${sign(key, text, host)}`
}

/** The kind of a challenge that this key has given out for the host lately and that the counter solves. */
export function solvedKind(
  key: Buffer,
  challenge: string,
  counter: number,
  host: string,
  nowMs: number,
): TokenKind | undefined {
  const [, text, letter, time, signature] =
    /^(([cp])\.([0-9a-z]{1,10})\.[\w-]{8})\.([\w-]{22})$/.exec(challenge) ?? []
  if (text === undefined || time === undefined || signature === undefined) return undefined
  if (!timingSafeEqual(Buffer.from(sign(key, text, host)), Buffer.from(signature))) return undefined
  const kind = letter === 'p' ? 'captcha' : 'challenge'
  const age = nowMs - Number.parseInt(time, 36)
  if (age < 0 || age > LIFETIME_MS[kind]) return undefined
  return isSolution(challenge, counter, DIFFICULTY[kind]) ? kind : undefined
}

/** Whether SHA-256 of `challenge:counter` begins with so many zero bits. */
export function isSolution(challenge: string, counter: number, bits: number): boolean {
  if (!Number.isSafeInteger(counter) || counter < 0) return false
  const digest = createHash('sha256').update(`${challenge}:${counter}`).digest()
  return digest.readUInt32BE(0) >>> (32 - bits) === 0
}

function sign(key: Buffer, text: string, host: string): string {
  return createHmac('sha256', key).update(`challenge:${text}:${host}`).digest('base64url').slice(0, 22)
}
