import { z } from 'zod'

const scalar = z.union([z.string(), z.number(), z.boolean()])
// A list in a list is what a watermark is.
const value = z.union([
  scalar,
  z.array(z.union([scalar, z.array(scalar)])),
  z.record(z.string(), z.union([scalar, z.array(scalar)])),
])

/** A transformation policy of version 8: what is done to every picture it is named for. */
export const policySchema = z.strictObject({
  transformations: z
    .array(
      z.strictObject({
        transformation: z
          .string()
          .min(1)
          .describe('Type, as in a query: `resize`, `blur`, `format` and so on.'),
        value: value.describe('What would stand in a query; parts as an object: `{ width: 300 }`.'),
        condition: z
          .strictObject({
            field: z.string().min(1).describe('Name of a request header.'),
            value: z.union([z.string(), z.array(z.string())]).describe('Its whole value, or any of several.'),
          })
          .optional()
          .describe('Only where a request header has a value.'),
      }),
    )
    .max(100)
    .default([])
    .describe('In order. What the query says of the same type replaces it.'),
  outputs: z
    .strictObject({
      format: z
        .literal('auto')
        .optional()
        .describe('The first of WebP, AVIF, JPEG, PNG, TIFF, GIF that Accept names.'),
      quality: z
        .array(z.union([z.number(), z.tuple([z.number(), z.number(), z.number()])]))
        .min(1)
        .optional()
        .describe('Quality, then `[from, to, quality]` for device pixel ratios (Sec-CH-DPR).'),
      autosize: z
        .array(z.number().int().min(1).max(4_000))
        .min(1)
        .optional()
        .describe('Widths: the first that is larger than the viewport (Sec-CH-Viewport-Width) is taken.'),
    })
    .prefault({})
    .describe('What depends on the viewer.'),
})

export type Policy = z.output<typeof policySchema>
