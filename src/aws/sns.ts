import { verify, X509Certificate } from 'node:crypto'
import { z } from 'zod'

/** How old a message may be. SNS repeats a delivery for less than that. */
const MAX_AGE_MS = 60 * 60 * 1000
/** A clock that runs ahead of ours. */
const MAX_AHEAD_MS = 5 * 60 * 1000
const MAX_CERTIFICATES = 8

const common = {
  MessageId: z.string().min(1).max(200),
  TopicArn: z.string().min(1),
  Message: z.string(),
  Timestamp: z.iso.datetime(),
  SignatureVersion: z.enum(['1', '2']),
  Signature: z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/),
  SigningCertURL: z.string(),
}
const messageSchema = z.discriminatedUnion('Type', [
  z.object({ Type: z.literal('Notification'), Subject: z.string().optional(), ...common }),
  z.object({
    Type: z.literal('SubscriptionConfirmation'),
    Token: z.string(),
    SubscribeURL: z.string(),
    ...common,
  }),
  z.object({
    Type: z.literal('UnsubscribeConfirmation'),
    Token: z.string(),
    SubscribeURL: z.string(),
    ...common,
  }),
])
export type SnsMessage = z.output<typeof messageSchema>

/** A message that is not believed; the text says why, for operators. */
export class SnsRefusal extends Error {
  override readonly name = 'SnsRefusal'
}

/** Which messages were heard already: one memory for all processes, which outlives them. */
export interface Heard {
  /** False when it was heard before. */
  add(id: string, now: number): Promise<boolean>
  forget(id: string): Promise<void>
}

export interface SnsVerifierOptions {
  readonly topicArn: string
  readonly now: () => number
  /** Gives the text at an https URL of Amazon SNS. */
  readonly fetchText: (url: string) => Promise<string>
  readonly heard: Heard
}

export interface SnsVerifier {
  /**
   * Reads a message and proves that Amazon SNS sent it, for this topic, lately, and that it was not heard before.
   * Rejects with SnsRefusal. `forget` is called when it could not be acted upon and may come again.
   */
  verify(body: string): Promise<{ readonly message: SnsMessage; readonly forget: () => Promise<void> }>
}

/** Verifies messages as the Amazon SNS Developer Guide says ("Verifying the signatures of Amazon SNS messages"). */
export function createSnsVerifier({ topicArn, now, fetchText, heard }: SnsVerifierOptions): SnsVerifier {
  const certificates = new Map<string, X509Certificate>()

  async function certificateAt(url: string): Promise<X509Certificate> {
    const known = certificates.get(url)
    if (known !== undefined) return known
    const text = await fetchText(url)
    let certificate: X509Certificate
    try {
      certificate = new X509Certificate(text)
    } catch (error) {
      throw new SnsRefusal(`what ${url} gives is no certificate`, { cause: error })
    }
    if (certificates.size >= MAX_CERTIFICATES) certificates.clear()
    certificates.set(url, certificate)
    return certificate
  }

  return {
    async verify(body) {
      const message = parseMessage(body)
      if (message.TopicArn !== topicArn) throw new SnsRefusal(`it is of the topic ${message.TopicArn}`)
      const sentAt = Date.parse(message.Timestamp)
      if (sentAt < now() - MAX_AGE_MS)
        throw new SnsRefusal(`it is of ${message.Timestamp}, which is too long ago`)
      if (sentAt > now() + MAX_AHEAD_MS)
        throw new SnsRefusal(`it is of ${message.Timestamp}, which is still to come`)
      checkSnsUrl(message.SigningCertURL, topicArn, 'SigningCertURL')
      if (!new URL(message.SigningCertURL).pathname.endsWith('.pem'))
        throw new SnsRefusal('SigningCertURL is no .pem file')
      const certificate = await certificateAt(message.SigningCertURL)
      if (now() < certificate.validFromDate.getTime() || now() > certificate.validToDate.getTime())
        throw new SnsRefusal(
          `the certificate is valid from ${certificate.validFrom} to ${certificate.validTo}`,
        )
      if (certificate.publicKey.asymmetricKeyType !== 'rsa')
        throw new SnsRefusal('the certificate holds no RSA key')
      const isGenuine = verify(
        message.SignatureVersion === '1' ? 'sha1' : 'sha256',
        Buffer.from(signedText(message)),
        certificate.publicKey,
        Buffer.from(message.Signature, 'base64'),
      )
      if (!isGenuine) throw new SnsRefusal('the signature does not fit')
      if (message.Type !== 'Notification') checkConfirmation(message.SubscribeURL, topicArn, message.Token)
      // Last, so that nobody but Amazon SNS fills the memory.
      if (!(await heard.add(message.MessageId, now())))
        throw new SnsRefusal(`the message ${message.MessageId} was heard before`)
      return { message, forget: () => heard.forget(message.MessageId) }
    },
  }
}

function parseMessage(body: string): SnsMessage {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (error) {
    throw new SnsRefusal('it is not JSON', { cause: error })
  }
  const parsed = messageSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new SnsRefusal(`it is no message of Amazon SNS: ${issue!.path.join('.')}: ${issue!.message}`)
}

/** The text that is signed: certain keys and their values, each on a line, in the order of the alphabet. */
export function signedText(message: SnsMessage): string {
  const keys =
    message.Type === 'Notification'
      ? (['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const)
      : (['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'] as const)
  return keys
    .map((key) => {
      const value: unknown = Reflect.get(message, key)
      return typeof value === 'string' ? `${key}\n${value}\n` : ''
    })
    .join('')
}

/** Only the SNS endpoint of the topic's own Region is believed: what it serves over TLS is Amazon's. */
function checkSnsUrl(text: string, topicArn: string, what: string): void {
  const url = URL.parse(text)
  const [, partition, , region] = topicArn.split(':')
  const host = `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`
  if (url?.protocol !== 'https:' || url.host !== host || url.username !== '' || url.password !== '')
    throw new SnsRefusal(`${what} does not lead to https://${host}/`)
}

function checkConfirmation(text: string, topicArn: string, token: string): void {
  checkSnsUrl(text, topicArn, 'SubscribeURL')
  const { searchParams } = new URL(text)
  if (
    searchParams.get('Action') !== 'ConfirmSubscription' ||
    searchParams.get('TopicArn') !== topicArn ||
    searchParams.get('Token') !== token
  )
    throw new SnsRefusal('SubscribeURL does not confirm this subscription')
}
