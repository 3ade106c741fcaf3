import type { Clock } from '../../base/clock.ts'
import type { Seams } from '../../seams/seams.ts'
import type { TargetConfig } from './config.ts'
import { createIpSet } from './ip-set.ts'
import { createNftables } from './nftables.ts'
import { createNginx } from './nginx.ts'
import type { Target } from './target.ts'

/** The IP set in which nodes of one edge find the proxies to trust. One for each feed. */
export function trustedSetOf(feed: string): string {
  return `trusted-proxies:${feed}`
}

/** The target of a configuration. AWS clients are loaded when they are needed. */
export async function createTarget(
  feed: string,
  config: TargetConfig,
  { clock, seams }: { readonly clock: Clock; readonly seams: Seams },
): Promise<Target> {
  if ('nftables' in config) return createNftables(config.nftables)
  if ('nginx' in config) return createNginx(config.nginx)
  if ('ipSet' in config) return createIpSet(config.ipSet, `IP set ${config.ipSet}`, () => seams.state())
  if ('trustedProxies' in config)
    return createIpSet(trustedSetOf(feed), 'trusted proxies of this edge', () => seams.state())
  if ('securityGroups' in config)
    return (await import('./security-groups.ts')).createSecurityGroups(config.securityGroups)
  if ('prefixLists' in config)
    return (await import('./prefix-lists.ts')).createPrefixLists(config.prefixLists, clock)
  return (await import('./aws-ip-sets.ts')).createAwsIpSets(config.awsIpSets)
}
