import { z } from 'zod'

/** What a message about uploads says. */
export type Heard =
  /** S3 asks whether anybody listens. */
  | { readonly kind: 'test' }
  /** Objects that were made or removed; none where a message tells of other things. */
  | { readonly kind: 'changed'; readonly objects: readonly ChangedObject[] }
  | { readonly kind: 'unknown'; readonly why: string }

export interface ChangedObject {
  readonly is: 'created' | 'removed'
  /** Undefined where the sender does not say. */
  readonly bucket: string | undefined
  readonly key: string
}

const recordsSchema = z.object({
  Records: z
    .array(
      z.object({
        eventSource: z.string().optional(),
        eventName: z.string(),
        s3: z
          .object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) })
          .optional(),
      }),
    )
    .max(10_000),
})
const wrappedSchema = z.object({ Type: z.literal('Notification'), Message: z.string() })
const objectChangedSchema = z.object({
  'detail-type': z.enum(['Object Created', 'Object Deleted']),
  source: z.literal('aws.s3'),
  detail: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) }),
})
const otherDetailSchema = z.object({ 'detail-type': z.string(), source: z.literal('aws.s3') })
const uploadCompleteSchema = z.object({
  'detail-type': z.literal('uploadComplete'),
  detail: z.object({ bucket: z.string().optional(), key: z.string().min(1) }),
})
const plainSchema = z.strictObject({ bucket: z.string().optional(), key: z.string().min(1) })

/**
 * Reads an event notification of S3 (bare, or wrapped by SNS), an event of EventBridge, or `uploadComplete` of an
 * application: `{ "detail-type": "uploadComplete", "detail": { "bucket", "key" } }`, or only `{ "bucket", "key" }`.
 */
export function readEvents(text: string): Heard {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { kind: 'unknown', why: 'it is not JSON' }
  }
  return readEvent(json, true)
}

function readEvent(json: unknown, mayBeWrapped: boolean): Heard {
  // "Configuring event notifications" of the Amazon S3 User Guide: sent once, when the configuration is made.
  if (typeof json === 'object' && json !== null && 'Event' in json && json.Event === 's3:TestEvent')
    return { kind: 'test' }
  const records = recordsSchema.safeParse(json)
  if (records.success) return fromRecords(records.data)
  const wrapped = wrappedSchema.safeParse(json)
  if (wrapped.success && mayBeWrapped) {
    try {
      return readEvent(JSON.parse(wrapped.data.Message), false)
    } catch {
      return { kind: 'unknown', why: 'the message that SNS wrapped is not JSON' }
    }
  }
  const changed = objectChangedSchema.safeParse(json)
  if (changed.success) {
    // Keys of EventBridge are as they are ("Amazon S3 event structure" for EventBridge).
    const { bucket, object } = changed.data.detail
    const is = changed.data['detail-type'] === 'Object Created' ? 'created' : 'removed'
    return { kind: 'changed', objects: [{ is, bucket: bucket.name, key: object.key }] }
  }
  if (otherDetailSchema.safeParse(json).success) return { kind: 'changed', objects: [] }
  const complete = uploadCompleteSchema.safeParse(json)
  if (complete.success) return { kind: 'changed', objects: [objectOf(complete.data.detail)] }
  const plain = plainSchema.safeParse(json)
  if (plain.success) return { kind: 'changed', objects: [objectOf(plain.data)] }
  return { kind: 'unknown', why: 'it is no event of S3, EventBridge or uploadComplete' }
}

function fromRecords({ Records }: z.output<typeof recordsSchema>): Heard {
  const objects: ChangedObject[] = []
  for (const { eventName, s3 } of Records) {
    const is = CHANGES[/^(?:s3:)?(\w+):/.exec(eventName)?.[1] ?? '']
    if (s3 === undefined || is === undefined) continue
    const key = decodeKey(s3.object.key)
    if (key === undefined) return { kind: 'unknown', why: `the key ${s3.object.key} is not URL-encoded` }
    objects.push({ is, bucket: s3.bucket.name, key })
  }
  return { kind: 'changed', objects }
}

/** By the first part of the type of an event ("Supported event types for SQS, SNS, and Lambda" of the same guide). */
const CHANGES: Readonly<Record<string, ChangedObject['is'] | undefined>> = {
  ObjectCreated: 'created',
  ObjectRemoved: 'removed',
  LifecycleExpiration: 'removed',
}

/** Keys in notifications are URL-encoded as forms are ("Event message structure" of the Amazon S3 User Guide). */
function decodeKey(key: string): string | undefined {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

function objectOf({
  bucket,
  key,
}: {
  readonly bucket?: string | undefined
  readonly key: string
}): ChangedObject {
  return { is: 'created', bucket, key }
}
