import type { PlannedTls } from '../plan.ts'

/** What a security policy means to OpenSSL. */
export type SecurityPolicy = Pick<PlannedTls, 'minVersion' | 'ciphers'>

/**
 * Which policies offer a cipher: all up to and including the named one. The list is in CloudFront's order of
 * preference (DG:secure-connections-supported-viewer-protocols-ciphers); DES-CBC3-SHA and RC4-MD5 of the two oldest
 * policies are left out, because OpenSSL 3 has them no more.
 */
const CIPHERS: readonly (readonly [cipher: string, last: SecurityPolicyName])[] = [
  ['TLS_AES_128_GCM_SHA256', 'TLSv1.3_2025'],
  ['TLS_AES_256_GCM_SHA384', 'TLSv1.3_2025'],
  ['TLS_CHACHA20_POLY1305_SHA256', 'TLSv1.2_2025'],
  ['ECDHE-ECDSA-AES128-GCM-SHA256', 'TLSv1.2_2025'],
  ['ECDHE-ECDSA-AES128-SHA256', 'TLSv1.2_2019'],
  ['ECDHE-ECDSA-AES128-SHA', 'TLSv1.1_2016'],
  ['ECDHE-ECDSA-AES256-GCM-SHA384', 'TLSv1.2_2025'],
  ['ECDHE-ECDSA-CHACHA20-POLY1305', 'TLSv1.2_2021'],
  ['ECDHE-ECDSA-AES256-SHA384', 'TLSv1.2_2019'],
  ['ECDHE-ECDSA-AES256-SHA', 'TLSv1.1_2016'],
  ['ECDHE-RSA-AES128-GCM-SHA256', 'TLSv1.2_2025'],
  ['ECDHE-RSA-AES128-SHA256', 'TLSv1.2_2019'],
  ['ECDHE-RSA-AES128-SHA', 'TLSv1.1_2016'],
  ['ECDHE-RSA-AES256-GCM-SHA384', 'TLSv1.2_2025'],
  ['ECDHE-RSA-CHACHA20-POLY1305', 'TLSv1.2_2021'],
  ['ECDHE-RSA-AES256-SHA384', 'TLSv1.2_2019'],
  ['ECDHE-RSA-AES256-SHA', 'TLSv1.1_2016'],
  ['AES128-GCM-SHA256', 'TLSv1.2_2018'],
  ['AES256-GCM-SHA384', 'TLSv1.2_2018'],
  ['AES128-SHA256', 'TLSv1.2_2018'],
  ['AES256-SHA', 'TLSv1.1_2016'],
  ['AES128-SHA', 'TLSv1.1_2016'],
]

/** The names of CloudFront's security policies, oldest first (MinimumProtocolVersion of the API). */
export const securityPolicyNames = [
  'SSLv3',
  'TLSv1',
  'TLSv1_2016',
  'TLSv1.1_2016',
  'TLSv1.2_2018',
  'TLSv1.2_2019',
  'TLSv1.2_2021',
  'TLSv1.2_2025',
  'TLSv1.3_2025',
] as const

export type SecurityPolicyName = (typeof securityPolicyNames)[number]

/** OpenSSL has no SSLv3 any more, so that policy begins at TLSv1 too. */
const MIN_VERSIONS: Record<SecurityPolicyName, PlannedTls['minVersion']> = {
  SSLv3: 'TLSv1',
  TLSv1: 'TLSv1',
  TLSv1_2016: 'TLSv1',
  'TLSv1.1_2016': 'TLSv1.1',
  'TLSv1.2_2018': 'TLSv1.2',
  'TLSv1.2_2019': 'TLSv1.2',
  'TLSv1.2_2021': 'TLSv1.2',
  'TLSv1.2_2025': 'TLSv1.2',
  'TLSv1.3_2025': 'TLSv1.3',
}

/** Lowest version and OpenSSL cipher list (TLS 1.3 suites included, best first) of a security policy. */
export function securityPolicy(name: SecurityPolicyName): SecurityPolicy {
  const rank = securityPolicyNames.indexOf(name)
  const ciphers = CIPHERS.filter(([, last]) => securityPolicyNames.indexOf(last) >= rank).map(
    ([cipher]) => cipher,
  )
  const minVersion = MIN_VERSIONS[name]
  // TLS 1.0 and 1.1 sign with SHA-1, which OpenSSL 3 allows at level 0 only.
  const isOld = minVersion === 'TLSv1' || minVersion === 'TLSv1.1'
  return { minVersion, ciphers: isOld ? `${ciphers.join(':')}:@SECLEVEL=0` : ciphers.join(':') }
}
