import { randomUUID, sign } from 'node:crypto'
import { generate } from 'selfsigned'

export interface SnsSender {
  readonly topicArn: string
  readonly certificateUrl: string
  /** What lies at that URL. */
  readonly certificate: string
  /** The text of a message as Amazon SNS posts it; members that are given replace those of a genuine one, and are signed. */
  notification(message: string, more?: Message, version?: '1' | '2'): string
  confirmation(more?: Message): string
}

export type Message = Readonly<Record<string, string>>

const DAY_MS = 86_400_000

/** Amazon SNS as an https endpoint sees it, with a key of its own. */
export async function snsSender(
  now: () => number,
  {
    topicArn = 'arn:aws:sns:us-east-1:806199016981:AmazonIpSpaceChanged',
    host = 'sns.us-east-1.amazonaws.com',
  } = {},
): Promise<SnsSender> {
  const made = await generate([{ name: 'commonName', value: 'sns.amazonaws.com' }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(now() - DAY_MS),
    notAfterDate: new Date(now() + 30 * DAY_MS),
  })
  const certificateUrl = `https://${host}/SimpleNotificationService-${randomUUID().replaceAll('-', '')}.pem`
  const common = (): Message => ({
    MessageId: randomUUID(),
    TopicArn: topicArn,
    Timestamp: new Date(now()).toISOString(),
    SigningCertURL: certificateUrl,
  })

  function signed(message: Message, keys: readonly string[], version: '1' | '2'): string {
    const text = keys.map((key) => (message[key] === undefined ? '' : `${key}\n${message[key]}\n`)).join('')
    const Signature = sign(
      version === '1' ? 'RSA-SHA1' : 'RSA-SHA256',
      Buffer.from(text),
      made.private,
    ).toString('base64')
    return JSON.stringify({ ...message, SignatureVersion: version, Signature })
  }

  return {
    topicArn,
    certificateUrl,
    certificate: made.cert,
    notification: (message, more = {}, version = '2') =>
      signed(
        { Type: 'Notification', ...common(), Message: message, ...more },
        ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
        version,
      ),
    confirmation(more = {}) {
      const Token = randomUUID()
      const SubscribeURL = `https://${host}/?Action=ConfirmSubscription&TopicArn=${topicArn}&Token=${Token}`
      return signed(
        {
          Type: 'SubscriptionConfirmation',
          ...common(),
          Message: 'You have chosen to subscribe',
          Token,
          SubscribeURL,
          ...more,
        },
        ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
        '2',
      )
    },
  }
}

export interface Forgery {
  readonly name: string
  readonly body: string
  /** What the refusal says. */
  readonly says: RegExp
}

/** Messages that must not be believed: forged, replayed and tampered ones. `heard` was accepted before. */
export async function forgeries(
  sender: SnsSender,
  heard: string,
  now: () => number,
): Promise<readonly Forgery[]> {
  const stranger = await snsSender(now)
  const change = JSON.stringify({
    url: 'https://ip-ranges.amazonaws.com/ip-ranges.json',
    md5: 'f'.repeat(32),
  })
  const genuine = (): Message => JSON.parse(sender.notification(change)) as Message // texts only
  const altered = (more: Message): string => JSON.stringify({ ...genuine(), ...more })
  const { Signature: _, ...unsigned } = genuine()
  return [
    { name: 'heard before', body: heard, says: /was heard before/ },
    {
      name: 'signed by a key that is not that of the certificate',
      body: stranger.notification(change, { SigningCertURL: sender.certificateUrl }),
      says: /signature does not fit/,
    },
    {
      name: 'the message changed',
      body: altered({ Message: change.replaceAll('f', 'e') }),
      says: /signature does not fit/,
    },
    {
      name: 'a new id under an old signature',
      body: altered({ MessageId: randomUUID() }),
      says: /signature does not fit/,
    },
    { name: 'a subject added', body: altered({ Subject: 'changed' }), says: /signature does not fit/ },
    {
      name: 'signature version changed',
      body: altered({ SignatureVersion: '1' }),
      says: /signature does not fit/,
    },
    {
      name: 'without a signature',
      body: JSON.stringify(unsigned),
      says: /no message of Amazon SNS: Signature/,
    },
    {
      name: 'a certificate of another host',
      body: sender.notification(change, {
        SigningCertURL: 'https://sns.us-east-1.amazonaws.com.evil.test/a.pem',
      }),
      says: /SigningCertURL does not lead to/,
    },
    {
      name: 'a certificate without TLS',
      body: sender.notification(change, { SigningCertURL: sender.certificateUrl.replace('https:', 'http:') }),
      says: /SigningCertURL does not lead to/,
    },
    {
      name: 'a host in the user part',
      body: sender.notification(change, {
        SigningCertURL: 'https://sns.us-east-1.amazonaws.com@evil.test/a.pem',
      }),
      says: /SigningCertURL does not lead to/,
    },
    {
      name: 'of another topic of the same service',
      body: sender.notification(change, {
        TopicArn: 'arn:aws:sns:us-east-1:111122223333:AmazonIpSpaceChanged',
      }),
      says: /of the topic arn:aws:sns:us-east-1:111122223333/,
    },
    {
      name: 'older than an hour',
      body: sender.notification(change, { Timestamp: new Date(now() - 3_601_000).toISOString() }),
      says: /too long ago/,
    },
    {
      name: 'of the future',
      body: sender.notification(change, { Timestamp: new Date(now() + 600_000).toISOString() }),
      says: /still to come/,
    },
    {
      name: 'a confirmation that leads elsewhere',
      body: sender.confirmation({ SubscribeURL: 'https://evil.test/?Action=ConfirmSubscription' }),
      says: /SubscribeURL does not lead to/,
    },
    {
      name: 'a confirmation that ends the subscription',
      body: sender.confirmation({
        SubscribeURL: `https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&TopicArn=${sender.topicArn}`,
      }),
      says: /does not confirm this subscription/,
    },
    { name: 'no JSON', body: 'MessageId=1', says: /not JSON/ },
  ]
}
