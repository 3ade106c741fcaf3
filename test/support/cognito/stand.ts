import { createHmac } from 'node:crypto'
import { runEdge, type RunningEdge } from '../running-edge.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { Secret } from '../../../src/base/secret.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { userPoolSchema } from '../../../src/modules/user-pool/config.ts'
import { type RunningUserPool, runUserPool } from '../../../src/modules/user-pool/run.ts'
import { openEmbeddedSecrets } from '../../../src/seams/secrets/embedded.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const POOL = 'local_pool1'
export const CLIENT = 'shop'
export const ADMINISTRATOR = { id: 'ADMINISTRATOR', key: 'administrator-key-0123456789' }
export const CLIENT_SECRET = 'client-secret-0123456789abcdef'
export const PASSWORD = 'Correct-horse-1'

/** A user pool with a confidential and a public client, and an edge before it. */
export interface Stand extends AsyncDisposable {
  readonly pool: RunningUserPool
  readonly edge: RunningEdge
  /** The last code of a user. */
  readonly codeOf: (username: string) => string
}

type Json = { readonly [key: string]: unknown }

export async function openStand(
  options: {
    readonly proxy?: Json
    readonly top?: Json
    readonly pool?: Json
    readonly client?: Json
    readonly poolServer?: Json
    readonly clock?: Clock
  } = {},
): Promise<Stand> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-cognito-'))
  const clock = options.clock ?? systemClock
  const secrets = await openEmbeddedSecrets({ file: join(folder, 'secrets'), clock })
  await secrets.put('pool-client', new Secret(CLIENT_SECRET))
  await secrets.put('pool-administrator', new Secret(ADMINISTRATOR.key))
  const config = userPoolSchema.parse({
    port: 0,
    administrators: { [ADMINISTRATOR.id]: 'pool-administrator' },
    pools: {
      [POOL]: {
        clients: { [CLIENT]: { secret: 'pool-client', ...options.client }, open: {} },
        ...options.pool,
      },
    },
    requestsPerSecond: 10_000,
    ...options.poolServer,
  })
  const codes = new Map<string, string>()
  const pool = await runUserPool(
    { ...config, file: ':memory:' },
    {
      clock,
      secrets,
      report: { info: () => {}, error: (message) => console.error(message) },
      onCode: ({ username, code }) => void codes.set(username, code),
    },
  )
  const edge = await runEdge(
    {
      origins: { pool: { url: pool.url } },
      defaultBehavior: {
        origin: 'pool',
        allowedMethods: 'all',
        cachePolicy: 'CachingDisabled',
        cognitoProxy: { clients: { [CLIENT]: { secret: 'pool-client' } }, ...options.proxy },
      },
    },
    {
      ...(options.top !== undefined && { top: options.top }),
      ...(options.clock && { clock: options.clock }),
    },
  )
  const own = await edge.edge.seams.secrets()
  await own.put('pool-client', new Secret(CLIENT_SECRET))
  await own.put('pool-administrator', new Secret(ADMINISTRATOR.key))
  return {
    pool,
    edge,
    codeOf(username) {
      const code = codes.get(username)
      if (code === undefined) throw new Error(`nobody sent ${username} a code`)
      return code
    },
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]()
      await pool.close()
      await secrets.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The name of the error, without what may stand around it. */
  readonly error: string | undefined
  readonly body: Record<string, unknown>
}

/** One call of the API, written by hand. */
export async function call(
  url: string,
  operation: string,
  input: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSCognitoIdentityProviderService.${operation}`,
      ...headers,
    },
    body: typeof input === 'string' ? input : JSON.stringify(input),
  })
  const body = (await response.json()) as Record<string, unknown>
  const type = body['__type']
  return {
    status: response.status,
    headers: response.headers,
    error: typeof type === 'string' ? type : undefined,
    body,
  }
}

export function hashOf(username: string, clientId = CLIENT, secret = CLIENT_SECRET): string {
  return createHmac('sha256', secret)
    .update(username + clientId)
    .digest('base64')
}
