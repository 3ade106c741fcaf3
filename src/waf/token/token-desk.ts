import { createHash } from 'node:crypto'
import { type Awaitable, isPromise } from '../../base/promise.ts'
import type { Clock } from '../../base/clock.ts'
import { Body } from '../../http/body.ts'
import { cookieValue } from '../../http/cookies.ts'
import { HeaderList } from '../../http/header-list.ts'
import type { EdgeResponse, ViewerRequest } from '../../visit.ts'
import type { TokenState } from '../evaluation.ts'
import type { PlannedWebAcl } from '../plan.ts'
import { bareInterstitial } from '../verdict.ts'
import type { TokenDesk } from '../waf.ts'
import { DIFFICULTY, solvedKind, writeChallenge } from './challenge.ts'
import { challengePage, PAGE_SCRIPT, PAGE_STYLE, TOKEN_PATH } from './page.ts'
import { isBelow, judgeToken, MISSING, readToken, TOKEN_COOKIE, type TokenKind, writeToken } from './token.ts'

/** The longest immunity a web ACL can ask for; the cookie lives no longer (WAFV2 ImmunityTimeProperty). */
const MAX_IMMUNITY_SECONDS = 259_200
/** A solution is some hundred bytes. */
const MAX_SOLUTION_BYTES = 1_024

export interface TokenDeskOptions {
  readonly clock: Clock
  /** Signs tokens and challenges: the same on every node, and after a restart. */
  readonly key: () => Buffer
}

/** Gives out the pages of Captcha and Challenge, takes their solutions, and checks the tokens they earn. */
export function createTokenDesk({ clock, key }: TokenDeskOptions): TokenDesk {
  function check(
    kind: TokenKind,
    request: ViewerRequest,
    immunitySeconds: number,
    tokenDomains: readonly string[],
  ): TokenState {
    const token = tokenOf(request)
    if (token === undefined) return MISSING
    const content = readToken(key(), token)
    return judgeToken(content, kind, hostOf(request), immunitySeconds, tokenDomains, clock.now())
  }

  /** The page goes to whoever takes HTML; others get the bare status (DG:waf-captcha-and-challenge-actions). */
  function interstitial(kind: TokenKind, request: ViewerRequest): EdgeResponse {
    const bare = bareInterstitial(kind)
    if (request.headers.getJoined('accept')?.includes('text/html') !== true) return bare
    const challenge = writeChallenge(key(), kind, hostOf(request), clock.now())
    return withBody(bare, 'text/html; charset=utf-8', challengePage(kind, challenge, DIFFICULTY[kind]))
  }

  function answer(request: ViewerRequest, acl: PlannedWebAcl): Awaitable<EdgeResponse> | undefined {
    if (!acl.usesTokens || !request.path.startsWith(TOKEN_PATH)) return undefined
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    switch (request.path) {
      case `${TOKEN_PATH}/page.js`:
        return isRead ? file(request, 'text/javascript; charset=utf-8', PAGE_SCRIPT) : undefined
      case `${TOKEN_PATH}/page.css`:
        return isRead ? file(request, 'text/css; charset=utf-8', PAGE_STYLE) : undefined
      case `${TOKEN_PATH}/token`:
        return request.method === 'POST' ? takeSolution(request, acl) : undefined
      default:
        return undefined
    }
  }

  function takeSolution(request: ViewerRequest, acl: PlannedWebAcl): Awaitable<EdgeResponse> {
    const peeked = request.body.peek(MAX_SOLUTION_BYTES)
    const judge = (bytes: Buffer): EdgeResponse => {
      const { challenge, counter } = solutionIn(bytes)
      const host = hostOf(request)
      const kind = solvedKind(key(), challenge, counter, host, clock.now())
      if (kind === undefined) return refusal()
      const now = Math.floor(clock.now() / 1000)
      const before = readToken(key(), tokenOf(request) ?? '')
      const content = {
        host,
        // Whoever has passed the harder check has passed the easier one.
        challengeAt: now,
        captchaAt: kind === 'captcha' ? now : before?.host === host ? before.captchaAt : undefined,
      }
      return tokenGiven(writeToken(key(), content), host, request.scheme, acl.tokenDomains)
    }
    return isPromise(peeked) ? peeked.then(judge) : judge(peeked)
  }

  return { check, interstitial, answer }
}

function tokenOf(request: ViewerRequest): string | undefined {
  for (const field of request.headers.getAll('cookie')) {
    const token = cookieValue(field, TOKEN_COOKIE)
    if (token !== undefined) return token
  }
  return undefined
}

/** The host name as tokens know it: lower case, without port. */
function hostOf({ host }: ViewerRequest): string {
  return host.toLowerCase().replace(/:\d+$/, '')
}

function solutionIn(bytes: Buffer): { readonly challenge: string; readonly counter: number } {
  const text = bytes.toString('latin1')
  const challenge = /"challenge"\s*:\s*"([\w.-]{1,80})"/.exec(text)?.[1] ?? ''
  const counter = /"counter"\s*:\s*(\d{1,15})\b/.exec(text)?.[1]
  return { challenge, counter: counter === undefined ? -1 : Number(counter) }
}

function tokenGiven(
  token: string,
  host: string,
  scheme: ViewerRequest['scheme'],
  tokenDomains: readonly string[],
): EdgeResponse {
  const parent = tokenDomains.find((domain) => isBelow(host, domain))
  const attributes = [
    'Path=/',
    `Max-Age=${MAX_IMMUNITY_SECONDS}`,
    'HttpOnly',
    'SameSite=Lax',
    ...(parent === undefined ? [] : [`Domain=${parent}`]),
    ...(scheme === 'https' ? ['Secure'] : []),
  ]
  const headers = HeaderList.of({
    'Set-Cookie': `${TOKEN_COOKIE}=${token}; ${attributes.join('; ')}`,
    'Cache-Control': 'no-store, max-age=0',
  })
  return { status: 204, headers, body: Body.none() }
}

function refusal(): EdgeResponse {
  const headers = HeaderList.of({ 'Cache-Control': 'no-store, max-age=0' })
  const response = { status: 400, headers, body: Body.none() }
  return withBody(response, 'text/plain; charset=utf-8', 'not the solution of a challenge of this site\n')
}

function file(request: ViewerRequest, type: string, text: string): EdgeResponse {
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 16)}"`
  const headers = HeaderList.of({ 'Cache-Control': 'public, max-age=300', ETag: etag })
  if (request.headers.get('if-none-match') === etag) return { status: 304, headers, body: Body.none() }
  return withBody({ status: 200, headers, body: Body.none() }, type, text)
}

function withBody(response: EdgeResponse, type: string, text: string): EdgeResponse {
  const bytes = Buffer.from(text)
  response.headers.append('Content-Type', type).append('Content-Length', String(bytes.length))
  return { ...response, body: Body.bytes(bytes) }
}
