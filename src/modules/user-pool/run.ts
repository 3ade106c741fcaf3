import type { Clock } from '../../base/clock.ts'
import { Secret } from '../../base/secret.ts'
import { randomBytes } from 'node:crypto'
import type { Secrets } from '../../seams/secrets/secrets.ts'
import { createCodes } from './codes.ts'
import type { PlannedUserPool } from './config.ts'
import { openCourier } from './deliver.ts'
import type { Pools } from './pool.ts'
import { createSealing } from './sealing.ts'
import { startPoolServer } from './server.ts'
import { PoolStore } from './store.ts'
import { createTokens } from './tokens.ts'

const SWEEP_MS = 10 * 60_000

/** A user pool server that runs. */
export interface RunningUserPool {
  readonly url: string
  /** Calls by operation and answer. */
  readonly counts: ReadonlyMap<string, number>
  close(): Promise<void>
}

/** What a user pool server needs beyond its configuration. */
export interface UserPoolNeeds {
  readonly clock: Clock
  readonly secrets: Secrets
  report: { info(message: string): void; error(message: string): void }
  /** Told of every code, in the place of log and mail server; for tests. */
  readonly onCode?: (code: { username: string; purpose: string; code: string }) => void
}

/** Opens the file, makes secrets that are missing, and listens. */
export async function runUserPool(config: PlannedUserPool, needs: UserPoolNeeds): Promise<RunningUserPool> {
  const { clock, secrets } = needs
  await makeMissingSecrets(config, secrets)
  const store = new PoolStore(config.file)
  let server: Awaited<ReturnType<typeof startPoolServer>> | undefined
  try {
    const valueOf = (name: string): Secret | undefined => secrets.handle(name).current?.value
    const courier = await openCourier(config.codes, {
      say: (line) => needs.report.info(line),
      passwordOf: valueOf,
    })
    const host = config.host.includes(':') ? `[${config.host}]` : config.host
    const baseUrl = (): string => (config.publicUrl ?? `http://${host}:${server!.port}`).replace(/\/$/, '')
    const pools: Pools = {
      clock,
      store,
      tokens: createTokens({ store, clock, poolIds: Object.keys(config.pools), baseUrl }),
      codes: createCodes({
        store,
        clock,
        delivery:
          needs.onCode === undefined
            ? courier
            : { medium: 'EMAIL', send: (code) => Promise.resolve(needs.onCode!(code)) },
      }),
      sealing: createSealing(clock),
      pools: config.pools,
      secretsOf: ({ secret }) => (secret === undefined ? [] : acceptedOf(secrets, secret)),
      tellPassword: ({ username, attributes }, password) =>
        courier.sendPassword({ username, email: attributes['email'] }, password),
      decoyKey: Buffer.from(
        store.keep('decoy key', () => randomBytes(32).toString('hex')),
        'hex',
      ),
    }
    server = await startPoolServer({
      pools,
      clock,
      host: config.host,
      port: config.port,
      region: config.region,
      requestsPerSecond: config.requestsPerSecond,
      secretOf: (accessKeyId) =>
        Object.hasOwn(config.administrators, accessKeyId)
          ? valueOf(config.administrators[accessKeyId]!)
          : undefined,
      report: (problem) => needs.report.error(problem),
    })
    let timer = clock.after(SWEEP_MS, sweep)
    function sweep(): void {
      store.sweep(clock.now())
      timer = clock.after(SWEEP_MS, sweep)
    }
    const { counts, [Symbol.asyncDispose]: stop } = server
    return {
      url: `http://${host}:${server.port}`,
      counts,
      async close() {
        timer.cancel()
        await stop()
        courier.close()
        store.close()
      },
    }
  } catch (error) {
    store.close()
    throw error
  }
}

/** While a secret rotates, what was current is still good. */
function acceptedOf(secrets: Secrets, name: string): Secret[] {
  const stages = secrets.handle(name).current?.stages
  return ['AWSCURRENT', 'AWSPREVIOUS'].flatMap((stage) => stages?.get(stage)?.value ?? [])
}

async function makeMissingSecrets(config: PlannedUserPool, secrets: Secrets): Promise<void> {
  const names = new Set([
    ...Object.values(config.pools).flatMap(({ clients }) =>
      Object.values(clients).flatMap(({ secret }) => secret ?? []),
    ),
    ...Object.values(config.administrators),
  ])
  for (const name of names) {
    if (secrets.handle(name).current !== undefined) continue
    // 52 characters of a to z and 0 to 9, like those that AWS makes.
    await secrets.put(name, new Secret(createClientSecret()))
  }
}

function createClientSecret(): string {
  let text = ''
  while (text.length < 52) text += BigInt(`0x${randomBytes(40).toString('hex')}`).toString(36)
  return text.slice(0, 52)
}
