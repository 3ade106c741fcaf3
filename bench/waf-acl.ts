/**
 * What a web ACL of twelve rules costs a cache hit: two IP sets of 10,000 entries, geography, byte matches, a size rule,
 * a regex set, two rate-based rules and labels, beside the same edge without one.
 * Must hold: at most a fifth of the hit.
 */
import { cacheOf, type ConfigFor, startEdge } from './support/edge.ts'
import { generateLoad } from './support/load.ts'
import { checkAnswer, measure } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { startFixedOrigin } from './support/origin.ts'
import { failuresOf, finish, printFigures } from './support/report.ts'

const BODY_BYTES = 1024
/** As a browser asks. */
const BROWSER = {
  'User-Agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'de-DE,de;q=0.9,en;q=0.8',
  Referer: 'http://shop.example/catalogue/shoes?page=2',
  Cookie: 'session=0123456789abcdef0123456789abcdef; theme=dark',
}
const PATHS = ['/catalogue/shoes/red-shoe-42.html?page=2&sort=price']

const { numbers } = readOptions({ seconds: 4, rounds: 5, warm: 8, connections: 32 })
await using origin = await startFixedOrigin({
  bodyBytes: BODY_BYTES,
  headers: { 'Cache-Control': 'max-age=3600' },
})
const plain = cacheOf({ originUrl: origin.url })
await using guarded = await startEdge(withAcl(plain))
await using bare = await startEdge(plain)
const contenders = [guarded, { ...bare, name: 'without' }]
for (const contender of contenders) await checkAnswer(contender, PATHS[0]!, BODY_BYTES)

const load = { paths: PATHS, connections: numbers.connections, headers: BROWSER }
const figures = await measure(contenders, {
  rounds: numbers.rounds,
  warmUp: ({ url }) => generateLoad({ ...load, url, seconds: numbers.warm }),
  work: async ({ url }) => {
    const { requests, errors, badStatuses, seconds } = await generateLoad({
      ...load,
      url,
      seconds: numbers.seconds,
    })
    return { units: requests, failures: errors + badStatuses, seconds }
  },
})

printFigures(
  `cache hit of ${BODY_BYTES} bytes under twelve rules, ${numbers.connections} connections`,
  'requests',
  figures,
)
const [ours, without] = figures
const ratio = (ours?.perCpuSecond ?? 0) / (without?.perCpuSecond ?? 1)
finish({
  name: 'waf-acl',
  values: {
    per_cpu_second: ours?.perCpuSecond,
    without_per_cpu_second: without?.perCpuSecond,
    ratio_without: ratio,
    microseconds: 1e6 / (ours?.perCpuSecond ?? 1) - 1e6 / (without?.perCpuSecond ?? 1),
  },
  holds: [{ key: 'ratio_without', atLeast: 0.8 }],
  skipped: [],
  wrong: failuresOf(figures),
})

function withAcl(configFor: ConfigFor): ConfigFor {
  return (folder) => {
    const config = configFor(folder)
    // The benchmark's own configuration has one distribution of plain data.
    const [[name, distribution] = ['', {}]] = Object.entries(
      config['distributions'] as Record<string, object>,
    )
    return {
      ...config,
      dataFolder: folder,
      ipSets: { bad: addresses(11), partners: addresses(23) },
      regexPatternSets: { probes: ['\\.(?:php|asp|cgi)$', '^/wp-(?:admin|login)', '/\\.(?:git|env|svn)'] },
      distributions: { [name]: { ...distribution, webAcl: acl() } },
    }
  }
}

/** Ten thousand blocks of one address each, none of them the load's. */
function addresses(first: number): string[] {
  return Array.from({ length: 10_000 }, (_, i) => `${first}.${(i >> 8) & 255}.${i & 255}.${(i * 7) & 255}/32`)
}

function acl(): object {
  const none = [{ Priority: 0, Type: 'NONE' }]
  const lower = [{ Priority: 0, Type: 'LOWERCASE' }]
  const bytes = (
    FieldToMatch: object,
    SearchString: string,
    PositionalConstraint: string,
    steps: object[] = none,
  ) => ({
    ByteMatchStatement: { SearchString, FieldToMatch, PositionalConstraint, TextTransformations: steps },
  })
  const agent = { SingleHeader: { Name: 'user-agent' } }
  const block = { Block: {} }
  const count = { Count: {} }
  const set = (ARN: string) => ({ IPSetReferenceStatement: { ARN } })
  const label = (Key: string) => ({ LabelMatchStatement: { Scope: 'LABEL', Key } })
  const rules: readonly [statement: object, action: object, label?: string][] = [
    [set('bad'), block],
    [{ NotStatement: { Statement: set('partners') } }, count, 'source:public'],
    [{ GeoMatchStatement: { CountryCodes: ['XX', 'KP'] } }, count, 'place:odd'],
    [bytes({ UriPath: {} }, '/admin', 'STARTS_WITH'), block],
    [bytes(agent, 'badbot', 'CONTAINS', lower), block],
    [
      {
        SizeConstraintStatement: {
          ComparisonOperator: 'GT',
          Size: 2048,
          FieldToMatch: { QueryString: {} },
          TextTransformations: none,
        },
      },
      block,
    ],
    [
      {
        RegexPatternSetReferenceStatement: {
          ARN: 'probes',
          FieldToMatch: { UriPath: {} },
          TextTransformations: lower,
        },
      },
      block,
    ],
    [
      { RateBasedStatement: { Limit: 2_000_000_000, EvaluationWindowSec: 300, AggregateKeyType: 'IP' } },
      block,
    ],
    [
      {
        RateBasedStatement: {
          Limit: 2_000_000_000,
          EvaluationWindowSec: 60,
          AggregateKeyType: 'CUSTOM_KEYS',
          CustomKeys: [{ IP: {} }, { Header: { Name: 'user-agent', TextTransformations: lower } }],
          ScopeDownStatement: bytes({ UriPath: {} }, '/catalogue', 'STARTS_WITH'),
        },
      },
      block,
    ],
    [{ AndStatement: { Statements: [label('source:partner'), label('place:odd')] } }, block],
    [bytes(agent, 'headless', 'CONTAINS', lower), count, 'client:automated'],
    [label('client:automated'), block],
  ]
  return {
    Name: 'bench',
    DefaultAction: { Allow: {} },
    VisibilityConfig: visibility('bench'),
    Rules: rules.map(([Statement, Action, name], Priority) => ({
      Name: `rule-${Priority}`,
      Priority,
      Statement,
      Action,
      ...(name === undefined ? {} : { RuleLabels: [{ Name: name }] }),
      VisibilityConfig: visibility(`rule-${Priority}`),
    })),
  }
}

function visibility(MetricName: string): object {
  return { SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName }
}
