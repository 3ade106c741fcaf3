import { systemClock } from '../../../src/base/clock.ts'
import { Secret } from '../../../src/base/secret.ts'
import { Body } from '../../../src/http/body.ts'
import { HeaderList } from '../../../src/http/header-list.ts'
import { cognitoProxySchema } from '../../../src/modules/cognito-proxy/config.ts'
import { createProxyHooks } from '../../../src/modules/cognito-proxy/proxy.ts'
import { createQuotas } from '../../../src/modules/cognito-proxy/quotas.ts'
import type { OriginRequest, Passage } from '../../../src/visit.ts'
import { CLIENT, CLIENT_SECRET, PASSWORD } from './stand.ts'

const CALLS = 20_000

/** CPU time of the hooks for one call, without sockets: what an edge does more than for any other origin. */
export async function measureProxy() {
  return {
    signInMicroseconds: await measure('InitiateAuth', {
      ClientId: CLIENT,
      AuthFlow: 'USER_SRP_AUTH',
      AuthParameters: { USERNAME: 'ann', PASSWORD, SRP_A: 'a'.repeat(768) },
    }),
    tokenMicroseconds: await measure('GetUser', { AccessToken: 'a'.repeat(1_000) }),
  }
}

async function measure(operation: string, input: object): Promise<number> {
  const secret = new Secret(CLIENT_SECRET)
  const hooks = createProxyHooks({
    config: cognitoProxySchema.parse({ clients: { [CLIENT]: { secret: 'x' } } }),
    clock: systemClock,
    quotas: createQuotas({ clock: systemClock, limits: {}, share: 1, warn: () => {} }),
    valueOf: () => secret,
    warn: () => {},
  })
  const headers = HeaderList.of({
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': `AWSCognitoIdentityProviderService.${operation}`,
  })
  const bytes = Buffer.from(JSON.stringify(input))
  const origin = { kind: 'url', domainName: 'pool.test', protocol: 'https', httpsPort: 443 }
  async function once(): Promise<void> {
    const body = Body.bytes(bytes)
    // What of the two the hooks look at.
    const passage = {
      request: {
        method: 'POST',
        headers,
        body,
        client: { address: '192.0.2.1' },
        host: 'shop.test',
        path: '/',
      },
      visit: {},
      behavior: { origins: [origin] },
    } as unknown as Passage
    const request = { method: 'POST', path: '/', headers, body, origin } as unknown as OriginRequest
    await hooks.viewerRequest!(passage)
    await hooks.send!(passage, request, () => ({ status: 200, headers: new HeaderList(), body: Body.none() }))
  }
  for (let i = 0; i < CALLS / 4; i++) await once()
  const before = process.cpuUsage()
  for (let i = 0; i < CALLS; i++) await once()
  const { user, system } = process.cpuUsage(before)
  return Math.round(((user + system) / CALLS) * 10) / 10
}
