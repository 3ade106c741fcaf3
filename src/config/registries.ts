import {
  type CachePolicyConfig,
  cachePolicySchema,
  compileCachePolicy,
  compileOriginRequestPolicy,
  type CompiledOriginRequestPolicy,
  type OriginRequestPolicyConfig,
  originRequestPolicySchema,
} from '../cache/config.ts'
import {
  findManagedCachePolicy,
  findManagedOriginRequestPolicy,
  managedCachePolicies,
  managedOriginRequestPolicies,
} from '../cache/policies.ts'
import type { PlannedCachePolicy, PlannedResponseHeadersPolicy } from '../plan.ts'
import {
  compileResponseHeadersPolicy,
  type ResponseHeadersPolicyConfig,
  responseHeadersPolicySchema,
} from '../response/config.ts'
import {
  findManagedResponseHeadersPolicy,
  managedResponseHeadersPolicies,
} from '../response/managed-policies.ts'

/** One registry of policies: how to find a managed one, and how to compile one of the user's. */
export interface PolicyKind<Config, Policy> {
  /** The key of the registry at the top of the configuration. */
  readonly registry: 'cachePolicies' | 'originRequestPolicies' | 'responseHeadersPolicies'
  /** The key of a behavior that refers to it. */
  readonly key: 'cachePolicy' | 'originRequestPolicy' | 'responseHeadersPolicy'
  readonly what: string
  readonly managedNames: readonly string[]
  readonly findManaged: (nameOrId: string) => Policy | undefined
  readonly parse: (raw: unknown) => Config | undefined
  readonly compile: (config: Config, name?: string) => Policy
}

export const cachePolicyKind: PolicyKind<CachePolicyConfig, PlannedCachePolicy> = {
  registry: 'cachePolicies',
  key: 'cachePolicy',
  what: 'cache policies',
  managedNames: managedCachePolicies.map(({ policy }) => policy.name),
  findManaged: findManagedCachePolicy,
  parse: (raw) => cachePolicySchema.safeParse(raw).data,
  compile: compileCachePolicy,
}

export const originRequestPolicyKind: PolicyKind<OriginRequestPolicyConfig, CompiledOriginRequestPolicy> = {
  registry: 'originRequestPolicies',
  key: 'originRequestPolicy',
  what: 'origin request policies',
  managedNames: managedOriginRequestPolicies.map(({ policy }) => policy.name),
  findManaged: findManagedOriginRequestPolicy,
  parse: (raw) => originRequestPolicySchema.safeParse(raw).data,
  compile: compileOriginRequestPolicy,
}

export const responseHeadersPolicyKind: PolicyKind<
  ResponseHeadersPolicyConfig,
  PlannedResponseHeadersPolicy
> = {
  registry: 'responseHeadersPolicies',
  key: 'responseHeadersPolicy',
  what: 'response headers policies',
  managedNames: managedResponseHeadersPolicies.map(({ policy }) => policy.name),
  findManaged: findManagedResponseHeadersPolicy,
  parse: (raw) => responseHeadersPolicySchema.safeParse(raw).data,
  compile: compileResponseHeadersPolicy,
}

/** What a behavior holds under a policy key, compiled: a name of the registry, a managed name or id, or a policy. */
export function resolvePolicy<Config, Policy>(
  kind: PolicyKind<Config, Policy>,
  registry: Readonly<Record<string, unknown>> | undefined,
  reference: unknown,
): Policy | undefined {
  if (typeof reference !== 'string') {
    const inline = kind.parse(reference)
    return inline === undefined ? undefined : kind.compile(inline)
  }
  if (registry !== undefined && Object.hasOwn(registry, reference)) {
    const own = kind.parse(registry[reference])
    return own === undefined ? undefined : kind.compile(own, reference)
  }
  return kind.findManaged(reference)
}
