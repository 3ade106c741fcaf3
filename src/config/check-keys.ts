import type { Findings } from '../base/problem.ts'
import type { EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

/** The key `keys`: settings that belong to AWS KMS alone. */
export function checkKeys(view: Salvaged<EdgeConfig>, findings: Findings): void {
  if (view.keys?.store === 'aws-kms') return
  for (const key of ['region', 'endpoint', 'aliasPrefix'] as const) {
    if (view.keys?.[key] === undefined) continue
    findings.error(['keys', key], `${key} belongs to the store "aws-kms", and the store here is "embedded"`, {
      hint: 'remove it, or set keys.store to "aws-kms"',
    })
  }
}
