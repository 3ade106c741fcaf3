import type { Plan, PlannedDistribution } from './plan.ts'

/** For tests: a plan that serves nothing and keeps nothing, with what a test says otherwise. */
export function planOf(parts: Partial<Plan> = {}): Plan {
  return {
    version: 1,
    listeners: [],
    processes: 1,
    distributions: [],
    findDistribution: () => undefined,
    identity: {
      name: 'edgeward',
      server: 'edgeward',
      xCacheSuffix: 'edgeward',
      pop: 'EDG50-E1',
      userAgent: 'edgeward',
    },
    isTrustedProxy: () => false,
    limits: {
      maxConnections: 100,
      headTimeoutMs: 1000,
      bodyIdleTimeoutMs: 1000,
      keepAliveTimeoutMs: 1000,
      maxBodyBytes: 1000,
      tunnelIdleTimeoutMs: 1000,
      drainTimeoutMs: 1000,
    },
    log: { access: undefined, capture: undefined, keepVisits: 0, console: false },
    keyValueStores: [],
    admin: undefined,
    cache: {
      memoryBytes: 1 << 20,
      disk: undefined,
      tagHeaders: [],
      cacheStatus: 'never',
      finishAbandoned: false,
      upstreamAge: 'subtract',
      malformedAge: 'ignore',
    },
    geo: { countryFile: undefined, asnFile: undefined },
    dataFolder: '/nowhere',
    secrets: { store: 'embedded', file: '/nowhere/secrets.json', key: { file: '/nowhere/secrets.key' } },
    keys: { store: 'embedded', folder: '/nowhere/keys' },
    objects: {},
    modules: {},
    ...parts,
  }
}

/** For tests: a distribution without origins and behaviors, with what a test says otherwise. */
export function distributionOf(parts: Partial<PlannedDistribution> = {}): PlannedDistribution {
  return {
    name: 'travel',
    id: 'E1234567890ABC',
    domainName: 'd1234567890abc.cloudfront.net',
    aliases: [],
    defaultRootObject: undefined,
    behaviors: [],
    origins: new Map(),
    customErrorResponses: new Map(),
    geoRestriction: undefined,
    logCookies: false,
    modules: {},
    ...parts,
  }
}
