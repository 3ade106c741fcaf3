import { z } from 'zod'
import { mappingSchema } from './dit/mappings.ts'
import { policySchema } from './dit/policy.ts'
import { optimiseSchema } from './watch/config.ts'

const MIB = 1_048_576
const bytes = z.number().int().min(1)

/** What `variants` is where it does not say otherwise. */
export const DEFAULT_VARIANTS = { objects: 'image-variants', maxBytes: 1_024 * MIB } as const

/** `images` at the top of a configuration: the processes that do the pixel work, shared by all behaviors. */
export const imageEngineSchema = z
  .strictObject({
    processes: z
      .number()
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Processes that decode and encode, one picture at a time each. As many as there are processor cores, divided by the `processes` of the edge.',
      ),
    maxMemoryBytes: bytes
      .min(128 * MIB)
      .default(512 * MIB)
      .describe(
        'Memory of one such process; the request that needs more is answered 413. Where a behavior has `slowFormats: background` there is one more process, of the same bound, for all `processes` of the edge together.',
      ),
    timeoutSeconds: z
      .number()
      .min(1)
      .max(600)
      .default(29)
      .describe('Longest time for one picture; then its process is ended and the answer is 503.'),
    queue: z
      .strictObject({
        size: z
          .number()
          .int()
          .min(0)
          .max(100_000)
          .default(500)
          .describe('Requests that may wait; more are answered 503.'),
        perClient: z
          .number()
          .int()
          .min(0)
          .max(100_000)
          .default(250)
          .describe('Requests of one client address that may wait; more are answered 429.'),
        maxWaitSeconds: z
          .number()
          .min(1)
          .max(600)
          .default(30)
          .describe('Longest wait; then the answer is 503.'),
      })
      .prefault({})
      .describe('Requests that wait for a process. Refusals carry Retry-After.'),
    sourceCache: z
      .strictObject({
        maxBytes: z
          .number()
          .int()
          .min(0)
          .default(32 * MIB)
          .describe(
            'Bytes of all originals that are kept; 0 keeps none. A quarter is the most that one may have.',
          ),
        unsaidSeconds: z
          .number()
          .min(0)
          .max(86_400)
          .optional()
          .describe(
            'How long an original is used without asking whose source says nothing of it. A second, and 0 where the cache policy of the behavior keeps no answers of that kind.',
          ),
      })
      .prefault({})
      .describe(
        'Originals are kept in the memory of each process of the edge for their next variant, as long as their Cache-Control or Expires lets a shared cache keep them, and then asked about with their validators. An invalidation forgets them.',
      ),
    optimise: optimiseSchema.optional(),
  })
  .describe('The image engine: processes, memory and queue, for all behaviors with `images` together.')

const originPath = z
  .string()
  .min(1)
  .optional()
  .describe(
    'For `dit`: folder that is put between the folders of a request and its file, as the originPath of version 8.',
  )

const source = z.union([
  z.strictObject({
    origin: z.string().min(1).describe('Name of an origin of the distribution.'),
    prefix: z
      .string()
      .default('')
      .describe('Folder in the origin under which keys lie, for example `public/`.'),
    originPath,
  }),
  z.strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .describe(
        'Address under which keys lie, for example `https://images.example.com/`. Addresses of private networks are refused, redirects to them too.',
      ),
    allowAddresses: z
      .array(z.string())
      .default([])
      .describe('Private addresses or ranges that are allowed nevertheless.'),
    originPath,
  }),
])

/** `images` of a behavior: pictures of its origin are transformed as the URL says. */
export const imagesSchema = z
  .strictObject({
    dialect: z
      .enum(['sih', 'dit', 'edge'])
      .describe(
        "How URLs are read. `sih`: as AWS's Serverless Image Handler 7 (Dynamic Image Transformation) reads them. `dit`: the query parameters and policies of its version 8. `edge`: readable parameters, `/photo.jpg?w=400&f=auto`, and presets.",
      ),
    presets: z
      .record(z.string().regex(/^[\w-]+$/, 'a preset is named by letters, digits, _ and -'), z.string())
      .default({})
      .describe(
        "For `edge`: parameters by a name that may stand as the first folder of the path: `{ card: 'w=400&h=300&fit=cover' }` is `/card/photo.jpg`. Only these parameters are served unsigned.",
      ),
    policies: z
      .record(z.string().min(1), policySchema)
      .default({})
      .describe('For `dit`: transformation policies by the name that `policyId` in a query gives.'),
    policy: z.string().min(1).optional().describe('For `dit`: the policy of requests that name none.'),
    maxTransformations: z
      .number()
      .int()
      .min(1)
      .max(100)
      .default(10)
      .describe(
        'For `dit`: transformations of one request, those of the policy first; further ones are passed over. MAX_TRANSFORMATIONS.',
      ),
    mappings: z
      .array(mappingSchema)
      .min(1)
      .optional()
      .describe(
        'For `dit`: which source and policy requests go to, by host or path; what no mapping leads anywhere is 404. Left out: the first source.',
      ),
    originHeader: z
      .string()
      .regex(/^[!#$%&'*+.^_`|~\w-]+$/, 'a name of a header')
      .optional()
      .describe(
        'For `dit`: request header in which a viewer may name a source by its URL, past all mappings; CUSTOM_ORIGIN_HEADER. Others than `sources` are 403.',
      ),
    sources: z
      .record(z.string().min(1), source)
      .optional()
      .describe(
        "Where pictures may come from, by the bucket name in requests; the first is the default. Left out: the behavior's origin, under its own name.",
      ),
    autoFormats: z
      .array(z.enum(['avif', 'webp']))
      .default([])
      .describe('Formats chosen where Accept names them, best first; `["webp"]` is AUTO_WEBP.'),
    rewrite: z
      .strictObject({
        match: z
          .string()
          .min(1)
          .describe('Regular expression between slashes, with flags: `/(filters-)/gm`.'),
        substitution: z.string().min(1).describe('What takes the place of a match.'),
      })
      .optional()
      .describe('REWRITE_MATCH_PATTERN and REWRITE_SUBSTITUTION: paths are rewritten to Thumbor paths.'),
    signing: z
      .strictObject({
        secret: z
          .string()
          .min(1)
          .describe('Name of the secret; its AWSCURRENT and AWSPREVIOUS values both count.'),
        field: z
          .string()
          .min(1)
          .optional()
          .describe('Field of the secret when its value is JSON, for example `SECRET_KEY`.'),
      })
      .optional()
      .describe(
        'Only signed requests are served (HMAC-SHA256, query parameter `signature`; for `edge` it is `s`, and presets need none).',
      ),
    hints: z
      .strictObject({
        widths: z
          .array(z.number().int().min(1).max(65_535))
          .min(1)
          .default([320, 480, 768, 1024, 1200, 1440, 1920])
          .describe(
            'Widths of `w=auto` in pixels; what the viewer tells is rounded up to one of them, and more than the largest is the largest.',
          ),
        densities: z
          .array(z.number().min(0.1).max(5))
          .min(1)
          .optional()
          .describe('Densities of `dpr=auto`, rounded up to. Left out: tenths, at most 5.'),
        defaultWidth: z
          .number()
          .int()
          .min(1)
          .max(65_535)
          .optional()
          .describe('Width of `w=auto` for viewers that tell none; the largest of `widths` unless given.'),
        saveData: z
          .union([z.number().min(0.1).max(1), z.literal(false)])
          .default(0.7)
          .describe(
            'Where the viewer sends `Save-Data: on`, quality is multiplied by it and `auto` reckons with a density of 1; `false` passes Save-Data over.',
          ),
      })
      .optional()
      .describe(
        'For `edge`: `w=auto` and `dpr=auto` follow the client hints of the viewer (Sec-CH-Width, Sec-CH-Viewport-Width, Sec-CH-DPR), and Save-Data lowers the quality. `{}` takes the defaults.',
      ),
    quality: z
      .literal('auto')
      .optional()
      .describe(
        "`auto`: where a request names no quality, it is chosen for the content of each picture. Left out: the encoder's own number.",
      ),
    corsOrigin: z.string().min(1).optional().describe('Access-Control-Allow-Origin of every answer.'),
    fallback: z
      .strictObject({
        source: z.string().min(1).optional().describe('Name of a source; the first unless given.'),
        key: z.string().min(1).describe('Key of the picture in it.'),
      })
      .optional()
      .describe('Picture shown in the place of an error, with the status of the error.'),
    detector: z
      .strictObject({
        url: z
          .url({ protocol: /^https?$/ })
          .describe('Answers DetectFaces and DetectModerationLabels in the form of Amazon Rekognition.'),
        faces: z.boolean().default(true).describe('It finds faces for smart crops.'),
        moderation: z.boolean().default(true).describe('It finds labels for content moderation.'),
        timeoutSeconds: z.number().min(0.1).max(60).default(5).describe('Longest wait for an answer.'),
        whenUnavailable: z
          .enum(['error', 'attention'])
          .default('error')
          .describe('For faces: answer 500, or crop where attention falls. Moderation is always an error.'),
      })
      .optional()
      .describe(
        'Service for faces and moderation. Without it smart crops go where attention falls, and requests for moderation are answered 501.',
      ),
    metadata: z
      .enum(['keep', 'copyright', 'strip'])
      .default('keep')
      .describe(
        'EXIF, XMP and IPTC of results: all, only copyright and artist, or nothing. A request may ask for less, never for more. Colours become sRGB, but where it is `keep` and the request leaves or asks for the profile (`dit`; `profile=keep` of `edge`).',
      ),
    variants: z
      .strictObject({
        objects: z
          .string()
          .min(1)
          .max(100)
          .default(DEFAULT_VARIANTS.objects)
          .describe('Name of the store of objects; behaviors of one name share what is in it.'),
        maxBytes: bytes
          .min(65_536)
          .default(DEFAULT_VARIANTS.maxBytes)
          .describe(
            'Room for variants in the store, whoever writes them; those not used for longest give way.',
          ),
      })
      .optional()
      .describe(
        'Results are kept in a store of objects, for restarts and other nodes, and served again without decoding while the source is the same.',
      ),
    slowFormats: z
      .enum(['wait', 'background'])
      .default('wait')
      .describe(
        'When Accept asks for AVIF and none is ready: make the viewer wait, or answer the next best format for 10 seconds and make the AVIF in the background.',
      ),
    limits: z
      .strictObject({
        maxSourceBytes: bytes.default(50 * MIB).describe('Bytes of a source; larger ones are answered 413.'),
        maxPixels: z
          .number()
          .int()
          .min(0)
          .default(268_402_689)
          .describe(
            'Pixels of a source, all frames together; more are answered 413. SHARP_SIZE_LIMIT; 0 is no limit.',
          ),
        maxFrames: z
          .number()
          .int()
          .min(1)
          .default(1_000)
          .describe('Frames of an animation; more are answered 413.'),
        maxOutputPixels: z.number().int().min(1).default(100_000_000).describe('Pixels of a result.'),
        maxOutputSide: z
          .number()
          .int()
          .min(1)
          .max(65_535)
          .default(16_383)
          .describe('Width and height of a result.'),
      })
      .prefault({})
      .describe('What a picture may cost; checked before it is decoded.'),
    strict: z
      .boolean()
      .default(false)
      .describe(
        'Keep the quirks of version 7 that are mended otherwise: a crop beyond the picture is 500, `image/jpg`, folders called `100x100` are lost, round crops of JPEG stay JPEG.',
      ),
  })
  .describe('Pictures are transformed on the fly, as the URL says.')

export type ImageEngineConfig = z.output<typeof imageEngineSchema>
export type ImagesConfig = z.output<typeof imagesSchema>
