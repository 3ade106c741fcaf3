import type { OPERATOR_LISTS } from '../acl/limits.ts'
import { group, ipSet, type RuleParts } from './build.ts'

/** The rule is AWS' own; the addresses are the operator's. */
function listed(name: (typeof OPERATOR_LISTS)[number], action: 'Block' | 'Count' = 'Block'): RuleParts {
  return { name, label: name, statement: ipSet(name), fidelity: 'documented', action }
}

/** AWSManagedRulesAmazonIpReputationList. */
export const ipReputationList = group('amazon-ip-list', 25, [
  listed('AWSManagedIPReputationList'),
  listed('AWSManagedReconnaissanceList'),
  listed('AWSManagedIPDDoSList', 'Count'),
])

/** AWSManagedRulesAnonymousIpList. */
export const anonymousIpList = group('anonymous-ip-list', 50, [
  listed('AnonymousIPList'),
  listed('HostingProviderIPList'),
])
