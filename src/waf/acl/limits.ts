/** Quotas of AWS WAF (DG:waf quotas; the API's own shapes where they are wider). */
export const limits = {
  webAclCapacity: 5_000,
  /** Beyond this AWS asks an extra price per request. */
  webAclCapacityIncluded: 1_500,
  groupCapacity: 5_000,
  references: 50,
  rateRulesPerAcl: 10,
  rateRulesPerGroup: 4,
  searchStringBytes: 200,
  regexCharacters: 512,
  regexesPerSet: 10,
  addressesPerSet: 10_000,
  transformations: 10,
  customHeaders: 10,
  customHeadersPerAcl: 100,
  responseBodies: 50,
  responseBodyCharacters: 10_240,
  responseBodyBytesTotal: 51_200,
  tokenDomains: 10,
  countryCodes: 50,
  asNumbers: 100,
  actionOverrides: 100,
  customKeys: 5,
  nesting: 100,
} as const

/** Bytes of a body that AWS WAF inspects for CloudFront by DefaultSizeInspectionLimit. */
export const bodyLimits = { KB_8: 8_192, KB_16: 16_384, KB_32: 32_768, KB_48: 49_152, KB_64: 65_536 } as const

/** Names of IP sets in which operators put the lists that AWS keeps for itself; they may be of any length. */
export const OPERATOR_LISTS = [
  'AWSManagedIPReputationList',
  'AWSManagedReconnaissanceList',
  'AWSManagedIPDDoSList',
  'AnonymousIPList',
  'HostingProviderIPList',
  'VerifiedBotList',
] as const
