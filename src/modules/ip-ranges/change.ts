import { z } from 'zod'
import { SnsRefusal } from '../../aws/sns.ts'

/** AWS's own topic for changes of ip-ranges.json (Amazon VPC User Guide, "AWS IP address ranges notifications"). */
export const AWS_TOPIC = 'arn:aws:sns:us-east-1:806199016981:AmazonIpSpaceChanged'

/** What AWS's topic says in its messages. */
const changeSchema = z.object({
  url: z.string(),
  md5: z.string().regex(/^[0-9a-f]{32}$/i),
  synctoken: z.string().optional(),
})

/** The md5 of the new document, out of a notification. */
export function readChange(message: string): { readonly url: string; readonly md5: string } {
  try {
    const { url, md5 } = changeSchema.parse(JSON.parse(message))
    return { url, md5: md5.toLowerCase() }
  } catch (error) {
    throw new SnsRefusal('it does not tell the url and the md5 of a document', { cause: error })
  }
}
