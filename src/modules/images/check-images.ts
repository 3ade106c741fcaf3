import { type Findings, listed, type Segments } from '../../base/problem.ts'
import { describeCidrProblem } from '../../http/address.ts'
import { isRecord } from './engine/edits.ts'
import { ImageError } from './image-error.ts'
import {
  isPictureParameter,
  knownParameters,
  PICTURE_PARAMETERS,
  readParameters,
} from './readable/parameters.ts'
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
  checkDialect(config, segments, findings)
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

/** Keys of another dialect, and presets whose parameters nobody could read. */
function checkDialect(
  config: Readonly<Record<string, unknown>>,
  segments: Segments,
  findings: Findings,
): void {
  const { dialect, presets } = config
  const foreign = dialect === 'edge' ? ['rewrite', 'strict'] : ['presets']
  for (const key of foreign)
    if (config[key] !== undefined)
      findings.error([...segments, key], `means nothing for the dialect ${String(dialect)}`, {
        expected: 'the key left out',
      })
  if (dialect !== 'edge' || !isRecord(presets)) return
  for (const [name, text] of Object.entries(presets)) {
    if (typeof text !== 'string') continue
    const place = [...segments, 'presets', name]
    const unknown = [...new URLSearchParams(text).keys()].filter((key) => !isPictureParameter(key))
    if (unknown.length > 0)
      findings.error(place, `has no parameter ${unknown.join(', ')}`, {
        expected: listed([...PICTURE_PARAMETERS]),
      })
    try {
      readParameters(knownParameters(text), 'preset')
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      findings.error(place, error.message)
    }
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
