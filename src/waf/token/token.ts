import { createHmac, timingSafeEqual } from 'node:crypto'
import type { TokenState } from '../evaluation.ts'

/** The cookie's name is that of AWS WAF, so that scripts and policies which name it keep working. */
export const TOKEN_COOKIE = 'aws-waf-token'

export type TokenKind = 'captcha' | 'challenge'

/** What a token says: when its bearer solved what, and for which host it was given. Seconds since the epoch. */
export interface TokenContent {
  readonly challengeAt: number | undefined
  readonly captchaAt: number | undefined
  /** Lower case, without port. */
  readonly host: string
}

/** `1.CHALLENGE.CAPTCHA.HOST.SIGNATURE`: times in base 36, host and HMAC-SHA256 in base64url. */
export function writeToken(key: Buffer, content: TokenContent): string {
  const { challengeAt, captchaAt, host } = content
  const text = `1.${writeTime(challengeAt)}.${writeTime(captchaAt)}.${Buffer.from(host).toString('base64url')}`
  return `${text}.${sign(key, text)}`
}

/** Undefined for what this key has not signed. */
export function readToken(key: Buffer, token: string): TokenContent | undefined {
  const [, text, challenge, captcha, host, signature] =
    /^(1\.([0-9a-z]{0,9})\.([0-9a-z]{0,9})\.([\w-]{1,400}))\.([\w-]{43})$/.exec(token) ?? []
  if (text === undefined || signature === undefined || host === undefined) return undefined
  const wanted = Buffer.from(sign(key, text))
  if (!timingSafeEqual(wanted, Buffer.from(signature))) return undefined
  return {
    challengeAt: readTime(challenge),
    captchaAt: readTime(captcha),
    host: Buffer.from(host, 'base64url').toString(),
  }
}

/**
 * Whether a token is good for an action now. Its host must be the one asked for, or be covered by the token domains of
 * the web ACL (DG:waf-tokens-domains); each action has its own time of solving.
 */
export function judgeToken(
  content: TokenContent | undefined,
  kind: TokenKind,
  host: string,
  immunitySeconds: number,
  tokenDomains: readonly string[],
  nowMs: number,
): TokenState {
  if (content === undefined) return INVALID
  if (content.host !== host && !tokenDomains.some((domain) => isBelow(content.host, domain))) return MISMATCH
  const solvedAt = kind === 'captcha' ? content.captchaAt : content.challengeAt
  if (solvedAt === undefined) return MISSING
  const solvedAtMs = solvedAt * 1000
  return nowMs < solvedAtMs + immunitySeconds * 1000 ? { kind: 'valid', solvedAtMs } : EXPIRED
}

/** True for the domain itself and everything below it. */
export function isBelow(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

export const MISSING: TokenState = { kind: 'TOKEN_MISSING' }
const INVALID: TokenState = { kind: 'TOKEN_INVALID' }
const EXPIRED: TokenState = { kind: 'TOKEN_EXPIRED' }
const MISMATCH: TokenState = { kind: 'TOKEN_DOMAIN_MISMATCH' }

function sign(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(`token:${text}`).digest('base64url')
}

function writeTime(seconds: number | undefined): string {
  return seconds === undefined ? '' : seconds.toString(36)
}

function readTime(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number.parseInt(text, 36)
}
