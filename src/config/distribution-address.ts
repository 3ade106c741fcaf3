import { distributionIdFor, domainLabelFor } from '../base/ids.ts'
import type { Identity } from '../plan.ts'

/** Id and domain name of a distribution: as configured, else derived from its name, the same on every node. */
export function addressesOf(
  name: string,
  distribution: { readonly id?: string | undefined; readonly domainName?: string | undefined },
  identity: Identity['name'],
): { readonly id: string; readonly domainName: string } {
  const zone = identity === 'cloudfront' ? 'cloudfront.net' : 'edgeward.localhost'
  return {
    id: distribution.id ?? distributionIdFor(name),
    domainName: distribution.domainName ?? `${domainLabelFor(name)}.${zone}`,
  }
}
