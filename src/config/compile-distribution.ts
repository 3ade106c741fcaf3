import { createPublicKey, type KeyObject } from 'node:crypto'
import type { CompiledOriginRequestPolicy } from '../cache/config.ts'
import { compileForwarding } from '../cache/forwarding.ts'
import { compileLegacyCachePolicy, compileLegacyForwarding } from '../cache/legacy.ts'
import { allowedMethodSet, cachedMethodSet } from '../distribution/methods.ts'
import { compilePathPattern } from '../distribution/path-pattern.ts'
import { compileRewrite } from '../distribution/rewrite.ts'
import { compileFunctions, type FunctionResources } from '../functions/config.ts'
import { compileOrigin } from '../origin/compile-origin.ts'
import type {
  Forwarding,
  Identity,
  PlannedBehavior,
  PlannedCachePolicy,
  PlannedDistribution,
  PlannedModules,
  PlannedOrigin,
} from '../plan.ts'
import type { Segments } from '../base/problem.ts'
import type { ModuleLevel } from '../modules/module.ts'
import type { CheckedConfig } from './check.ts'
import { DEFAULT_CACHE_POLICY } from './check-behaviors.ts'
import { addressesOf } from './distribution-address.ts'
import {
  cachePolicyKind,
  originRequestPolicyKind,
  type PolicyKind,
  resolvePolicy,
  responseHeadersPolicyKind,
} from './registries.ts'
import type { ParsedEdgeConfig } from './schema.ts'

type DistributionConfig = ParsedEdgeConfig['distributions'][string]
type BehaviorConfig = DistributionConfig['defaultBehavior']

/** What the modules of one place compile to. */
export type ModulesAt = (level: ModuleLevel, segments: Segments, holder: object) => PlannedModules

/** What every behavior of a distribution draws on. */
interface Surroundings {
  readonly config: ParsedEdgeConfig
  readonly distribution: DistributionConfig
  readonly origins: ReadonlyMap<string, PlannedOrigin>
  readonly publicKeys: ReadonlyMap<string, KeyObject>
  readonly functions: FunctionResources
  readonly segments: Segments
  readonly modulesAt: ModulesAt
}

/** Compiles one distribution of a checked configuration. */
export function compileDistribution(
  name: string,
  checked: CheckedConfig,
  baseFolder: string,
  identity: Identity['name'],
  modulesAt: ModulesAt,
): PlannedDistribution {
  const segments: Segments = ['distributions', name]
  const { config, pemTexts, environment } = checked
  const distribution = config.distributions[name]!
  const resources = {
    baseFolder,
    pem: (reference: string) => pemTexts.get(reference) ?? reference,
    environment: (variable: string) => environment[variable],
  }
  const origins = new Map(
    Object.entries(distribution.origins).map(([origin, value]) => [
      origin,
      {
        ...compileOrigin(origin, value, resources),
        modules: modulesAt('origin', [...segments, 'origins', origin], value),
      },
    ]),
  )
  const publicKeys = new Map(
    Object.entries(config.publicKeys).map(([id, { pem }]) => [id, createPublicKey(resources.pem(pem))]),
  )
  const functions: FunctionResources = { baseFolder, registry: config.functions, files: checked.functions }
  const surroundings: Surroundings = {
    config,
    distribution,
    origins,
    publicKeys,
    functions,
    segments,
    modulesAt,
  }
  return {
    name,
    ...addressesOf(name, distribution, identity),
    aliases: distribution.aliases.map((alias) => alias.toLowerCase()),
    defaultRootObject: distribution.defaultRootObject,
    behaviors: [
      ...distribution.behaviors.map((behavior, index) =>
        compileBehavior(behavior.path, behavior, ['behaviors', index], surroundings),
      ),
      compileBehavior('*', distribution.defaultBehavior, ['defaultBehavior'], surroundings),
    ],
    origins,
    customErrorResponses: new Map(
      distribution.customErrorResponses.map((rule) => [
        rule.errorCode,
        {
          status: rule.errorCode,
          pagePath: rule.responsePagePath,
          responseStatus: rule.responseCode ?? rule.errorCode,
          errorCachingMinTtlSeconds: rule.errorCachingMinTtlSeconds,
        },
      ]),
    ),
    geoRestriction: compileGeoRestriction(distribution.geoRestriction),
    logCookies: distribution.logCookies,
    webAcl: checked.webAcls.get(name),
    modules: modulesAt('distribution', segments, distribution),
  }
}

function compileGeoRestriction(
  config: DistributionConfig['geoRestriction'],
): PlannedDistribution['geoRestriction'] {
  if (config === undefined) return undefined
  return 'allow' in config
    ? { type: 'allow', countries: new Set(config.allow) }
    : { type: 'deny', countries: new Set(config.deny) }
}

function compileBehavior(
  pattern: string,
  behavior: BehaviorConfig,
  place: Segments,
  surroundings: Surroundings,
): PlannedBehavior {
  const { config } = surroundings
  return {
    pattern,
    matches: compilePathPattern(pattern),
    ...compileTarget(behavior, surroundings),
    viewerProtocolPolicy: behavior.viewerProtocolPolicy,
    allowedMethods: known(allowedMethodSet(behavior.allowedMethods, behavior.cacheProfile), 'allowedMethods'),
    cachedMethods: known(cachedMethodSet(behavior.cachedMethods), 'cachedMethods'),
    compress: behavior.compress,
    cacheProfile: behavior.cacheProfile,
    ...compileCaching(behavior, config),
    responseHeadersPolicy: optionalPolicy(responseHeadersPolicyKind, config, behavior.responseHeadersPolicy),
    trustedKeys: compileTrustedKeys(behavior, surroundings),
    redirect: behavior.redirect,
    rewrite: compileRewrite(behavior),
    functions: compileFunctions(behavior.functions, surroundings.functions),
    modules: surroundings.modulesAt('behavior', [...surroundings.segments, ...place], behavior),
  }
}

/** The origins of a behavior, or of the default behavior where this one only redirects and names none. */
function compileTarget(
  behavior: BehaviorConfig,
  { distribution, origins }: Surroundings,
): Pick<PlannedBehavior, 'origins' | 'failoverStatuses'> {
  const target = known(behavior.origin ?? distribution.defaultBehavior.origin, 'origin')
  // An origin may have any name, also one that every object has, such as `constructor`.
  const group = Object.hasOwn(distribution.originGroups, target)
    ? distribution.originGroups[target]
    : undefined
  if (group === undefined)
    return { origins: [known(origins.get(target), target)], failoverStatuses: new Set() }
  return {
    origins: [
      known(origins.get(group.primary), group.primary),
      known(origins.get(group.fallback), group.fallback),
    ],
    failoverStatuses: new Set(group.failoverStatuses),
  }
}

function compileCaching(
  behavior: BehaviorConfig,
  config: ParsedEdgeConfig,
): { cachePolicy: PlannedCachePolicy; forwarding: Forwarding } {
  if (behavior.forwardedValues !== undefined) {
    return {
      cachePolicy: compileLegacyCachePolicy(behavior.forwardedValues),
      forwarding: compileLegacyForwarding(behavior.forwardedValues),
    }
  }
  const cachePolicy = known(
    optionalPolicy(cachePolicyKind, config, behavior.cachePolicy ?? DEFAULT_CACHE_POLICY),
    'cachePolicy',
  )
  const originRequestPolicy: CompiledOriginRequestPolicy | undefined = optionalPolicy(
    originRequestPolicyKind,
    config,
    behavior.originRequestPolicy,
  )
  return { cachePolicy, forwarding: compileForwarding(cachePolicy, originRequestPolicy) }
}

function optionalPolicy<Config, Policy>(
  kind: PolicyKind<Config, Policy>,
  config: ParsedEdgeConfig,
  reference: unknown,
): Policy | undefined {
  if (reference === undefined) return undefined
  return known(resolvePolicy(kind, config[kind.registry], reference), kind.key)
}

function compileTrustedKeys(
  behavior: BehaviorConfig,
  { config, publicKeys }: Surroundings,
): PlannedBehavior['trustedKeys'] {
  if (behavior.trustedKeyGroups === undefined) return undefined
  const ids = behavior.trustedKeyGroups.flatMap((group) => known(config.keyGroups[group], group))
  return new Map(ids.map((id) => [id, known(publicKeys.get(id), id)]))
}

/** What `checkConfig` has made sure of. */
function known<T>(value: T | undefined, what: string): T {
  if (value === undefined)
    throw new Error(`${what} does not resolve; compile only what checkConfig has accepted`)
  return value
}
