import {
  CreateIPSetCommand,
  GetIPSetCommand,
  type IPSetSummary,
  ListIPSetsCommand,
  UpdateIPSetCommand,
  WAFV2Client,
} from '@aws-sdk/client-wafv2'
import { calling } from './aws-error.ts'
import { parseRange } from './ranges.ts'
import { counted, difference, type Step, type Target } from './target.ts'

/** AWS WAF quota: addresses of one IP set. */
const MAX_ADDRESSES = 10_000

export interface AwsIpSetsConfig {
  readonly prefixName: string
  readonly scope: 'REGIONAL' | 'CLOUDFRONT'
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
}

/** IP sets of AWS WAF, one for each family. An update replaces the whole set at once, under the lock token of a read. */
export function createAwsIpSets(config: AwsIpSetsConfig): Target {
  const { prefixName, scope } = config
  // Everything global of CloudFront is in that region.
  const region = scope === 'CLOUDFRONT' ? 'us-east-1' : config.region
  const client = new WAFV2Client({
    ...(region !== undefined && { region }),
    ...(config.endpoint !== undefined && { endpoint: config.endpoint }),
  })

  async function list(): Promise<readonly IPSetSummary[]> {
    const found: IPSetSummary[] = []
    let NextMarker: string | undefined
    do {
      const page = await client.send(
        new ListIPSetsCommand({ Scope: scope, Limit: 100, ...(NextMarker !== undefined && { NextMarker }) }),
      )
      found.push(...(page.IPSets ?? []))
      // The last page may bring a marker and no sets.
      NextMarker = (page.IPSets ?? []).length === 0 ? undefined : page.NextMarker
    } while (NextMarker !== undefined)
    return found
  }

  return {
    name: `AWS WAF IP sets ${prefixName}`,
    async plan(wanted) {
      return await calling('the IP sets cannot be read', async () => {
        const sets = await list()
        const all = { add: [] as string[], remove: [] as string[], steps: [] as Step[] }
        for (const [family, version] of [
          [4, 'IPV4'],
          [6, 'IPV6'],
        ] as const) {
          const name = `${prefixName}-${version.toLowerCase()}`
          const ranges = wanted.filter((range) => range.family === family)
          if (ranges.length > MAX_ADDRESSES)
            throw new Error(
              `${name} would have ${ranges.length} addresses; ${MAX_ADDRESSES} is the quota: set aggregate`,
            )
          const Addresses = ranges.map(({ text }) => text)
          const found = sets.find(({ Name }) => Name === name)
          if (found === undefined) {
            if (ranges.length === 0) continue
            const says = `create the IP set ${name} with ${counted(ranges.length, 'range')}`
            const making = { Name: name, Scope: scope, IPAddressVersion: version, Addresses }
            all.add.push(...Addresses)
            all.steps.push({
              says,
              run: () =>
                calling(
                  `${says} failed`,
                  async () => void (await client.send(new CreateIPSetCommand(making))),
                ),
            })
            continue
          }
          const which = { Name: name, Scope: scope, Id: found.Id! }
          const { IPSet, LockToken } = await client.send(new GetIPSetCommand(which))
          const { add, remove } = difference((IPSet?.Addresses ?? []).map(canonical), ranges)
          if (add.length + remove.length === 0) continue
          const says = `replace the IP set ${name}`
          const { Description } = IPSet!
          all.add.push(...add)
          all.remove.push(...remove)
          all.steps.push({
            says,
            run: () =>
              calling(
                `${says} failed`,
                async () =>
                  void (await client.send(
                    new UpdateIPSetCommand({
                      ...which,
                      LockToken: LockToken!,
                      Addresses,
                      ...(Description !== undefined && Description !== '' && { Description }),
                    }),
                  )),
              ),
          })
        }
        return all
      })
    },
    close: () => client.destroy(),
  }
}

/** AWS writes IPv6 in full. */
function canonical(cidr: string): string {
  const range = parseRange(cidr)
  return typeof range === 'string' ? cidr : range.text
}
