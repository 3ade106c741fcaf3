import { z } from 'zod'
import { notificationPathSchema, topicArnSchema } from '../../notification-config.ts'
import { DEFAULT_FORMATS, DEFAULT_QUALITY, DEFAULT_SIZES, FORMATS } from '../optimise/wish.ts'

const MIB = 1_048_576
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/
const name = z.string().regex(NAME, 'a name begins with a letter and is made of letters, digits and -')
const side = z.number().int().min(1).max(16_383)
const quality = z.number().int().min(1).max(100)
const prefix = z.string().max(512).default('').describe('What the keys begin with, for example `uploads/`.')

const folder = z.strictObject({ folder: z.string().min(1).describe('A folder.') }).describe('A folder.')

const originalsSchema = z.union([
  folder,
  z
    .strictObject({
      objects: z.string().min(1).describe('Name of a store of objects.'),
      prefix,
      bucket: z
        .string()
        .min(1)
        .optional()
        .describe(
          'Name of the bucket in events; those of others are passed over. That of the store when left out; of a folder any.',
        ),
    })
    .describe('A store of objects.'),
])

const resultsSchema = z.union([
  folder,
  z
    .strictObject({ objects: z.string().min(1).describe('Name of a store of objects.'), prefix })
    .describe('A store of objects.'),
])

const sizeSchema = z
  .strictObject({
    width: side.optional().describe('Pixels; follows from the height when left out.'),
    height: side.optional().describe('Pixels; follows from the width when left out.'),
  })
  .refine(
    ({ width, height }) => width !== undefined || height !== undefined,
    'needs a width, a height, or both',
  )

const optimiserSchema = z
  .strictObject({
    from: originalsSchema.describe('Where originals are put.'),
    to: resultsSchema.describe(
      'Where results go: never the place of the originals itself, but it may lie in it.',
    ),
    sizes: z
      .record(z.string().regex(/^[\w-]{1,64}$/, 'a size is named by letters, digits, _ and -'), sizeSchema)
      .refine((sizes) => Object.keys(sizes).length > 0, 'needs at least one size')
      .default(Object.fromEntries(DEFAULT_SIZES.map(({ name: each, ...size }) => [each, size])))
      .describe(
        'What is made of each, by the name that its files get. Both sides together are covered, the middle is kept; nothing is enlarged.',
      ),
    formats: z
      .array(z.enum(FORMATS))
      .min(1)
      .default([...DEFAULT_FORMATS])
      .describe('Formats of each size.'),
    quality: z
      .strictObject({
        avif: quality.default(DEFAULT_QUALITY.avif).describe('Of AVIF.'),
        webp: quality.default(DEFAULT_QUALITY.webp).describe('Of WebP.'),
        jpeg: quality.default(DEFAULT_QUALITY.jpeg).describe('Of JPEG.'),
      })
      .prefault({})
      .describe('Quality by format.'),
    exif: z
      .union([z.boolean(), z.literal('all')])
      .default(false)
      .describe(
        '`true`: NAME-exif.json says what the camera wrote, but neither where nor by whose device. `all`: location and serial numbers too.',
      ),
    deleted: z
      .enum(['keep', 'remove'])
      .default('keep')
      .describe('What becomes of the results of an original that is deleted.'),
    accept: z
      .strictObject({
        minSide: z
          .number()
          .int()
          .min(1)
          .max(65_535)
          .default(1)
          .describe('Pixels each side must have: IMAGE_TOO_SMALL.'),
        types: z
          .array(z.enum(['jpeg', 'png', 'webp', 'avif', 'tiff', 'gif', 'heic']))
          .min(1)
          .optional()
          .describe('Types that are taken, by what the bytes are: UNSUPPORTED_TYPE. All when left out.'),
        moderation: z
          .strictObject({
            url: z
              .url({ protocol: /^https?$/ })
              .describe('Answers DetectModerationLabels in the form of Amazon Rekognition.'),
            minConfidence: z
              .number()
              .min(0)
              .max(100)
              .default(75)
              .describe('Percent from which a label counts.'),
            timeoutSeconds: z.number().min(0.1).max(60).default(5).describe('Longest wait for an answer.'),
          })
          .optional()
          .describe('A picture with any label is refused: FAILED_MODERATION.'),
        people: z
          .boolean()
          .default(true)
          .describe('`false`: a picture in which `detector` finds a person is refused: NO_PEOPLE_ALLOWED.'),
        detector: z
          .strictObject({
            url: z
              .url({ protocol: /^https?$/ })
              .describe('Answers DetectFaces or DetectLabels in the form of Amazon Rekognition.'),
            faces: z.boolean().default(true).describe('It is asked for faces.'),
            labels: z
              .boolean()
              .default(false)
              .describe('It is asked for labels: a person counts also from behind.'),
            minConfidence: z
              .number()
              .min(0)
              .max(100)
              .default(75)
              .describe('Percent from which a face or a label counts.'),
            timeoutSeconds: z.number().min(0.1).max(60).default(5).describe('Longest wait for an answer.'),
          })
          .optional()
          .describe('Service that finds people. Without an answer a picture is tried again, never taken.'),
      })
      .prefault({})
      .describe('Pictures that do not fit are recorded as rejected, and nothing is made of them.'),
    settleSeconds: z
      .number()
      .min(0)
      .max(3_600)
      .default(2)
      .describe('A file in a folder is whole when nothing of it has changed for so long.'),
    scanEverySeconds: z
      .union([
        z
          .number()
          .int()
          .min(1)
          .max(7 * 86_400),
        z.literal(false),
      ])
      .optional()
      .describe(
        'How often everything is looked through, for what no event told of: 60 for a folder, 3600 for objects. `false`: never, also not at the start.',
      ),
    queue: z
      .strictObject({
        url: z.url({ protocol: /^https?$/ }).describe('URL of the queue.'),
        region: z
          .string()
          .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
          .optional()
          .describe('Region of AWS; that of the environment when left out.'),
        endpoint: z
          .url({ protocol: /^https?$/ })
          .optional()
          .describe('Address of the service, where it is not the one of AWS.'),
        visibilitySeconds: z
          .number()
          .int()
          .min(2)
          .max(43_200)
          .default(60)
          .describe(
            'How soon others get a message of an edge that is gone. It is prolonged while work goes on.',
          ),
      })
      .optional()
      .describe('An SQS queue that gets the event notifications of the bucket.'),
    notifications: z
      .strictObject({
        distribution: z.string().min(1).describe('Distribution that answers the path.'),
        path: notificationPathSchema.describe('Path to which events are posted.'),
        topicArn: topicArnSchema
          .optional()
          .describe('Messages of this topic of Amazon SNS are believed when their signature is right.'),
        secret: z
          .string()
          .min(1)
          .optional()
          .describe(
            'Name of a secret: who sends it as `Authorization: Bearer …` or `x-api-key: …` is believed.',
          ),
        field: z.string().min(1).optional().describe('Field of the secret when its value is JSON.'),
      })
      .optional()
      .describe(
        'A path for events: of S3 by Amazon SNS, of EventBridge, or `uploadComplete` of an application.',
      ),
    retry: z
      .strictObject({
        attempts: z
          .number()
          .int()
          .min(1)
          .max(100)
          .default(8)
          .describe('Tries in all; then it is recorded as failed.'),
        firstSeconds: z
          .number()
          .min(0.01)
          .max(3_600)
          .default(5)
          .describe('Wait before the second; each later one is three times as long.'),
        maxSeconds: z.number().min(0.01).max(86_400).default(3_600).describe('Longest wait.'),
      })
      .prefault({})
      .describe('For what may go away by itself. A picture that cannot be read is not tried again.'),
    processes: z
      .number()
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Processes at work, behind those that work for viewers; as many as there are processor cores.',
      ),
    limits: z
      .strictObject({
        maxSourceBytes: z
          .number()
          .int()
          .min(1)
          .default(50 * MIB)
          .describe('Bytes of an original.'),
        maxPixels: z.number().int().min(1).default(268_402_689).describe('Pixels of an original.'),
      })
      .prefault({})
      .describe('What an original may cost.'),
  })
  .describe('An upload optimiser.')

/** `images.optimise` at the top of a configuration. */
export const optimiseSchema = z
  .record(name, optimiserSchema)
  .describe(
    'Upload optimisers by a name of yours: small derivatives of every picture that is put into a place.',
  )

export type OptimiserConfig = z.output<typeof optimiserSchema>
export type OptimiseConfig = z.output<typeof optimiseSchema>
export type PlaceConfig = OptimiserConfig['from'] | OptimiserConfig['to']
