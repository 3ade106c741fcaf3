import type { KeyObject } from 'node:crypto'
import type { Secret } from './base/secret.ts'
import type { FilterList } from './http/filter-list.ts'
import type { PlannedFunctions, PlannedKeyValueStore } from './planned-functions.ts'

/**
 * The plan: the frozen, compiled form of the configuration, and the only form the line ever sees. Defaults are
 * filled, references resolved, patterns compiled. A reload builds a new plan and swaps it; requests in flight
 * finish on theirs. This file holds shapes only; `config/compile.ts` builds them.
 */
export interface Plan {
  /** Counts up with every reload. */
  readonly version: number
  readonly listeners: readonly PlannedListener[]
  /** Server processes that share the listeners' ports. */
  readonly processes: number
  readonly distributions: readonly PlannedDistribution[]
  /** The distribution that answers to a host name (without port), or undefined. */
  readonly findDistribution: (host: string) => PlannedDistribution | undefined
  readonly identity: Identity
  readonly isTrustedProxy: (address: string) => boolean
  /** Proxies that are trusted besides the configured ones, until told otherwise: they change without a new plan. */
  readonly trustAlso?: (matcher: ((address: string) => boolean) | undefined) => void
  readonly limits: PlannedLimits
  readonly keyValueStores: readonly PlannedKeyValueStore[]
  readonly log: PlannedLog
  readonly admin: PlannedAdmin | undefined
  /** Where the edge keeps what it needs between starts. Absolute. */
  readonly dataFolder: string
  readonly secrets: PlannedSecrets
  readonly keys: PlannedKeys
  /** Stores of objects that were configured, by name; any other name is a folder of the data folder. */
  readonly objects: Readonly<Record<string, PlannedObjectStore>>
  readonly modules: PlannedModules
  readonly cache: PlannedCache
  /** Files of address databases (mmdb); undefined is the default that comes with the package. */
  readonly geo: { readonly countryFile: string | undefined; readonly asnFile: string | undefined }
}

/** Where secrets are kept. Keys and credentials are looked up when the store is opened. */
export type PlannedSecrets =
  | {
      readonly store: 'embedded'
      readonly file: string
      readonly key: { readonly variable: string } | { readonly file: string }
    }
  | {
      readonly store: 'aws-secrets-manager'
      readonly region: string | undefined
      readonly endpoint: string | undefined
      readonly refreshMs: number
    }

/** Where RSA keys are kept. */
export type PlannedKeys =
  | { readonly store: 'embedded'; readonly folder: string }
  | {
      readonly store: 'aws-kms'
      readonly region: string | undefined
      readonly endpoint: string | undefined
      readonly aliasPrefix: string
    }

/** Where the objects of one name are kept. Credentials are looked up when they are used, unless they were given. */
export type PlannedObjectStore =
  | { readonly store: 'embedded'; readonly folder: string }
  | {
      readonly store: 's3'
      readonly bucket: string
      /** Before every key: empty, or `…/`. */
      readonly prefix: string
      /** From the environment unless given, as in every AWS SDK; `us-east-1` where there is an endpoint. */
      readonly region: string | undefined
      readonly endpoint: string | undefined
      /** The bucket in the path instead of the host name. */
      readonly pathStyle: boolean
      readonly credentials:
        | {
            readonly accessKeyId: string
            readonly secretAccessKey: Secret
            readonly sessionToken: Secret | undefined
          }
        | undefined
    }

/** What modules were configured with at one place, compiled by each, by the key of the module. */
export type PlannedModules = Readonly<Record<string, unknown>>

/** What changes without a new plan: read `.current` once per request and keep what it gave. */
export interface Handle<T> {
  readonly current: T
}

/** How the edge names itself in headers. */
export interface Identity {
  readonly name: 'edgeward' | 'cloudfront'
  /** `Server` where the origin sent none, and the comment in `Via`. */
  readonly server: string
  /** The end of `X-Cache`: `Hit from edgeward`. */
  readonly xCacheSuffix: string
  /** `X-Amz-Cf-Pop` and `x-edge-location`. */
  readonly pop: string
  /** `User-Agent` sent to origins where the viewer's is not forwarded. */
  readonly userAgent: string
}

export interface PlannedListener {
  readonly host: string
  readonly port: number
  readonly tls: PlannedTls | undefined
  readonly proxyProtocol: boolean
  /** Whether plain requests are read by the lane; without it everything goes the way of `node:http`. */
  readonly fastLane: boolean
}

export interface PlannedTls {
  readonly selfSigned: boolean
  /** PEM files, chosen by SNI; the first is the default. */
  readonly certificates: readonly { readonly certFile: string; readonly keyFile: string }[]
  /** CloudFront security policy name, for example `TLSv1.2_2021`. */
  readonly securityPolicy: string
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  readonly ciphers: string
}

export interface PlannedLimits {
  readonly maxConnections: number
  /** Time for a whole request head, from its first byte. */
  readonly headTimeoutMs: number
  /** Longest gap between two pieces of a request body. */
  readonly bodyIdleTimeoutMs: number
  /** How long an idle viewer connection is kept open. */
  readonly keepAliveTimeoutMs: number
  readonly maxBodyBytes: number
  /** A WebSocket without traffic is closed after this time (CloudFront: ten minutes). */
  readonly tunnelIdleTimeoutMs: number
  /** How long requests in flight may take after SIGTERM. */
  readonly drainTimeoutMs: number
}

export interface PlannedLog {
  readonly access: PlannedAccessLog | undefined
  readonly capture:
    | { readonly folder: string; readonly sample: number; readonly maxFileBytes: number }
    | undefined
  /** Visits kept in memory for the admin port. */
  readonly keepVisits: number
  /** One readable line per request on standard output. */
  readonly console: boolean
}

export interface PlannedAccessLog {
  readonly folder: string
  readonly format: 'standard' | 'json'
  readonly prefix: string
  readonly gzip: boolean
  readonly rotateBytes: number
  readonly rotateMs: number
  /** Lines waiting to be written; beyond this they are dropped and counted. */
  readonly maxPendingLines: number
}

export interface PlannedCache {
  /** Bodies, heads and indexes in the memory of each process, together. */
  readonly memoryBytes: number
  /** Where responses are kept beside memory, and how many bytes of them; undefined for nowhere. */
  readonly disk: { readonly folder: string; readonly maxBytes: number } | undefined
  /** Lower-case names of response fields whose words are tags. */
  readonly tagHeaders: readonly string[]
  /** When responses carry Cache-Status (RFC 9211). */
  readonly cacheStatus: 'never' | 'on-request' | 'always'
  /** Whether a response that nobody waits for any more is fetched to its end and kept. */
  readonly finishAbandoned: boolean
  /** `cloudfront` profile: whether the Age a response comes with counts against its lifetime. */
  readonly upstreamAge: 'subtract' | 'ignore'
  /** `rfc` profile: what an Age field that is not one number means. */
  readonly malformedAge: 'ignore' | 'stale'
}

export interface PlannedAdmin {
  readonly host: string
  readonly port: number
  /** Bearer token that admin routes ask for; `/healthz` and `/readyz` are open. */
  readonly token: Secret | undefined
  /** False for the default port: when it is taken, the edge runs without it. */
  readonly isRequired: boolean
}

export interface PlannedDistribution {
  readonly name: string
  readonly id: string
  readonly domainName: string
  readonly aliases: readonly string[]
  /** Without a leading slash; undefined when `/` goes to the origin as it is. */
  readonly defaultRootObject: string | undefined
  /** In order of precedence; the last is the default behavior. */
  readonly behaviors: readonly PlannedBehavior[]
  readonly origins: ReadonlyMap<string, PlannedOrigin>
  /** By status of the error. */
  readonly customErrorResponses: ReadonlyMap<number, PlannedCustomError>
  readonly geoRestriction:
    | { readonly type: 'allow' | 'deny'; readonly countries: ReadonlySet<string> }
    | undefined
  readonly logCookies: boolean
  /** What the WAF evaluates. The whole of it is the WAF room's `PlannedWebAcl`; others see only this of it. */
  readonly webAcl?: PlannedWebAclSummary | undefined
  readonly modules: PlannedModules
}

/** What others than the WAF room see of a web ACL. */
export interface PlannedWebAclSummary {
  readonly name: string
  readonly arn: string
  /** Web ACL capacity units in use. */
  readonly capacity: number
  /** Whether its rules or its log ask where addresses are. */
  readonly needsPlaces: boolean
}

export interface PlannedCustomError {
  readonly status: number
  /** Path of the page, or undefined where the rule carries only a lifetime. */
  readonly pagePath: string | undefined
  readonly responseStatus: number
  readonly errorCachingMinTtlSeconds: number
}

/** Where a request goes: origins in the order they are asked, and what makes the next one be asked. */
export interface PlannedRoute {
  /** Asked in order; the second only on failover. */
  readonly origins: readonly PlannedOrigin[]
  /** Failover criteria when there are two origins. */
  readonly failoverStatuses: ReadonlySet<number>
}

export interface PlannedBehavior extends PlannedRoute {
  /** The path pattern as configured; `*` for the default behavior. */
  readonly pattern: string
  readonly matches: (normalisedPath: string) => boolean
  readonly viewerProtocolPolicy: 'allow-all' | 'redirect-to-https' | 'https-only'
  readonly allowedMethods: ReadonlySet<string>
  readonly cachedMethods: ReadonlySet<string>
  readonly compress: boolean
  readonly cachePolicy: PlannedCachePolicy
  readonly cacheProfile: 'cloudfront' | 'rfc'
  readonly forwarding: Forwarding
  readonly responseHeadersPolicy: PlannedResponseHeadersPolicy | undefined
  /** Public keys that may sign URLs and cookies, by id; undefined when the behavior is open. */
  readonly trustedKeys: ReadonlyMap<string, KeyObject> | undefined
  /** Answers at once with a redirect; `$1`, `$2`, … in `to` are what the pattern's `*` matched. */
  readonly redirect: { readonly to: string; readonly status: 301 | 302 | 303 | 307 | 308 } | undefined
  readonly rewrite: PlannedRewrite | undefined
  /** What runs at the four events; undefined when nothing does. */
  readonly functions: PlannedFunctions | undefined
  readonly modules: PlannedModules
}

/** How the path changes on its way to an origin that does not know its prefix; acts at `send`. */
export interface PlannedRewrite {
  /** Gives the path the origin sees. */
  readonly toOrigin: (path: string) => string
  /** The prefix to put back into `Location` and cookie paths of the origin, or undefined. */
  readonly prefix: string | undefined
  readonly mapBack: boolean
}

export interface PlannedCachePolicy {
  readonly name: string
  readonly minTtlSeconds: number
  readonly defaultTtlSeconds: number
  readonly maxTtlSeconds: number
  readonly gzip: boolean
  readonly brotli: boolean
  /** Lower-case names. */
  readonly headers: readonly string[]
  readonly cookies: FilterList
  readonly queryStrings: FilterList
  /** True when all lifetimes are zero: nothing is stored and nothing collapses. */
  readonly isDisabled: boolean
  /** True when this stands for legacy ForwardedValues. */
  readonly isLegacy: boolean
}

/** What of the viewer's request travels to the origin: the sum of cache policy and origin request policy. */
export interface Forwarding {
  /** `listed`: defaults and `headers`; `all`: everything; `all-except`: everything but `headers`. */
  readonly headerMode: 'listed' | 'all' | 'all-except'
  /** Lower-case names. */
  readonly headers: ReadonlySet<string>
  /** Lower-case `cloudfront-*` names to add. */
  readonly cloudFrontHeaders: readonly string[]
  readonly cookies: FilterList
  readonly queryStrings: FilterList
  readonly cookiesForwarded: boolean
}

export interface PlannedResponseHeadersPolicy {
  readonly name: string
  readonly remove: ReadonlySet<string>
  readonly cors: PlannedCors | undefined
  /** Security and custom headers: name, value, and whether the origin's gives way. */
  readonly set: readonly {
    readonly name: string
    readonly lowerName: string
    readonly value: string
    readonly override: boolean
  }[]
  readonly serverTimingRate: number | undefined
}

export interface PlannedCors {
  readonly anyOrigin: boolean
  readonly allowsOrigin: (origin: string) => boolean
  readonly allowHeaders: readonly string[]
  readonly allowMethods: readonly string[]
  readonly allowCredentials: boolean
  readonly exposeHeaders: readonly string[]
  readonly exposeOnlyOnPreflight: boolean
  readonly maxAgeSeconds: number | undefined
  readonly originOverride: boolean
}

interface OriginBase {
  readonly name: string
  /** The host name that functions, logs and the default Host header show. */
  readonly domainName: string
  /** Put before every path: starts with `/`, or is empty. */
  readonly originPath: string
  readonly connectionAttempts: number
  readonly connectTimeoutMs: number
  /** Until the first byte, and between two pieces. */
  readonly readTimeoutMs: number
  readonly responseCompletionTimeoutMs: number | undefined
  readonly keepaliveTimeoutMs: number
  readonly customHeaders: readonly { readonly name: string; readonly value: string | Secret }[]
  readonly modules: PlannedModules
}

export interface UrlOrigin extends OriginBase {
  readonly kind: 'url'
  readonly protocol: 'http' | 'https' | 'match-viewer'
  readonly hostname: string
  readonly httpPort: number
  readonly httpsPort: number
  readonly tls: PlannedOriginTls
}

export interface PlannedOriginTls {
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  readonly caPem: string | undefined
  readonly certPem: string | undefined
  readonly keyPem: Secret | undefined
  readonly verify: boolean
  /** Names the certificate may have instead of the origin's own; the first is sent as SNI. Functions ask for them. */
  readonly serverNames?: readonly string[]
}

export interface FolderOrigin extends OriginBase {
  readonly kind: 'folder'
  /** Absolute. */
  readonly folder: string
  /** Tried in order for a path that ends in `/`. */
  readonly indexFiles: readonly string[]
}

export interface BucketOrigin extends OriginBase {
  readonly kind: 'bucket'
  readonly bucket: string
  readonly region: string
  readonly endpoint: string
  readonly pathStyle: boolean
  readonly credentials:
    | {
        readonly accessKeyId: string
        readonly secretAccessKey: Secret
        readonly sessionToken: Secret | undefined
      }
    | undefined
  readonly signing: 'always' | 'never' | 'no-override'
  readonly tls: PlannedOriginTls
}

export type PlannedOrigin = UrlOrigin | FolderOrigin | BucketOrigin
