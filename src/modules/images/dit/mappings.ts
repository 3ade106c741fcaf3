import { z } from 'zod'

const MAX_LEVELS = 10

/** A mapping of version 8: which source, and which policy, requests by a host or below a path go to. */
export const mappingSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe(
      'Host that viewers ask: `img.example.com`, or `*.example.com`, where `*` is exactly one label. Goes before every `path`.',
    ),
  path: z
    .string()
    .regex(/^\//, 'a path begins with /')
    .optional()
    .describe(
      'Beginning of the path, by whole segments: `/shop`, `/shop/*/small`, where `*` is exactly one segment. The deepest wins, and at one depth the one without `*`.',
    ),
  source: z.string().min(1).describe('Name of one of the `sources`.'),
  policy: z.string().min(1).optional().describe('The policy of these requests, unless they name another.'),
})

export type Mapping = z.output<typeof mappingSchema>

interface Pattern {
  readonly parts: readonly string[]
  readonly hasWildcard: boolean
  readonly mapping: Mapping
}

/** Gives the mapping for a host (without a port) and a path, or undefined. */
export type FindMapping = (host: string, path: string) => Mapping | undefined

/** Sorted once, so that the first pattern that fits is the right one. */
export function compileMappings(mappings: readonly Mapping[]): FindMapping {
  const hosts = patterns(mappings, ({ host }) => host?.toLowerCase().split('.'))
  const paths = patterns(mappings, ({ path }) => (path === undefined ? undefined : segmentsOf(path)))
  return (host, path) => {
    const labels = host.toLowerCase().split('.')
    const found = hosts.find(({ parts }) => parts.length === labels.length && fits(parts, labels))
    if (found !== undefined) return found.mapping
    const segments = segmentsOf(path)
    return paths.find(({ parts }) => fits(parts, segments))?.mapping
  }
}

/** Why a mapping could never be found, or undefined. */
export function describeMappingProblem({
  host,
  path,
}: {
  host?: unknown
  path?: unknown
}): string | undefined {
  if ((host === undefined) === (path === undefined)) return 'needs a host or a path, and not both'
  if (typeof path === 'string' && path.split('/').filter((part) => part !== '').length > MAX_LEVELS)
    return `has a path of more than ${MAX_LEVELS} levels`
  const text = typeof host === 'string' ? host.split('.') : typeof path === 'string' ? path.split('/') : []
  return text.some((part) => part.includes('*') && part !== '*')
    ? 'has a `*` beside other characters: it stands for a whole label or segment'
    : undefined
}

/** Deeper ones first, and of one depth those without a wildcard. */
function patterns(
  mappings: readonly Mapping[],
  partsOf: (mapping: Mapping) => readonly string[] | undefined,
): readonly Pattern[] {
  return mappings
    .flatMap((mapping) => {
      const parts = partsOf(mapping)
      return parts === undefined ? [] : [{ parts, hasWildcard: parts.includes('*'), mapping }]
    })
    .sort((a, b) => b.parts.length - a.parts.length || Number(a.hasWildcard) - Number(b.hasWildcard))
}

function fits(parts: readonly string[], asked: readonly string[]): boolean {
  return parts.length <= asked.length && parts.every((part, index) => part === '*' || part === asked[index])
}

function segmentsOf(path: string): readonly string[] {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .slice(0, MAX_LEVELS)
}
