import { type Findings, listed, type Segments } from '../../base/problem.ts'
import { describeCidrProblem } from '../../http/address.ts'
import { isRecord } from './engine/edits.ts'
import { compileRewrite } from './sih/compile-rewrite.ts'

/** What the schema of a behavior's `images` cannot see: names that lead nowhere, patterns and ranges that are none. */
export function checkImages(config: unknown, segments: Segments, whole: unknown, findings: Findings): void {
  if (!isRecord(config)) return
  const origins = originsAround(whole, segments)
  const sources = isRecord(config['sources']) ? config['sources'] : undefined
  for (const [name, source] of Object.entries(sources ?? {}))
    checkSource(source, [...segments, 'sources', name], origins, findings)
  if (sources !== undefined && Object.keys(sources).length === 0)
    findings.error([...segments, 'sources'], 'is empty, so no picture could be served', {
      expected: 'at least one source, or no `sources` at all',
    })
  const { rewrite, fallback } = config
  if (isRecord(rewrite) && typeof rewrite['match'] === 'string') {
    try {
      compileRewrite(rewrite['match'], '')
    } catch (error) {
      findings.error(
        [...segments, 'rewrite', 'match'],
        `is no regular expression: ${(error as Error).message}`,
        {
          expected: 'a pattern between slashes, such as /(filters-)/gm',
        },
      )
    }
  }
  if (isRecord(fallback) && typeof fallback['source'] === 'string' && sources !== undefined) {
    if (!Object.hasOwn(sources, fallback['source']))
      findings.error([...segments, 'fallback', 'source'], `there is no source ${fallback['source']}`, {
        expected: listed(Object.keys(sources)),
      })
  }
}

function checkSource(
  source: unknown,
  segments: Segments,
  origins: readonly string[],
  findings: Findings,
): void {
  if (!isRecord(source)) return
  const { origin, allowAddresses } = source
  if (typeof origin === 'string' && !origins.includes(origin))
    findings.error([...segments, 'origin'], `there is no origin ${origin}`, {
      expected: origins.length === 0 ? 'an origin of this distribution' : listed(origins),
    })
  if (!Array.isArray(allowAddresses)) return
  allowAddresses.forEach((range, index) => {
    const problem = typeof range === 'string' ? describeCidrProblem(range) : undefined
    if (problem !== undefined) findings.error([...segments, 'allowAddresses', index], problem)
  })
}

/** Names of the origins of the distribution in which `segments` lie. */
function originsAround(whole: unknown, segments: Segments): readonly string[] {
  const distributions = isRecord(whole) ? whole['distributions'] : undefined
  const distribution = isRecord(distributions) ? distributions[String(segments[1])] : undefined
  const origins = isRecord(distribution) ? distribution['origins'] : undefined
  return isRecord(origins) ? Object.keys(origins) : []
}
