import { suggest } from './nearest.ts'
import type { Findings, Segments } from '../base/problem.ts'
import { cachePolicyKind, originRequestPolicyKind, responseHeadersPolicyKind } from './registries.ts'
import type { EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

type View = Salvaged<EdgeConfig>
type CachePolicyView = Salvaged<NonNullable<EdgeConfig['cachePolicies']>[string]>
type OriginRequestPolicyView = Salvaged<NonNullable<EdgeConfig['originRequestPolicies']>[string]>

/** Quotas of AWS for the lists of one policy (fact sheet section 2). */
const MAX_LIST = 10
const MAX_LIST_CHARACTERS = 1024

/** Registries of policies, public keys and key groups, and policies that stand inline in behaviors. */
export function checkPolicies(view: View, findings: Findings): void {
  for (const kind of [cachePolicyKind, originRequestPolicyKind, responseHeadersPolicyKind]) {
    for (const name of Object.keys(view[kind.registry] ?? {})) {
      if (kind.findManaged(name) === undefined) continue
      findings.error(
        [kind.registry, name],
        `${name} is the name of a managed policy, so a behavior could mean either`,
        {
          hint: 'choose another name',
        },
      )
    }
  }
  for (const [name, policy] of Object.entries(view.cachePolicies ?? {})) {
    if (policy !== undefined) checkCachePolicy(policy, ['cachePolicies', name], findings)
  }
  for (const [name, policy] of Object.entries(view.originRequestPolicies ?? {})) {
    if (policy !== undefined) checkOriginRequestPolicy(policy, ['originRequestPolicies', name], findings)
  }
  checkKeyGroups(view, findings)
}

/** A cache policy, wherever it stands. */
export function checkCachePolicy(policy: CachePolicyView, segments: Segments, findings: Findings): void {
  checkLifetimes(policy, segments, findings)
  const { headerBehavior, cookieBehavior, queryStringBehavior } = policy
  const listsEncoding = typeof headerBehavior === 'object' && has(headerBehavior.allow, 'accept-encoding')
  if (
    listsEncoding &&
    (policy.enableAcceptEncodingGzip === true || policy.enableAcceptEncodingBrotli === true)
  ) {
    findings.warning(
      [...segments, 'headerBehavior'],
      'listing Accept-Encoding turns off the compression that enableAcceptEncodingGzip and enableAcceptEncodingBrotli ask for',
      {
        hint: 'remove Accept-Encoding from the list, or the two flags',
      },
    )
  }
  const isDisabled = policy.maxTtlSeconds === 0
  const keyed = [headerBehavior, cookieBehavior, queryStringBehavior].some(
    (each) => each !== undefined && each !== 'none',
  )
  if (
    isDisabled &&
    (keyed || policy.enableAcceptEncodingGzip === true || policy.enableAcceptEncodingBrotli === true)
  ) {
    findings.warning(
      segments,
      'with maxTtlSeconds 0 nothing is kept, so there is no key for headers, cookies, query strings or encodings; CloudFront refuses such a policy',
      {
        hint: 'use CachingDisabled, and an origin request policy for what the origin needs',
      },
    )
  }
  checkList(headerBehavior, 'headers', [...segments, 'headerBehavior'], findings)
  checkList(cookieBehavior, 'cookies', [...segments, 'cookieBehavior'], findings)
  checkList(queryStringBehavior, 'query strings', [...segments, 'queryStringBehavior'], findings)
}

/** An origin request policy, wherever it stands. */
export function checkOriginRequestPolicy(
  policy: OriginRequestPolicyView,
  segments: Segments,
  findings: Findings,
): void {
  checkList(policy.headerBehavior, 'headers', [...segments, 'headerBehavior'], findings)
  checkList(policy.cookieBehavior, 'cookies', [...segments, 'cookieBehavior'], findings)
  checkList(policy.queryStringBehavior, 'query strings', [...segments, 'queryStringBehavior'], findings)
}

/** MinTTL, DefaultTTL and MaxTTL must be in order. */
export function checkLifetimes(
  ttl: {
    minTtlSeconds?: number | undefined
    defaultTtlSeconds?: number | undefined
    maxTtlSeconds?: number | undefined
  },
  segments: Segments,
  findings: Findings,
): void {
  const { minTtlSeconds: min = 0, defaultTtlSeconds: normal, maxTtlSeconds: max } = ttl
  if (max !== undefined && min > max) {
    findings.error([...segments, 'minTtlSeconds'], `found ${min}, which is more than maxTtlSeconds`, {
      expected: `at most ${max}`,
    })
  }
  if (normal === undefined) return
  if (normal < min) {
    findings.error([...segments, 'defaultTtlSeconds'], `found ${normal}, which is less than minTtlSeconds`, {
      expected: `at least ${min}`,
    })
  }
  if (max !== undefined && normal > max) {
    findings.error([...segments, 'defaultTtlSeconds'], `found ${normal}, which is more than maxTtlSeconds`, {
      expected: `at most ${max}`,
    })
  }
}

function checkList(behavior: unknown, what: string, segments: Segments, findings: Findings): void {
  if (typeof behavior !== 'object' || behavior === null) return
  for (const [key, names] of Object.entries(behavior)) {
    if (!Array.isArray(names)) continue
    const texts = names.filter((name) => typeof name === 'string')
    const seen = new Set<string>()
    for (const [index, name] of names.entries()) {
      if (typeof name !== 'string') continue
      const same = what === 'headers' ? name.toLowerCase() : name
      if (seen.has(same)) findings.warning([...segments, key, index], `${name} is listed twice`)
      seen.add(same)
      if (what !== 'headers' && name.includes('*')) {
        findings.warning(
          [...segments, key, index],
          `the * in "${name}" is an ordinary character here: wildcards exist only in legacy cookie lists`,
        )
      }
    }
    // The set of all CloudFront headers is more than ten, and AWS has such a policy itself.
    if (key === 'allViewerAndCloudFront') continue
    if (texts.length > MAX_LIST) {
      findings.warning(
        [...segments, key],
        `${texts.length} ${what} are listed; AWS allows ${MAX_LIST} unless the quota is raised`,
      )
    }
    const characters = texts.reduce((sum, name) => sum + name.length, 0)
    if (characters > MAX_LIST_CHARACTERS) {
      findings.warning(
        [...segments, key],
        `the names have ${characters} characters together; CloudFront allows ${MAX_LIST_CHARACTERS}`,
      )
    }
  }
}

function checkKeyGroups(view: View, findings: Findings): void {
  const publicKeys = Object.keys(view.publicKeys ?? {})
  const groups = Object.entries(view.keyGroups ?? {})
  if (groups.length > 10)
    findings.warning(
      ['keyGroups'],
      `${groups.length} key groups; AWS allows 10 for an account unless the quota is raised`,
    )
  for (const [group, ids] of groups) {
    if (ids !== undefined && ids.length > 5) {
      findings.warning(
        ['keyGroups', group],
        `${ids.length} keys; AWS allows 5 in a group unless the quota is raised`,
      )
    }
    for (const [index, id] of (ids ?? []).entries()) {
      if (id === undefined || publicKeys.includes(id)) continue
      findings.error(['keyGroups', group, index], `there is no public key "${id}"`, {
        expected: 'an id of publicKeys',
        hint: suggest(id, publicKeys, 'public keys'),
      })
    }
  }
}

function has(names: readonly (string | undefined)[] | undefined, lowerName: string): boolean {
  return names?.some((name) => name?.toLowerCase() === lowerName) === true
}
