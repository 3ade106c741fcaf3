import { type Findings, listed, type Segments } from '../../base/problem.ts'
import { describeCidrProblem } from '../../http/address.ts'
import { isRecord } from './engine/edits.ts'
import { DEFAULT_VARIANTS } from './config.ts'
import { describeMappingProblem } from './dit/mappings.ts'
import { describePolicyProblems, policySchema, transformationSchema } from './dit/policy.ts'
import { expectedOf, isValidTransformation, nameOf, TRANSFORMATION_TYPES } from './dit/transformations.ts'
import { readWatermark } from './dit/watermark.ts'
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
  const origins = Object.keys(originsAround(whole, segments))
  const sources = isRecord(config['sources']) ? config['sources'] : undefined
  for (const [name, source] of Object.entries(sources ?? {}))
    checkSource(source, [...segments, 'sources', name], origins, findings)
  if (sources !== undefined && Object.keys(sources).length === 0)
    findings.error([...segments, 'sources'], 'is empty, so no picture could be served', {
      expected: 'at least one source, or no `sources` at all',
    })
  for (const [name, source] of Object.entries(sources ?? {}))
    if (config['dialect'] !== 'dit' && isRecord(source) && source['originPath'] !== undefined)
      findings.error(
        [...segments, 'sources', name, 'originPath'],
        'only means something for the dialect dit',
        {
          expected: 'the key left out, or `prefix`',
        },
      )
  const { rewrite, fallback } = config
  checkVariants(config, segments, whole, findings)
  checkDialect(config, segments, whole, findings)
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

/** Bounds that contradict each other, and slow formats where there are none. */
function checkVariants(
  config: Readonly<Record<string, unknown>>,
  segments: Segments,
  whole: unknown,
  findings: Findings,
): void {
  const { dialect, autoFormats, slowFormats, variants } = config
  const offersAvif = Array.isArray(autoFormats) && autoFormats.includes('avif')
  if (slowFormats === 'background' && dialect === 'sih' && !offersAvif)
    findings.error([...segments, 'slowFormats'], 'there is no slow format that Accept could choose', {
      expected: "'avif' among `autoFormats`, or the key left out",
    })
  if (!isRecord(variants)) return
  const own = boundOf(variants)
  const other = storesIn(whole).find(({ name, maxBytes }) => name === own.name && maxBytes !== own.maxBytes)
  if (other !== undefined)
    findings.error(
      [...segments, 'variants', 'maxBytes'],
      `the store ${own.name} has ${own.maxBytes} here and ${other.maxBytes} in another behavior`,
      { expected: 'one bound for one store, or another name in `objects`' },
    )
}

/** The stores of variants of all behaviors, with their bounds. */
function storesIn(whole: unknown): readonly { readonly name: string; readonly maxBytes: number }[] {
  const distributions = isRecord(whole) && isRecord(whole['distributions']) ? whole['distributions'] : {}
  return Object.values(distributions).flatMap((distribution) => {
    if (!isRecord(distribution)) return []
    const { behaviors, defaultBehavior } = distribution
    const all: readonly unknown[] = [...(Array.isArray(behaviors) ? behaviors : []), defaultBehavior]
    return all.flatMap((behavior) => {
      const images = isRecord(behavior) ? behavior['images'] : undefined
      const variants = isRecord(images) ? images['variants'] : undefined
      return isRecord(variants) ? boundOf(variants) : []
    })
  })
}

function boundOf({ objects, maxBytes }: Readonly<Record<string, unknown>>) {
  return {
    name: typeof objects === 'string' ? objects : DEFAULT_VARIANTS.objects,
    maxBytes: typeof maxBytes === 'number' ? maxBytes : DEFAULT_VARIANTS.maxBytes,
  }
}

/** By dialect, keys that belong to others. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  sih: ['presets', 'policies', 'policy', 'maxTransformations', 'mappings', 'originHeader', 'hints'],
  dit: ['presets', 'hints', 'rewrite', 'signing', 'strict', 'autoFormats'],
  edge: ['rewrite', 'strict', 'policies', 'policy', 'maxTransformations', 'mappings', 'originHeader'],
}

/** Keys of another dialect, and presets whose parameters nobody could read. */
function checkDialect(
  config: Readonly<Record<string, unknown>>,
  segments: Segments,
  whole: unknown,
  findings: Findings,
): void {
  const { dialect, presets, policies, policy } = config
  const foreign = typeof dialect === 'string' ? (FOREIGN[dialect] ?? []) : []
  for (const key of foreign)
    if (config[key] !== undefined)
      findings.error([...segments, key], `means nothing for the dialect ${String(dialect)}`, {
        expected: 'the key left out',
      })
  const names = isRecord(policies) ? Object.keys(policies) : []
  if (dialect === 'dit' && typeof policy === 'string' && !names.includes(policy))
    findings.error([...segments, 'policy'], `there is no policy ${policy}`, {
      expected: names.length === 0 ? 'a policy among `policies`' : listed(names),
    })
  if (dialect === 'dit' && isRecord(policies))
    checkPolicies(policies, [...segments, 'policies'], hostsOf(config, whole, segments), findings)
  if (dialect === 'dit') checkMappings(config, names, segments, findings)
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
      readParameters(withHints(knownParameters(text), config['hints'] !== undefined), 'preset')
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      findings.error(place, error.message)
    }
  }
}

/** What stands in the places of `auto` when a viewer asks; any number tells as much about the rest. */
function withHints(parameters: ReadonlyMap<string, string>, hasHints: boolean): ReadonlyMap<string, string> {
  if (!hasHints) return parameters
  return new Map(
    [...parameters].map(([name, value]) => [
      name,
      value === 'auto' && (name === 'w' || name === 'dpr') ? '1' : value,
    ]),
  )
}

/** In a query what is invalid is passed over; in a configuration it is a mistake. */
function checkPolicies(
  policies: Readonly<Record<string, unknown>>,
  segments: Segments,
  hosts: readonly string[] | undefined,
  findings: Findings,
): void {
  for (const [name, policy] of Object.entries(policies)) {
    const read = policySchema.safeParse(policy)
    for (const { place, problem, expected } of read.success ? describePolicyProblems(read.data) : [])
      findings.error([...segments, name, ...place], problem, { expected })
    const list = isRecord(policy) ? policy['transformations'] : undefined
    if (!Array.isArray(list)) continue
    list.forEach((each: unknown, index) => {
      // Each for itself: what is wrong elsewhere in the policy must not hide it.
      const one = transformationSchema.safeParse(each)
      if (!one.success) return
      const { transformation, value } = one.data
      const place = [...segments, name, 'transformations', index]
      const type = nameOf(transformation)
      const expected = expectedOf(type)
      if (expected === undefined)
        findings.error([...place, 'transformation'], `${transformation} is no transformation of version 8`, {
          expected: listed([...TRANSFORMATION_TYPES]),
        })
      else if (!isValidTransformation({ type, value, from: 'policy' }))
        findings.error([...place, 'value'], `${JSON.stringify(value)} is no value of ${transformation}`, {
          expected,
        })
      const host = type === 'watermark' ? readWatermark(value)?.url.hostname : undefined
      if (host !== undefined && hosts?.includes(host) === false)
        findings.error([...place, 'value'], `the host ${host} of the watermark is that of no source`, {
          expected: listed(hosts),
        })
    })
  }
}

function checkMappings(
  { mappings, sources }: Readonly<Record<string, unknown>>,
  policies: readonly string[],
  segments: Segments,
  findings: Findings,
): void {
  if (!Array.isArray(mappings)) return
  const known = isRecord(sources) ? Object.keys(sources) : []
  mappings.forEach((mapping: unknown, index) => {
    if (!isRecord(mapping)) return
    const place = [...segments, 'mappings', index]
    const problem = describeMappingProblem(mapping)
    if (problem !== undefined) findings.error(place, problem)
    const { source, policy } = mapping
    if (typeof source === 'string' && !known.includes(source))
      findings.error([...place, 'source'], `there is no source ${source}`, {
        expected: known.length === 0 ? 'a source among `sources`' : listed(known),
      })
    if (typeof policy === 'string' && !policies.includes(policy))
      findings.error([...place, 'policy'], `there is no policy ${policy}`, {
        expected: policies.length === 0 ? 'a policy among `policies`' : listed(policies),
      })
  })
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

/** Hosts by which pictures of the sources may be named; undefined where a bucket is among them, whose host only the plan knows. */
function hostsOf(
  { sources }: Readonly<Record<string, unknown>>,
  whole: unknown,
  segments: Segments,
): readonly string[] | undefined {
  const origins = originsAround(whole, segments)
  // Without `sources` it is the origin of the behavior; which one that is counts for nothing here.
  const places: readonly (readonly [string, unknown])[] = isRecord(sources)
    ? Object.entries(sources)
    : Object.keys(origins).map((origin) => [origin, { origin }] as const)
  const hosts: string[] = []
  for (const [name, source] of places) {
    if (!isRecord(source)) continue
    const origin = typeof source['origin'] === 'string' ? origins[source['origin']] : undefined
    if (isRecord(origin) && origin['bucket'] !== undefined) return undefined
    const url = isRecord(origin) ? origin['url'] : source['url']
    hosts.push(name.toLowerCase())
    if (typeof url === 'string' && URL.canParse(url)) hosts.push(new URL(url).hostname)
  }
  return hosts
}

/** The origins of the distribution in which `segments` lie. */
function originsAround(whole: unknown, segments: Segments): Readonly<Record<string, unknown>> {
  const distributions = isRecord(whole) ? whole['distributions'] : undefined
  const distribution = isRecord(distributions) ? distributions[String(segments[1])] : undefined
  const origins = isRecord(distribution) ? distribution['origins'] : undefined
  return isRecord(origins) ? origins : {}
}
