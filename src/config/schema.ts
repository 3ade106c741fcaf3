import { z } from 'zod'
import { adminSchema } from './admin-config.ts'
import {
  cachePolicySchema,
  cacheSchema,
  forwardedValuesSchema,
  originRequestPolicySchema,
} from '../cache/config.ts'
import { createDistributionSchema, keyGroupsSchema, publicKeysSchema } from '../distribution/config.ts'
import { identitySchema, limitsSchema, listenerSchema, trustedProxiesSchema } from '../listener/config.ts'
import { logSchema } from '../log/config.ts'
import { functionRegistrySchema, functionsSchema, keyValueStoresSchema } from '../functions/config.ts'
import { moduleSchemas } from '../modules/index.ts'
import { originGroupSchema, originSchema } from '../origin/config.ts'
import { responseHeadersPolicySchema } from '../response/config.ts'
import { keysSchema } from '../seams/keys/config.ts'
import { objectsSchema } from '../seams/objects/config.ts'
import { secretsSchema } from '../seams/secrets/config.ts'
import {
  ipSetsSchema,
  regexPatternSetsSchema,
  ruleGroupsSchema,
  wafSettingsSchema,
  webAclReferenceSchema,
  webAclsSchema,
} from '../waf/settings-schema.ts'

const name = z.string().min(1).max(128)

const distributionSchema = createDistributionSchema({
  origin: originSchema.extend(moduleSchemas.origin),
  originGroup: originGroupSchema,
  cachePolicy: cachePolicySchema,
  forwardedValues: forwardedValuesSchema,
  originRequestPolicy: originRequestPolicySchema,
  responseHeadersPolicy: responseHeadersPolicySchema,
  functions: functionsSchema,
  behaviorModules: moduleSchemas.behavior,
  distributionModules: moduleSchemas.distribution,
})
  .extend({ webAcl: webAclReferenceSchema.optional(), waf: wafSettingsSchema.optional() })
  .describe('A site of its own: host names, origins, behaviors.')

const geoSchema = z
  .strictObject({
    countryFile: z
      .string()
      .min(1)
      .optional()
      .describe('Database of countries (mmdb). Left out: the one that comes with edgeward.'),
    asnFile: z
      .string()
      .min(1)
      .optional()
      .describe('Database of networks (mmdb), for `CloudFront-Viewer-ASN`.'),
  })
  .describe('Where addresses are, by databases in the format of MaxMind.')

/** The whole configuration, composed of the rooms' schemas. Unknown keys are errors. */
export const edgeSchema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors: address of the JSON Schema of this file.'),
    listeners: z
      .array(listenerSchema)
      .min(1)
      .default([{ port: 8080, proxyProtocol: false, fastLane: true }])
      .describe('Ports on which viewers connect. Left out: HTTP on 8080.'),
    processes: z.number().int().min(1).max(256).default(1).describe('Server processes that share the ports.'),
    trustedProxies: trustedProxiesSchema,
    identity: identitySchema,
    limits: limitsSchema.prefault({}),
    geo: geoSchema.default({}),
    distributions: z
      .record(name, distributionSchema)
      .refine((sites) => Object.keys(sites).length > 0, 'is empty; at least one distribution is needed')
      .describe('Sites, by name.'),
    cache: cacheSchema.prefault({}),
    cachePolicies: z.record(name, cachePolicySchema).default({}).describe('Cache policies, by name.'),
    originRequestPolicies: z
      .record(name, originRequestPolicySchema)
      .default({})
      .describe('Origin request policies, by name.'),
    responseHeadersPolicies: z
      .record(name, responseHeadersPolicySchema)
      .default({})
      .describe('Response headers policies, by name.'),
    functions: functionRegistrySchema,
    keyValueStores: keyValueStoresSchema,
    publicKeys: publicKeysSchema,
    keyGroups: keyGroupsSchema,
    secrets: secretsSchema.prefault({}),
    keys: keysSchema.prefault({}),
    objects: objectsSchema,
    webAcls: webAclsSchema,
    ipSets: ipSetsSchema,
    regexPatternSets: regexPatternSetsSchema,
    ruleGroups: ruleGroupsSchema,
    log: logSchema.prefault({}),
    admin: adminSchema.optional(),
    dataFolder: z
      .string()
      .min(1)
      .default('./.edgeward')
      .describe('Folder for what the edge keeps between starts, relative to the configuration file.'),
    ...moduleSchemas.configuration,
  })
  .describe('Configuration of an edge.')

/** A configuration as users write it. */
export type EdgeConfig = z.input<typeof edgeSchema>

/** A configuration after the schema: every default is filled. */
export type ParsedEdgeConfig = z.output<typeof edgeSchema>

/** One distribution and one behavior as users write them. */
export type DistributionConfig = EdgeConfig['distributions'][string]
export type BehaviorConfig = DistributionConfig['defaultBehavior']
