import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { modules as allModules } from '../modules/index.ts'
import type { ConfigPlace, Module } from '../modules/module.ts'
import { compileModules } from './module-places.ts'
import { compileCache } from '../cache/config.ts'
import { compileHosts, findHost } from '../distribution/host-table.ts'
import { type AddressMatcher, compileCidrs } from '../http/address.ts'
import { compileIdentity, compileLimits, compileListener } from '../listener/config.ts'
import { compileKeyValueStores } from '../functions/config.ts'
import type { Plan, PlannedDistribution } from '../plan.ts'
import { compileAdmin } from './admin-config.ts'
import { compileLog } from '../log/config.ts'
import { compileKeys } from '../seams/keys/config.ts'
import { compileObjectStore } from '../seams/objects/config.ts'
import { compileSecrets } from '../seams/secrets/config.ts'
import type { CheckedConfig } from './check.ts'
import { compileDistribution, type ModulesAt } from './compile-distribution.ts'
import { deepFreeze } from './deep-freeze.ts'

export interface CompileOptions {
  /** Files of the configuration are relative to it. */
  readonly baseFolder: string
  /** Counts up with every reload. */
  readonly version: number
}

/**
 * Compiles a checked configuration to the plan that the line runs under: defaults filled, references resolved,
 * patterns compiled, frozen. Everything that could be wrong was told by `checkConfig`.
 */
export function compilePlan(checked: CheckedConfig, { baseFolder, version }: CompileOptions): Plan {
  const { config } = checked
  const identity = compileIdentity(config.identity)
  const dataFolder = resolve(baseFolder, config.dataFolder)
  const resources = { baseFolder, dataFolder, environment: checked.environment }
  const compileModule = (module: Module, place: Omit<ConfigPlace, 'whole'>): unknown =>
    module.compile === undefined ? place.config : module.compile({ ...place, whole: config }, resources)
  const modulesAt: ModulesAt = (level, segments, holder) =>
    compileModules(allModules, level, segments, holder, compileModule)
  const names = Object.keys(config.distributions)
  const distributions = names
    .filter((name) => config.distributions[name]!.enabled)
    .map((name) => compileDistribution(name, checked, baseFolder, identity.name, modulesAt))
  const host = defaultHost()
  const plan: Plan = {
    version,
    listeners: config.listeners.map((listener) => compileListener(listener, baseFolder, host)),
    processes: config.processes,
    distributions,
    findDistribution: compileFindDistribution(distributions, names.length === 1),
    identity,
    ...compileTrust(config.trustedProxies),
    limits: compileLimits(config.limits),
    keyValueStores: compileKeyValueStores(config.keyValueStores, baseFolder, config.dataFolder),
    log: compileLog(config.log, baseFolder),
    cache: compileCache(config.cache, baseFolder, dataFolder),
    admin: compileAdmin(config.admin, checked.environment),
    dataFolder,
    keys: compileKeys(config.keys, dataFolder),
    objects: Object.fromEntries(
      Object.entries(config.objects).map(([name, store]) => [
        name,
        compileObjectStore(store, baseFolder, checked.environment),
      ]),
    ),
    secrets: compileSecrets(config.secrets, baseFolder, dataFolder, checked.environment),
    modules: modulesAt('configuration', [], config),
    geo: {
      countryFile:
        config.geo.countryFile === undefined ? undefined : resolve(baseFolder, config.geo.countryFile),
      asnFile: config.geo.asnFile === undefined ? undefined : resolve(baseFolder, config.geo.asnFile),
    },
  }
  return deepFreeze(plan)
}

/** A distribution that is configured alone answers to any host; one that is alone because others are switched off does not. */
function compileFindDistribution(
  distributions: readonly PlannedDistribution[],
  isAlone: boolean,
): Plan['findDistribution'] {
  const table = compileHosts(
    distributions.map((value) => ({ aliases: value.aliases, domainName: value.domainName, value })),
    { singleAnswersAnyHost: isAlone },
  )
  return (host) => findHost(table, host)
}

/** The proxies of the configuration, and a place for those that modules learn while the edge runs. */
function compileTrust(cidrs: readonly string[]): Pick<Plan, 'isTrustedProxy' | 'trustAlso'> {
  const isConfigured = compileCidrs(cidrs)
  let isLearned: AddressMatcher | undefined
  return {
    isTrustedProxy: (address) => isConfigured(address) || (isLearned !== undefined && isLearned(address)),
    trustAlso: (matcher) => void (isLearned = matcher),
  }
}

/** All addresses: `::` takes IPv4 too, but cannot be opened on a machine without IPv6. */
function defaultHost(): string {
  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ family }) => family === 'IPv6'),
  )
  return hasIpv6 ? '::' : '0.0.0.0'
}
