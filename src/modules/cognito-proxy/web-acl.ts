/** RateLimit may be from 100 to 20,000,000 requests in five minutes. */
export const RATE_LIMIT = { min: 100, max: 20_000_000, usual: 2_000 } as const

/** Names of the IP sets, to be kept in `ipSets` or by `edgeward ipset`. */
export const IP_SETS = ['cognito-allow-v4', 'cognito-allow-v6', 'cognito-deny-v4', 'cognito-deny-v6'] as const

/** The web ACL for a user pool in the format of AWS WAF: who is let in, who is kept out, and how often others may call. */
export function cognitoWebAcl(rateLimit: number): object {
  return {
    Name: 'cognito-proxy',
    Scope: 'CLOUDFRONT',
    DefaultAction: { Allow: {} },
    VisibilityConfig: visibility('cognito-proxy'),
    Rules: [
      rule('AllowList', 0, inEither('cognito-allow-v4', 'cognito-allow-v6'), { Allow: {} }),
      rule('DenyList', 1, inEither('cognito-deny-v4', 'cognito-deny-v6'), { Block: {} }),
      rule(
        'RateLimit',
        2,
        { RateBasedStatement: { Limit: rateLimit, EvaluationWindowSec: 300, AggregateKeyType: 'IP' } },
        { Block: {} },
      ),
    ],
  }
}

function inEither(...names: readonly string[]): object {
  return { OrStatement: { Statements: names.map((ARN) => ({ IPSetReferenceStatement: { ARN } })) } }
}

function rule(Name: string, Priority: number, Statement: object, Action: object): object {
  return { Name, Priority, Statement, Action, VisibilityConfig: visibility(Name) }
}

function visibility(MetricName: string): object {
  return { SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName }
}
