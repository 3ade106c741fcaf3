import { compileForwarding } from '../cache/forwarding.ts'
import { allowedMethodSet, cachedMethodSet } from '../distribution/methods.ts'
import { checkPaths, checkPatterns } from './check-patterns.ts'
import { checkCachePolicy, checkLifetimes, checkOriginRequestPolicy } from './check-policies.ts'
import { suggest } from './nearest.ts'
import { type Findings, listed, type Segments } from '../base/problem.ts'
import {
  cachePolicyKind,
  originRequestPolicyKind,
  type PolicyKind,
  resolvePolicy,
  responseHeadersPolicyKind,
} from './registries.ts'
import type { BehaviorConfig, DistributionConfig, EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

type View = Salvaged<EdgeConfig>
type DistributionView = Salvaged<DistributionConfig>
type BehaviorView = Salvaged<BehaviorConfig>

/** The behaviors of one distribution: patterns, names that lead nowhere, settings that contradict each other. */
export function checkBehaviors(
  view: View,
  distribution: DistributionView,
  segments: Segments,
  findings: Findings,
): void {
  const behaviors = distribution.behaviors ?? []
  if (behaviors.length > 75) {
    findings.warning(
      [...segments, 'behaviors'],
      `${behaviors.length} behaviors; CloudFront allows 75 besides the default`,
    )
  }
  checkPatterns(distribution, segments, findings)
  for (const [index, behavior] of behaviors.entries()) {
    if (behavior !== undefined)
      checkBehavior(view, distribution, behavior, behavior.path, [...segments, 'behaviors', index], findings)
  }
  const { defaultBehavior } = distribution
  if (defaultBehavior !== undefined) {
    checkBehavior(view, distribution, defaultBehavior, '*', [...segments, 'defaultBehavior'], findings)
  }
}

function checkBehavior(
  view: View,
  distribution: DistributionView,
  behavior: BehaviorView,
  pattern: string | undefined,
  segments: Segments,
  findings: Findings,
): void {
  checkTarget(distribution, behavior, segments, findings)
  checkMethods(behavior, segments, findings)
  checkKeyGroups(view, behavior, segments, findings)
  checkPolicy(view, cachePolicyKind, behavior.cachePolicy, segments, findings)
  checkPolicy(view, originRequestPolicyKind, behavior.originRequestPolicy, segments, findings)
  checkPolicy(view, responseHeadersPolicyKind, behavior.responseHeadersPolicy, segments, findings)
  if (typeof behavior.cachePolicy === 'object')
    checkCachePolicy(behavior.cachePolicy, [...segments, 'cachePolicy'], findings)
  if (typeof behavior.originRequestPolicy === 'object') {
    checkOriginRequestPolicy(behavior.originRequestPolicy, [...segments, 'originRequestPolicy'], findings)
  }
  if ('forwardedValues' in behavior) checkLegacy(behavior, segments, findings)
  else checkForwarding(view, behavior, segments, findings)
  checkPaths(behavior, pattern, segments, findings)
}

function checkTarget(
  distribution: DistributionView,
  behavior: BehaviorView,
  segments: Segments,
  findings: Findings,
): void {
  const names = [...Object.keys(distribution.origins ?? {}), ...Object.keys(distribution.originGroups ?? {})]
  const { origin } = behavior
  if (origin !== undefined && !names.includes(origin)) {
    findings.error([...segments, 'origin'], `there is no origin or origin group "${origin}"`, {
      expected: 'the name of an origin or origin group of this distribution',
      hint: suggest(origin, names, 'origins'),
    })
  }
  if ('origin' in behavior) return
  const isDefault = segments.at(-1) === 'defaultBehavior'
  if (!('redirect' in behavior))
    findings.error(segments, 'origin is missing', {
      expected: `the name of an origin or origin group${isDefault ? '' : ', or a redirect'}`,
      hint: suggest('', names, 'origins'),
    })
  else if (isDefault) {
    findings.error(segments, 'origin is missing', {
      expected:
        'an origin, even beside a redirect: the pages of custom error responses may be fetched through it',
      hint: suggest('', names, 'origins'),
    })
  }
}

/** The three sets of methods of CloudFront (fact sheet 5.2). */
function checkMethods(behavior: BehaviorView, segments: Segments, findings: Findings): void {
  const given = behavior.allowedMethods
  const allowed = Array.isArray(given) ? wholeList(given) : given
  const allowedSet = allowed === undefined ? undefined : allowedMethodSet(allowed)
  if (allowed !== undefined && allowedSet === undefined) {
    const found = Array.isArray(allowed) ? allowed.join(', ') : allowed
    findings.error([...segments, 'allowedMethods'], `${found} is not a set that CloudFront has`, {
      expected: "['GET', 'HEAD'], ['GET', 'HEAD', 'OPTIONS'] or 'all'",
    })
  }
  const cached = behavior.cachedMethods === undefined ? undefined : wholeList(behavior.cachedMethods)
  const cachedSet = cached === undefined ? undefined : cachedMethodSet(cached)
  if (cached !== undefined && cachedSet === undefined) {
    findings.error([...segments, 'cachedMethods'], `${cached.join(', ')} is not a set that CloudFront has`, {
      expected: "['GET', 'HEAD'] or ['GET', 'HEAD', 'OPTIONS']",
    })
  }
  const isOptionsRefused = !('allowedMethods' in behavior) || allowedSet?.has('OPTIONS') === false
  if (cachedSet?.has('OPTIONS') === true && isOptionsRefused) {
    findings.error([...segments, 'cachedMethods'], 'OPTIONS is kept but not allowed', {
      expected: 'allowedMethods with OPTIONS',
    })
  }
}

/** Undefined where the schema refused an entry: what the list was meant to be is not known then. */
function wholeList<T>(list: readonly (T | undefined)[]): T[] | undefined {
  const known = list.filter((entry) => entry !== undefined)
  return known.length === list.length ? known : undefined
}

function checkKeyGroups(view: View, behavior: BehaviorView, segments: Segments, findings: Findings): void {
  const groups = Object.keys(view.keyGroups ?? {})
  const named = behavior.trustedKeyGroups ?? []
  if (named.length > 4)
    findings.warning(
      [...segments, 'trustedKeyGroups'],
      `${named.length} key groups; CloudFront allows 4 for a behavior`,
    )
  for (const [index, name] of named.entries()) {
    if (name === undefined || groups.includes(name)) continue
    findings.error([...segments, 'trustedKeyGroups', index], `there is no key group "${name}"`, {
      expected: 'a name of keyGroups',
      hint: suggest(name, groups, 'key groups'),
    })
  }
}

function checkPolicy(
  view: View,
  kind: Pick<PolicyKind<unknown, unknown>, 'registry' | 'key' | 'what' | 'managedNames' | 'findManaged'>,
  reference: unknown,
  segments: Segments,
  findings: Findings,
): void {
  if (typeof reference !== 'string') return
  const own = Object.keys(view[kind.registry] ?? {})
  if (own.includes(reference) || kind.findManaged(reference) !== undefined) return
  findings.error([...segments, kind.key], `there is no policy "${reference}"`, {
    expected: `a name of ${kind.registry}, the name or id of a managed policy, or a policy`,
    hint: suggest(reference, [...own, ...kind.managedNames], kind.what),
  })
}

/** Legacy settings stand alone (fact sheet 3.2 and 8.2). */
function checkLegacy(behavior: BehaviorView, segments: Segments, findings: Findings): void {
  const { forwardedValues } = behavior
  for (const key of ['cachePolicy', 'originRequestPolicy'] as const) {
    if (key in behavior) {
      findings.error([...segments, key], `${key} cannot stand beside forwardedValues`, {
        hint: 'use policies for both, and remove forwardedValues',
      })
    }
  }
  if (forwardedValues === undefined) return
  const place = [...segments, 'forwardedValues']
  checkLifetimes(forwardedValues, place, findings)
  if (forwardedValues.headers?.includes('*') === true) {
    if (forwardedValues.headers.length > 1)
      findings.error([...place, 'headers'], '* stands for all headers and must stand alone', {
        expected: "['*']",
      })
    if ((forwardedValues.minTtlSeconds ?? 0) > 0) {
      findings.error([...place, 'minTtlSeconds'], "with headers ['*'] nothing is kept", { expected: '0' })
    }
  }
  const { cookies } = forwardedValues
  if (cookies !== undefined && (cookies.forward === 'whitelist') !== 'whitelistedNames' in cookies) {
    findings.error(
      [...place, 'cookies'],
      cookies.forward === 'whitelist'
        ? 'whitelist needs whitelistedNames'
        : 'whitelistedNames needs forward: "whitelist"',
    )
  }
  if (forwardedValues.queryString === false && (forwardedValues.queryStringCacheKeys?.length ?? 0) > 0) {
    findings.error([...place, 'queryStringCacheKeys'], 'means nothing when queryString is false')
  }
}

/** What the origin sees but the key does not hold: one viewer's page could be kept and shown to another. */
function checkForwarding(view: View, behavior: BehaviorView, segments: Segments, findings: Findings): void {
  if (!('originRequestPolicy' in behavior)) return
  if ('cachePolicy' in behavior && behavior.cachePolicy === undefined) return
  const cachePolicy = resolvePolicy(
    cachePolicyKind,
    view.cachePolicies,
    behavior.cachePolicy ?? DEFAULT_CACHE_POLICY,
  )
  const originRequestPolicy = resolvePolicy(
    originRequestPolicyKind,
    view.originRequestPolicies,
    behavior.originRequestPolicy,
  )
  if (cachePolicy === undefined || originRequestPolicy === undefined || cachePolicy.isDisabled) return
  const { cookiesForwarded, queryStrings, headerMode } = compileForwarding(cachePolicy, originRequestPolicy)
  const unkeyed: string[] = []
  if (cookiesForwarded && cachePolicy.cookies.mode === 'none') unkeyed.push('cookies')
  if (queryStrings.mode !== 'none' && cachePolicy.queryStrings.mode === 'none') unkeyed.push('query strings')
  if (headerMode !== 'listed') unkeyed.push('headers')
  if (unkeyed.length === 0) return
  const isNamed = 'cachePolicy' in behavior
  findings.warning(
    isNamed ? [...segments, 'cachePolicy'] : segments,
    `${isNamed ? '' : `without a cachePolicy, ${DEFAULT_CACHE_POLICY} holds; `}the origin receives ${listed(unkeyed, 'and')} that are no part of the cache key, so a response made for one viewer may be shown to another`,
    { hint: 'set a cachePolicy: CachingDisabled, or one whose key holds what responses depend on' },
  )
}

/** What a behavior has for a cache policy when it names none: CloudFront's recommendation for objects that can be kept. */
export const DEFAULT_CACHE_POLICY = 'CachingOptimized'
