import type { Outputs, Policy } from './policy.ts'
import { nameOf, type Transformation } from './transformations.ts'
import type { Value } from './value.ts'
import { acceptedFormat, breakpoint, density, type Look, viewportWidth } from './viewer.ts'

/** Where the size of `outputs` stands: beside the one of `transformations`, which counts for pictures that are narrower. */
export const AUTOSIZE = 'autosize'

/**
 * What is to be done, by type: transformations of the policy, then its outputs, then those of the query that are left. The query
 * replaces its types where they stand; of two of one type the later counts. What is replaced is not looked at.
 */
export function merge(
  policy: Policy | undefined,
  asked: readonly Transformation[],
  look: Look,
): ReadonlyMap<string, Transformation> {
  const own = new Map(asked.map((each) => [each.type, each]))
  const chosen = new Map<string, Transformation>()
  for (const each of policy?.transformations ?? []) {
    const type = nameOf(each.type)
    const replacing = own.get(type)
    if (replacing !== undefined) chosen.set(type, replacing)
    else if (holds(each.condition, look)) chosen.set(type, { type, value: each.value, from: each.from })
  }
  for (const [key, type] of OUTPUTS) {
    const value = own.has(type) ? undefined : outputValue(policy?.outputs ?? {}, key, look)
    if (value !== undefined)
      chosen.set(key === AUTOSIZE ? key : type, { type, value, from: `policy outputs ${key}` })
  }
  for (const each of asked) chosen.set(each.type, each)
  return chosen
}

const OUTPUTS = [
  ['format', 'format'],
  ['quality', 'quality'],
  [AUTOSIZE, 'resize'],
] as const

/** What `outputs` make of what the viewer tells; undefined where they have nothing to say. */
function outputValue(outputs: Outputs, key: keyof Outputs, look: Look): Value | undefined {
  switch (key) {
    case 'format':
      return outputs.format === 'auto' ? acceptedFormat(look) : outputs.format
    case 'quality':
      return outputs.quality && qualityOf(outputs.quality, look)
    case 'autosize': {
      const width = outputs.autosize && breakpoint(outputs.autosize, viewportWidth(look))
      return width === undefined ? undefined : { width, withoutEnlargement: true }
    }
  }
}

function holds(condition: Policy['transformations'][number]['condition'], look: Look): boolean {
  if (condition === undefined) return true
  const said = look(condition.field)
  return said !== undefined && condition.values.has(said)
}

/** The first range that holds the density, whose upper end is not in it, so that ranges may follow on one another. */
function qualityOf([usual, ...ranges]: NonNullable<Outputs['quality']>, look: Look): number {
  if (ranges.length === 0) return usual
  const dpr = density(look)
  return ranges.find(([from, below]) => dpr !== undefined && dpr >= from && dpr < below)?.[2] ?? usual
}
