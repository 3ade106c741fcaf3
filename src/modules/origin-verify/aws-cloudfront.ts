import { setTimeout as delay } from 'node:timers/promises'
import {
  CloudFrontClient,
  type DistributionConfig,
  GetDistributionCommand,
  GetDistributionConfigCommand,
  UpdateDistributionCommand,
} from '@aws-sdk/client-cloudfront'
import type { News } from './tell.ts'

const ATTEMPTS = 10
/** A change takes minutes to reach every edge location. */
const DEPLOY_POLL_MS = 5_000
const DEPLOY_TIMEOUT_MS = 30 * 60_000

export interface CloudFrontConfig {
  readonly distributionId: string
  readonly originId: string
  readonly endpoint?: string | undefined
}

/**
 * Makes a CloudFront distribution send the value to its origin, and waits until all of it does. UpdateDistribution
 * replaces the whole configuration, so all of it is read and sent back as it was, under the ETag of that read
 * (CloudFront API Reference, UpdateDistribution).
 */
export async function tellCloudFront(
  { distributionId, originId, endpoint }: CloudFrontConfig,
  { header, send }: News,
  pollMs = DEPLOY_POLL_MS,
): Promise<void> {
  const client = new CloudFrontClient({ region: 'us-east-1', ...(endpoint !== undefined && { endpoint }) })
  try {
    for (let attempt = 1; ; attempt++) {
      const { DistributionConfig: config, ETag } = await client.send(
        new GetDistributionConfigCommand({ Id: distributionId }),
      )
      if (config === undefined) throw new Error('CloudFront gave no configuration')
      const changed = withOriginHeader(config, originId, header, send)
      if (changed === config) break
      try {
        await client.send(
          new UpdateDistributionCommand({ Id: distributionId, IfMatch: ETag, DistributionConfig: changed }),
        )
        break
      } catch (error) {
        const isStale =
          error instanceof Error &&
          (error.name === 'PreconditionFailed' || error.name === 'InvalidIfMatchVersion')
        if (!isStale || attempt === ATTEMPTS) throw error
      }
    }
    await waitUntilDeployed(client, distributionId, pollMs)
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    // Without the cause, which could hold the request.
    throw new Error(`the CloudFront distribution ${distributionId} could not be changed: ${why}`)
  } finally {
    client.destroy()
  }
}

/** The configuration with one custom header of one origin set; the same object where it has that value already. */
export function withOriginHeader(
  config: DistributionConfig,
  originId: string,
  header: string,
  value: string,
): DistributionConfig {
  const origins = config.Origins?.Items ?? []
  const origin = origins.find(({ Id }) => Id === originId)
  if (origin === undefined) {
    throw new Error(
      `it has no origin "${originId}"; its origins are ${origins.map(({ Id }) => Id).join(', ')}`,
    )
  }
  const headers = origin.CustomHeaders?.Items ?? []
  const isOurs = (name: string | undefined): boolean => name?.toLowerCase() === header.toLowerCase()
  const before = headers.find(({ HeaderName }) => isOurs(HeaderName))
  if (before?.HeaderValue === value) return config
  const items =
    before === undefined
      ? [...headers, { HeaderName: header, HeaderValue: value }]
      : headers.map((each) => (each === before ? { ...each, HeaderValue: value } : each))
  const changed = { ...origin, CustomHeaders: { Quantity: items.length, Items: items } }
  return {
    ...config,
    Origins: {
      Quantity: origins.length,
      Items: origins.map((each) => (each === origin ? changed : each)),
    },
  }
}

async function waitUntilDeployed(client: CloudFrontClient, id: string, pollMs: number): Promise<void> {
  // Real time: what is waited for is another system.
  const giveUpAt = performance.now() + DEPLOY_TIMEOUT_MS
  for (;;) {
    const { Distribution } = await client.send(new GetDistributionCommand({ Id: id }))
    if (Distribution?.Status === 'Deployed') return
    if (performance.now() > giveUpAt) {
      throw new Error(`its change was not deployed after ${DEPLOY_TIMEOUT_MS / 60_000} minutes`)
    }
    await delay(pollMs)
  }
}
