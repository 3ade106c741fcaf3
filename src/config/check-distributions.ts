import { compileIdentity } from '../listener/config.ts'
import { ERROR_CODES } from '../distribution/config.ts'
import { problemsOfHosts } from '../distribution/host-table.ts'
import { checkBehaviors } from './check-behaviors.ts'
import { addressesOf } from './distribution-address.ts'
import type { Findings, Segments } from '../base/problem.ts'
import type { DistributionConfig, EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

type View = Salvaged<EdgeConfig>
type DistributionView = Salvaged<DistributionConfig>

/** Distributions: host names, ids, behaviors, error pages. */
export function checkDistributions(view: View, findings: Findings): void {
  const distributions = Object.entries(view.distributions ?? {}).filter(
    (entry): entry is [string, DistributionView] => entry[1] !== undefined,
  )
  checkHosts(view, distributions, findings)
  for (const [name, distribution] of distributions) {
    const segments: Segments = ['distributions', name]
    checkRoot(distribution, segments, findings)
    checkErrorResponses(distribution, segments, findings)
    checkBehaviors(view, distribution, segments, findings)
  }
  checkListeners(view, findings)
}

function checkHosts(
  view: View,
  distributions: readonly [string, DistributionView][],
  findings: Findings,
): void {
  const identity = compileIdentity(
    typeof view.identity === 'object'
      ? { name: view.identity.name ?? 'edgeward' }
      : (view.identity ?? 'edgeward'),
  )
  const entries = distributions.map(([name, distribution]) => ({
    aliases: (distribution.aliases ?? []).filter((alias) => alias !== undefined),
    domainName: addressesOf(name, distribution, identity.name).domainName,
    value: name,
  }))
  for (const { entry, alias, problem } of problemsOfHosts(entries)) {
    const [name, distribution] = distributions[entry]!
    const index = distribution.aliases?.lastIndexOf(alias) ?? -1
    const place =
      index === -1 ? ['distributions', name, 'domainName'] : ['distributions', name, 'aliases', index]
    findings.error(place, index === -1 ? `${alias}: ${problem}` : problem)
  }
  const owners = new Map<string, string>()
  for (const [name, distribution] of distributions) {
    const { id } = addressesOf(name, distribution, identity.name)
    const owner = owners.get(id)
    if (owner !== undefined)
      findings.error(['distributions', name, 'id'], `the distribution ${owner} has the id ${id} already`)
    owners.set(id, name)
    const aliases = distribution.aliases ?? []
    if (aliases.length > 100)
      findings.warning(['distributions', name, 'aliases'], `${aliases.length} aliases; CloudFront allows 100`)
    if (distributions.length > 1 && aliases.length === 0) {
      findings.warning(
        ['distributions', name],
        `has no aliases, so it answers only to ${addressesOf(name, distribution, identity.name).domainName}`,
        {
          hint: 'a distribution answers to any host only when it is alone',
        },
      )
    }
  }
}

function checkRoot(distribution: DistributionView, segments: Segments, findings: Findings): void {
  const { defaultRootObject } = distribution
  const place = [...segments, 'defaultRootObject']
  if (defaultRootObject?.startsWith('/') === true) {
    findings.error(place, `begins with /`, {
      expected: JSON.stringify(defaultRootObject.replace(/^\/+/, '')),
    })
  } else if (defaultRootObject !== undefined && /[\s?#]/.test(defaultRootObject)) {
    findings.error(place, 'has a character that cannot stand in a path', {
      expected: 'the path of an object, percent-encoded where needed',
    })
  }
}

/** Fact sheet 10.2: page and code come together; each error once. */
function checkErrorResponses(distribution: DistributionView, segments: Segments, findings: Findings): void {
  const seen = new Set<number>()
  for (const [index, rule] of (distribution.customErrorResponses ?? []).entries()) {
    if (rule === undefined) continue
    const place = [...segments, 'customErrorResponses', index]
    if (rule.errorCode !== undefined && seen.has(rule.errorCode)) {
      findings.error([...place, 'errorCode'], `there is a rule for ${rule.errorCode} already`)
    }
    if (rule.errorCode !== undefined) seen.add(rule.errorCode)
    if ('responsePagePath' in rule && !('responseCode' in rule)) {
      findings.error(place, 'responsePagePath needs responseCode', {
        expected: 'both or neither',
        hint: `for example responseCode: ${rule.errorCode ?? ERROR_CODES[2]}`,
      })
    } else if ('responseCode' in rule && !('responsePagePath' in rule)) {
      findings.error(place, 'responseCode needs responsePagePath', { expected: 'both or neither' })
    }
  }
}

function checkListeners(view: View, findings: Findings): void {
  const seen = new Set<string>()
  for (const [index, listener] of (view.listeners ?? []).entries()) {
    if (listener?.port === undefined) continue
    const address = `${listener.host ?? ''}:${listener.port}`
    if (listener.port !== 0 && seen.has(address)) {
      findings.error(['listeners', index, 'port'], `another listener has port ${listener.port} already`)
    }
    seen.add(address)
    if (typeof listener.tls === 'object' && listener.tls.securityPolicy === 'SSLv3') {
      findings.warning(
        ['listeners', index, 'tls', 'securityPolicy'],
        'SSLv3 itself is not offered: it is broken, and OpenSSL has it no more; TLS 1.0 is the lowest version',
      )
    }
  }
}
