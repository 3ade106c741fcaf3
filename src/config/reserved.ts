import type { Segments } from '../base/problem.ts'

/** The kinds of objects in a configuration that have reserved keys. */
type Kind = 'configuration' | 'distribution' | 'behavior' | 'origin'

/**
 * Keys whose meaning is settled but which this version does not run. They are refused, never ignored: whoever
 * writes a web ACL relies on it.
 */
const RESERVED: Record<Kind, Readonly<Record<string, string>>> = {
  configuration: {
    state: 'shared state',
    jobs: 'jobs',
    deploy: 'deployment to AWS',
  },
  distribution: {
    staging: 'continuous deployment',
    continuousDeploymentPolicy: 'continuous deployment',
    viewerMtls: 'client certificates of viewers',
    connectionFunction: 'connection functions',
    anomalyDetection: 'anomaly detection',
  },
  behavior: {
    grpc: 'gRPC',
    fieldLevelEncryption: 'field-level encryption',
    compute: 'compute dispatch',
    realtimeLog: 'real-time logs',
    trustedSigners: 'trusted signers (use trustedKeyGroups)',
  },
  origin: {
    originShield: 'Origin Shield',
    lambda: 'Lambda functions as origins',
    vpcOrigin: 'VPC origins',
    healthCheck: 'health checks',
  },
}

/** Names that people know from the API, CloudFormation or CDK, and what they are called here. */
const OTHER_NAMES: Record<Kind, Readonly<Record<string, string>>> = {
  configuration: {
    distribution: 'distributions',
    listener: 'listeners',
    server: 'listeners',
    logs: 'log',
    logging: 'log',
  },
  distribution: {
    domainNames: 'aliases',
    cacheBehaviors: 'behaviors',
    additionalBehaviors: 'behaviors',
    defaultCacheBehavior: 'defaultBehavior',
    errorResponses: 'customErrorResponses',
    errorPages: 'customErrorResponses',
    restrictions: 'geoRestriction',
    certificate: 'listeners[].tls',
    viewerCertificate: 'listeners[].tls',
    logging: 'log, at the top of the configuration',
    webAclId: 'webAcl',
  },
  behavior: {
    pathPattern: 'path',
    targetOriginId: 'origin',
    target: 'origin',
    cachePolicyId: 'cachePolicy',
    originRequestPolicyId: 'originRequestPolicy',
    responseHeadersPolicyId: 'responseHeadersPolicy',
    functionAssociations: 'functions',
    lambdaFunctionAssociations: 'functions',
    edgeLambdas: 'functions',
  },
  origin: {
    domainName: 'url',
    originVerification: 'originVerify',
    path: 'folder or originPath',
    root: 'folder',
    connectionTimeout: 'connectTimeoutMs',
    originReadTimeout: 'readTimeoutMs',
    readTimeout: 'readTimeoutMs',
    originKeepaliveTimeout: 'keepaliveTimeoutMs',
    keepaliveTimeout: 'keepaliveTimeoutMs',
    responseCompletionTimeout: 'responseCompletionTimeoutMs',
    originProtocolPolicy: 'protocolPolicy',
  },
}

/** What a reserved key stands for (`web ACLs`), where the object at `segments` has that key reserved. */
export function reservedFor(segments: Segments, key: string): string | undefined {
  const kind = kindOf(segments)
  return kind === undefined || !Object.hasOwn(RESERVED[kind], key) ? undefined : RESERVED[kind][key]
}

/** What a key that AWS has is called here, or undefined. */
export function ourNameFor(segments: Segments, key: string): string | undefined {
  const kind = kindOf(segments)
  if (kind === undefined) return undefined
  const names = OTHER_NAMES[kind]
  const lower = key.toLowerCase()
  const found = Object.keys(names).find((name) => name.toLowerCase() === lower)
  return found === undefined ? undefined : names[found]
}

function kindOf(segments: Segments): Kind | undefined {
  if (segments.length === 0) return 'configuration'
  if (segments[0] !== 'distributions') return undefined
  if (segments.length === 2) return 'distribution'
  if (segments.length === 3 && segments[2] === 'defaultBehavior') return 'behavior'
  if (segments.length === 4 && segments[2] === 'behaviors') return 'behavior'
  return segments.length === 4 && segments[2] === 'origins' ? 'origin' : undefined
}
