/**
 * The public HTTP caching suite (npm `http-cache-tests`) through a running edge, in both cache profiles. Prints passed,
 * failed and not applicable of its required, optimal and check tests, scored as the suite does.
 *
 *   npm run conformance -- cache [--profile rfc|cloudfront] [--test ID] [--all]
 *
 * Fails when a required test fails that is not in `cache-known-gaps.ts`, when one that is in it passes, and when fewer than
 * six sevenths of the optimal tests pass in the `rfc` profile.
 */
import { parseArgs } from 'node:util'
import { runEdge } from '../support/running-edge.ts'
import { knownCacheGaps } from './cache-known-gaps.ts'
import {
  installSuite,
  runSuite,
  type Score,
  scoreOf,
  startSuiteOrigin,
  SUITE_VERSION,
  type SuiteTest,
} from './support/cache-suite.ts'

const KINDS = ['required', 'optimal', 'check'] as const
const OPTIMAL_SHARE = 90 / 105

type Profile = 'rfc' | 'cloudfront'
type Counts = Record<Score, number>

const { values } = parseArgs({
  options: {
    profile: { type: 'string' },
    test: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
})

const folder = await installSuite()
const profiles: Profile[] = (['rfc', 'cloudfront'] as const).filter(
  (each) => values.profile === undefined || values.profile === each,
)
if (profiles.length === 0) throw new Error(`--profile is rfc or cloudfront, not ${values.profile}`)

const result: string[] = []
let isHeld = true
for (const profile of profiles) {
  const { counts, complaints } = await runProfile(profile)
  console.log(`\n${profile} profile, http-cache-tests ${SUITE_VERSION}`)
  console.log(
    `${'kind'.padEnd(10)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'n/a'.padStart(8)}${'total'.padStart(8)}`,
  )
  for (const kind of KINDS) {
    const each = counts[kind]
    console.log(
      kind.padEnd(10) +
        [each.passed, each.failed, each['not-applicable'], total(each)]
          .map((count) => String(count).padStart(8))
          .join(''),
    )
  }
  for (const complaint of complaints) console.log(`  ! ${complaint}`)
  if (complaints.length > 0) isHeld = false
  const prefix = profile === 'rfc' ? '' : `${profile}_`
  for (const kind of KINDS)
    result.push(`${prefix}${kind}=${counts[kind].passed}`, `${prefix}${kind}_total=${total(counts[kind])}`)
}
const gaps = Object.keys(knownCacheGaps.rfc).length
console.log(`RESULT name=cache ${result.join(' ')} gaps=${gaps} suite=${SUITE_VERSION}`)
if (!isHeld && values.test === undefined) process.exitCode = 1

async function runProfile(
  profile: Profile,
): Promise<{ counts: Record<(typeof KINDS)[number], Counts>; complaints: string[] }> {
  await using origin = await startSuiteOrigin(folder)
  await using edge = await runEdge(distributionFor(profile, origin.url), {
    // This version of the suite was written when RFC 7234 was in force: an Age that is not one number means old there.
    // RFC 9111 section 5.1, which is what the edge does unless told, ignores it or takes the first of several.
    top: { cache: { malformedAge: 'stale' } },
  })
  const { tests: all, results } = await runSuite(folder, edge.url, values.test)
  const tests = values.test === undefined ? all : all.filter((test) => test.id === values.test)
  const byId = new Map(all.map((test) => [test.id, test]))
  const counts = { required: noCounts(), optimal: noCounts(), check: noCounts() }
  const gaps = knownCacheGaps[profile]
  const complaints: string[] = []
  const show = (test: SuiteTest, score: string) => {
    const why = results[test.id]
    console.log(
      `${profile} ${test.kind} ${score} ${test.id}: ${why === true || why === undefined ? '' : why.join(': ')}`,
    )
  }
  for (const test of tests) {
    const score = scoreOf(test.id, byId, results)
    counts[test.kind][score]++
    if (values.test === test.id || (values.all && score !== 'passed')) show(test, score)
    const reason = gaps[test.id]
    if (score === 'passed') {
      if (reason !== undefined)
        complaints.push(
          `${test.id} passes, but is listed as a gap (${reason}): take it out of cache-known-gaps.ts`,
        )
    } else if (test.kind === 'required' && reason === undefined) {
      complaints.push(`${test.id} is ${score}: ${test.name}`)
    }
  }
  for (const id of Object.keys(gaps))
    if (!byId.has(id)) complaints.push(`cache-known-gaps.ts names ${id}, which the suite does not have`)
  const needed = Math.floor(total(counts.optimal) * OPTIMAL_SHARE)
  if (profile === 'rfc' && counts.optimal.passed < needed)
    complaints.push(`${counts.optimal.passed} optimal tests pass, ${needed} are to`)
  return { counts, complaints }
}

/** One behavior for everything, with all methods; what the suite's client and server tell each other is not cached. */
function distributionFor(profile: Profile, originUrl: string) {
  const cachePolicy = {
    minTtlSeconds: 0,
    defaultTtlSeconds: 0,
    maxTtlSeconds: 3_153_600_000,
    queryStringBehavior: 'all',
  }
  const aside = {
    origin: 'suite',
    allowedMethods: 'all',
    cachePolicy: 'CachingDisabled',
    originRequestPolicy: 'AllViewer',
  }
  return {
    origins: { suite: { url: originUrl } },
    behaviors: [
      { path: '/config/*', ...aside },
      { path: '/state/*', ...aside },
    ],
    defaultBehavior: {
      origin: 'suite',
      allowedMethods: 'all',
      compress: false,
      cacheProfile: profile,
      cachePolicy,
      // CloudFront honours the conditions of viewers only where it forwards no cookies.
      originRequestPolicy:
        profile === 'rfc' ? 'AllViewer' : { headerBehavior: 'all', queryStringBehavior: 'all' },
    },
  }
}

function noCounts(): Counts {
  return { passed: 0, failed: 0, 'not-applicable': 0 }
}

function total(counts: Counts): number {
  return counts.passed + counts.failed + counts['not-applicable']
}
