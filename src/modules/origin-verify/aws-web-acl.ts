import { GetWebACLCommand, type Rule, UpdateWebACLCommand, WAFV2Client } from '@aws-sdk/client-wafv2'
import type { News } from './tell.ts'
import { originVerifyRule, unverifiedStatement, withOriginVerifyRule } from './web-acl-rule.ts'

/** Others may change the ACL between our read and our write; each time it is read anew. */
const ATTEMPTS = 10

export interface AwsWebAclConfig {
  readonly name: string
  readonly id: string
  readonly scope: 'REGIONAL' | 'CLOUDFRONT'
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
}

/**
 * Puts the accepted values into our rule of a web ACL. UpdateWebACL replaces the whole ACL, so all of it is read and
 * sent back as it was, under the lock token of that read (WAF API Reference, UpdateWebACL).
 */
export async function tellAwsWebAcl(config: AwsWebAclConfig, ruleName: string, news: News): Promise<void> {
  const { name, id, scope, endpoint } = config
  // Everything global of CloudFront is in that region.
  const region = scope === 'CLOUDFRONT' ? 'us-east-1' : config.region
  const client = new WAFV2Client({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  })
  const which = { Name: name, Id: id, Scope: scope }
  const statement = unverifiedStatement(news.header, news.accepted, (value) => Buffer.from(value))
  try {
    for (let attempt = 1; ; attempt++) {
      const { WebACL: acl, LockToken } = await client.send(new GetWebACLCommand(which))
      if (acl === undefined) throw new Error(`AWS WAF gave no web ACL ${name}`)
      const rules = withOriginVerifyRule(
        acl.Rules ?? [],
        ruleName,
        statement,
        (priority) => originVerifyRule(ruleName, priority, statement) as Rule, // the shape of the API, field by field
      )
      try {
        await client.send(
          new UpdateWebACLCommand({
            ...which,
            LockToken,
            DefaultAction: acl.DefaultAction,
            VisibilityConfig: acl.VisibilityConfig,
            Rules: rules,
            // An empty description comes back where there is none, and is refused when it is sent.
            ...(acl.Description !== undefined && acl.Description !== '' && { Description: acl.Description }),
            DataProtectionConfig: acl.DataProtectionConfig,
            CustomResponseBodies: acl.CustomResponseBodies,
            CaptchaConfig: acl.CaptchaConfig,
            ChallengeConfig: acl.ChallengeConfig,
            TokenDomains: acl.TokenDomains,
            AssociationConfig: acl.AssociationConfig,
            OnSourceDDoSProtectionConfig: acl.OnSourceDDoSProtectionConfig,
            ApplicationConfig: acl.ApplicationConfig,
            MonetizationConfig: acl.MonetizationConfig,
          }),
        )
        return
      } catch (error) {
        const isStale = error instanceof Error && error.name === 'WAFOptimisticLockException'
        if (!isStale || attempt === ATTEMPTS) throw error
      }
    }
  } catch (error) {
    throw new Error(`the web ACL ${name} in AWS WAF could not be changed: ${describe(error)}`)
  } finally {
    client.destroy()
  }
}

/** Name and message of the service's error. Nothing else of it: it could hold the request. */
function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
