import { compileCidrs } from '../../http/address.ts'
import { Findings } from '../acl/problems.ts'
import type { ManagedGroup, ManagedGroups } from '../acl/read-rules.ts'
import { readIpSet } from '../acl/read-sets.ts'
import type { AclRegistry } from '../acl/registry.ts'
import type { ExternalGroup } from '../external-group.ts'
import {
  linuxRuleSet,
  phpRuleSet,
  sqliRuleSet,
  unixRuleSet,
  windowsRuleSet,
  wordPressRuleSet,
} from './application-groups.ts'
import { adminProtectionRuleSet, commonRuleSet, knownBadInputsRuleSet } from './baseline-groups.ts'
import { botControl } from './bot-control.ts'
import { anonymousIpList, ipReputationList } from './ip-groups.ts'

/** Open equivalents of AWS' managed rule groups, by the name people write. */
export const managedRuleGroups: Readonly<Record<string, ManagedGroup>> = {
  AWSManagedRulesCommonRuleSet: commonRuleSet,
  AWSManagedRulesAdminProtectionRuleSet: adminProtectionRuleSet,
  AWSManagedRulesKnownBadInputsRuleSet: knownBadInputsRuleSet,
  AWSManagedRulesSQLiRuleSet: sqliRuleSet,
  AWSManagedRulesLinuxRuleSet: linuxRuleSet,
  AWSManagedRulesUnixRuleSet: unixRuleSet,
  AWSManagedRulesWindowsRuleSet: windowsRuleSet,
  AWSManagedRulesPHPRuleSet: phpRuleSet,
  AWSManagedRulesWordPressRuleSet: wordPressRuleSet,
  AWSManagedRulesAmazonIpReputationList: ipReputationList,
  AWSManagedRulesAnonymousIpList: anonymousIpList,
}

export const BOT_CONTROL = 'AWSManagedRulesBotControlRuleSet'

/** The managed rule groups, with the operator's lists out of the registry of IP sets. */
export function managedGroups(registry: AclRegistry): ManagedGroups {
  let bots: ExternalGroup | undefined
  return {
    find(vendor, name) {
      if (vendor !== 'AWS') return undefined
      if (name === BOT_CONTROL) return (bots ??= botControl(verifiedBots(registry)))
      return Object.hasOwn(managedRuleGroups, name) ? managedRuleGroups[name] : undefined
    },
  }
}

function verifiedBots(registry: AclRegistry): (address: string) => boolean {
  const document = registry.ipSets.get('VerifiedBotList')
  const set = document === undefined ? undefined : readIpSet('VerifiedBotList', document, [], new Findings())
  return set === undefined ? () => false : compileCidrs(set.addresses)
}
