import { z } from 'zod'
import { FORMATS, type Transformation, type Value } from './transformations.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()])
// A list in a list is what a watermark is; null in it is an offset or a share that is left out.
const value = z.union([
  scalar,
  z.array(z.union([scalar, z.array(z.union([scalar, z.null()]))])),
  z.record(z.string(), z.union([scalar, z.array(scalar)])),
])

const quality = z.number().int().min(1).max(100)
const density = z.number().min(0)

/** What each type of `outputs` may be. */
const outputs = {
  format: z
    .enum(['auto', ...FORMATS])
    .describe('`auto`: the first of WebP, AVIF, JPEG, PNG, TIFF, raw, GIF that Accept names. Or one format.'),
  quality: z
    .tuple([quality], z.tuple([density, density, quality]))
    .describe(
      'Quality, then `[from, below, quality]` for device pixel ratios (Sec-CH-DPR): the first range that holds the viewer’s counts.',
    ),
  autosize: z
    .array(z.number().int().min(1).max(65_535))
    .min(1)
    .describe(
      'Widths: the first that is larger than the viewport (Sec-CH-Viewport-Width) is taken, else the largest; none for a narrower source.',
    ),
}

/** One transformation of a policy. */
export const transformationSchema = z.strictObject({
  transformation: z.string().min(1).describe('Type, as in a query: `resize`, `blur`, `format` and so on.'),
  value: value.describe('What would stand in a query; parts as an object: `{ width: 300 }`.'),
  condition: z
    .strictObject({
      field: z
        .string()
        .regex(/^[!#$%&'*+.^_`|~\w-]+$/, 'a name of a header')
        .describe('Name of a request header.'),
      value: z
        .union([z.string(), z.number(), z.array(z.union([z.string(), z.number()])).min(1)])
        .describe('Its whole value, or any of several. A number is its text.'),
    })
    .optional()
    .describe('Only where a request header has a value.'),
})

/** A transformation policy of version 8: what is done to every picture it is named for. */
export const policySchema = z.strictObject({
  transformations: z
    .array(transformationSchema)
    .min(1)
    .max(100)
    .optional()
    .describe(
      'In order. What the query says of the same type replaces it; of two of one type the later counts.',
    ),
  outputs: z
    .union([
      z.strictObject({
        format: outputs.format.optional(),
        quality: outputs.quality.optional(),
        autosize: outputs.autosize.optional(),
      }),
      z.array(
        z.union([
          z.strictObject({
            type: z.literal('format').describe('Which of the outputs it is.'),
            value: outputs.format,
          }),
          z.strictObject({
            type: z.literal('quality').describe('Which of the outputs it is.'),
            value: outputs.quality,
          }),
          z.strictObject({
            type: z.literal('autosize').describe('Which of the outputs it is.'),
            value: outputs.autosize,
          }),
        ]),
      ),
    ])
    .optional()
    .describe(
      'What depends on the viewer; it goes before `transformations` of the same type. As an object, or as version 8 writes it: a list of `{ type, value }`, each type once.',
    ),
})

export type PolicyConfig = z.output<typeof policySchema>

/** A policy as requests go by it. */
export interface Policy {
  readonly transformations: readonly ConditionalTransformation[]
  readonly outputs: Outputs
}

export interface ConditionalTransformation extends Transformation {
  readonly condition: { readonly field: string; readonly values: ReadonlySet<string> } | undefined
}

export interface Outputs {
  readonly format?: z.output<typeof outputs.format> | undefined
  readonly quality?: z.output<typeof outputs.quality> | undefined
  readonly autosize?: z.output<typeof outputs.autosize> | undefined
}

/** JSON of a policy is not longer: it stands in one item of a table there. */
const MAX_CHARACTERS = 10_000

export function compilePolicy({ transformations = [], outputs = {} }: PolicyConfig): Policy {
  return {
    transformations: transformations.map(({ transformation, value, condition }) => ({
      type: transformation,
      value: value as Value,
      from: 'policy',
      condition: condition && { field: condition.field, values: new Set(textsOf(condition.value)) },
    })),
    outputs: outputsOf(outputs),
  }
}

function outputsOf(config: NonNullable<PolicyConfig['outputs']>): Outputs {
  if (!Array.isArray(config)) return config
  return Object.fromEntries(config.map(({ type, value }) => [type, value]))
}

/** Headers are text, so a number is compared as its text. */
function textsOf(value: string | number | readonly (string | number)[]): readonly string[] {
  return (typeof value === 'object' ? value : [value]).map(String)
}

/** What is wrong with a policy as a whole, each at its place in it. */
export function describePolicyProblems(policy: PolicyConfig): readonly {
  readonly place: readonly (string | number)[]
  readonly problem: string
  readonly expected: string
}[] {
  const found = []
  const { transformations, outputs } = policy
  const { length } = JSON.stringify(policy)
  if (length > MAX_CHARACTERS)
    found.push({
      place: [],
      problem: `has ${length} characters as JSON`,
      expected: `at most ${MAX_CHARACTERS} characters`,
    })
  const compiled = outputsOf(outputs ?? {})
  if (transformations === undefined && Object.keys(compiled).length === 0)
    found.push({ place: [], problem: 'does nothing', expected: 'transformations or outputs' })
  const types = Array.isArray(outputs) ? outputs.map(({ type }) => type) : []
  types.forEach((type, index) => {
    if (types.indexOf(type) < index)
      found.push({ place: ['outputs', index], problem: `${type} stands twice`, expected: 'each type once' })
  })
  const [, ...ranges] = compiled.quality ?? []
  const place = Array.isArray(outputs)
    ? ['outputs', types.indexOf('quality'), 'value']
    : ['outputs', 'quality']
  ranges.forEach(([from, below], index) => {
    if (from >= below)
      found.push({
        place: [...place, index + 1],
        problem: `is a range from ${from} to below ${below}, which holds no density`,
        expected: '[from, below, quality] with from less than below',
      })
  })
  return found
}
