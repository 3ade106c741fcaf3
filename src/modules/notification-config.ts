import { z } from 'zod'

/** Where a module is notified, as several of them are configured: a path that a distribution answers for it. */
export const notificationPathSchema = z.string().regex(/^\/[^?#\s]*$/, 'a path begins with /')

/** ARN of a topic of Amazon SNS. */
export const topicArnSchema = z
  .string()
  .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/, 'is no ARN of an SNS topic')
