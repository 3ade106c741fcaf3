import { coversPattern, isSamePattern } from '../distribution/pattern-cover.ts'
import { compilePathPattern, problemOfPathPattern } from '../distribution/path-pattern.ts'
import { type Findings, listed, type Segments } from '../base/problem.ts'
import type { BehaviorConfig, DistributionConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

type DistributionView = Salvaged<DistributionConfig>
type BehaviorView = Salvaged<BehaviorConfig>

/** The path patterns of a distribution: those that are none, stand twice, or are never reached. */
export function checkPatterns(distribution: DistributionView, segments: Segments, findings: Findings): void {
  const before: { pattern: string; index: number }[] = []
  for (const [index, behavior] of (distribution.behaviors ?? []).entries()) {
    const pattern = behavior?.path
    if (pattern === undefined) continue
    const place = [...segments, 'behaviors', index, 'path']
    const problem = problemOfPathPattern(pattern)
    if (problem !== null) {
      findings.error(place, problem)
      continue
    }
    const same = before.find((earlier) => isSamePattern(earlier.pattern, pattern))
    const covering = before.find((earlier) => coversPattern(earlier.pattern, pattern))
    if (same !== undefined) {
      findings.error(place, `${pattern} is the pattern of behaviors[${same.index}] already`, {
        hint: 'remove one of them',
      })
    } else if (covering !== undefined) {
      findings.warning(
        place,
        `is never reached: behaviors[${covering.index}] with ${covering.pattern} comes before it and matches all of its paths`,
        {
          hint: 'put the narrower pattern first',
        },
      )
    } else if (coversPattern(pattern, '*')) {
      findings.warning(place, `${pattern} matches every path, so the default behavior is never reached`, {
        hint: 'write it as defaultBehavior',
      })
    }
    before.push({ pattern, index })
  }
  checkBarePaths(distribution, segments, findings)
}

/** People expect `/hotels/*` to match `/hotels`, which it does not, here as on CloudFront (fact sheet 4.2). */
function checkBarePaths(distribution: DistributionView, segments: Segments, findings: Findings): void {
  const patterns = (distribution.behaviors ?? [])
    .map((behavior) => behavior?.path ?? '')
    .filter((pattern) => problemOfPathPattern(pattern) === null)
  const matchers = patterns.map(compilePathPattern)
  const others = new Set<string>()
  for (const [index, behavior] of (distribution.behaviors ?? []).entries()) {
    const bare = /^\/?([^*?]+)\/\*$/.exec(behavior?.path ?? '')?.[1]
    if (bare === undefined || matchers.some((matches) => matches(`/${bare}`))) continue
    if (behavior?.stripPrefix === undefined && behavior?.rewrite === undefined) {
      others.add(`/${bare}`)
      continue
    }
    findings.warning(
      [...segments, 'behaviors', index, 'path'],
      `/${bare} does not match /${bare}/*, so the default behavior answers it`,
      {
        hint: `use the pattern /${bare}*, or add { path: '/${bare}', redirect: { to: '/${bare}/' } }`,
      },
    )
  }
  if (others.size > 0) {
    const patternsOf = listed(
      [...others].map((path) => `${path}/*`),
      'and',
    )
    findings.warning(
      [...segments, 'behaviors'],
      `${listed([...others], 'and')} ${others.size === 1 ? 'does' : 'do'} not match ${patternsOf}, so the default behavior answers`,
      {
        hint: 'add a behavior for the path alone if viewers ask for it',
      },
    )
  }
}

/** Everything of one behavior that changes or answers by path. */
export function checkPaths(
  behavior: BehaviorView,
  pattern: string | undefined,
  segments: Segments,
  findings: Findings,
): void {
  const { stripPrefix, rewrite, redirect } = behavior
  if ('mapBack' in behavior && !('stripPrefix' in behavior)) {
    findings.error(
      [...segments, 'mapBack'],
      'means nothing without stripPrefix, because there is no prefix to put back',
    )
  }
  if (stripPrefix !== undefined && pattern !== undefined && !mayBeginWith(pattern, stripPrefix)) {
    findings.warning(
      [...segments, 'stripPrefix'],
      `no path that ${pattern} matches begins with ${stripPrefix}, so nothing is ever stripped`,
    )
  }
  for (const [index, rule] of (rewrite ?? []).entries()) {
    if (rule?.from === undefined || rule.to === undefined) continue
    checkReferences(rule.to, rule.from, [...segments, 'rewrite', index, 'to'], findings)
  }
  if (redirect?.to === undefined || pattern === undefined) return
  checkReferences(redirect.to, pattern, [...segments, 'redirect', 'to'], findings)
  if (!redirect.to.startsWith('/') && !/^https?:\/\//i.test(redirect.to)) {
    findings.error([...segments, 'redirect', 'to'], `found ${JSON.stringify(redirect.to)}`, {
      expected: 'a path that begins with /, or a url with http:// or https://',
    })
  }
}

/** `$2` needs a second star. */
function checkReferences(text: string, pattern: string, segments: Segments, findings: Findings): void {
  const stars = pattern.split('*').length - 1
  for (const match of text.matchAll(/\$(\d)/g)) {
    const number = Number(match[1])
    if (number >= 1 && number <= stars) continue
    findings.error(
      segments,
      `${match[0]} stands for nothing: ${pattern} has ${stars === 0 ? 'no star' : stars === 1 ? 'one star' : `${stars} stars`}`,
    )
  }
}

/** Whether a pattern can match a path that a prefix is taken off, which happens at whole segments only. */
function mayBeginWith(pattern: string, prefix: string): boolean {
  const isRooted = pattern.startsWith('/') || pattern.startsWith('*')
  const fixed = /^[^*?]*/.exec(isRooted ? pattern : `/${pattern}`)![0]
  return fixed === prefix || fixed.startsWith(`${prefix}/`) || `${prefix}/`.startsWith(fixed)
}
