import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forgeries, type SnsSender, snsSender } from '../../test/support/aws/sns.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { createSnsVerifier, type Heard, SnsRefusal } from './sns.ts'

const CHANGE = JSON.stringify({ url: 'https://ip-ranges.amazonaws.com/ip-ranges.json', md5: 'a'.repeat(32) })

function memory(): Heard {
  const ids = new Set<string>()
  return {
    add: (id) => {
      const isNew = !ids.has(id)
      ids.add(id)
      return Promise.resolve(isNew)
    },
    forget: (id) => Promise.resolve(void ids.delete(id)),
  }
}

function verifierOf(sender: SnsSender, clock: ManualClock, topicArn = sender.topicArn) {
  const fetched: string[] = []
  const verifier = createSnsVerifier({
    topicArn,
    now: () => clock.now(),
    heard: memory(),
    fetchText(url) {
      fetched.push(url)
      assert.equal(url, sender.certificateUrl, 'nothing but the certificate of the service is fetched')
      return Promise.resolve(sender.certificate)
    },
  })
  return { verifier, fetched }
}

test('messages of both signature versions are believed, with and without a subject; the certificate is fetched once', async () => {
  const clock = new ManualClock()
  const sender = await snsSender(() => clock.now())
  const { verifier, fetched } = verifierOf(sender, clock)
  for (const version of ['1', '2'] as const)
    for (const more of [{}, { Subject: 'IP space changed' }]) {
      const { message } = await verifier.verify(sender.notification(CHANGE, more, version))
      assert.equal(message.Message, CHANGE)
    }
  assert.equal((await verifier.verify(sender.confirmation())).message.Type, 'SubscriptionConfirmation')
  assert.deepEqual(fetched, [sender.certificateUrl])
})

test('a message of a topic in China has its certificate there', async () => {
  const clock = new ManualClock()
  const topicArn = 'arn:aws-cn:sns:cn-north-1:123456789012:ranges'
  const sender = await snsSender(() => clock.now(), { topicArn, host: 'sns.cn-north-1.amazonaws.com.cn' })
  const { verifier } = verifierOf(sender, clock)
  assert.equal((await verifier.verify(sender.notification(CHANGE))).message.TopicArn, topicArn)
})

test('what is forged, replayed or tampered with is refused, each for its own reason', async () => {
  const clock = new ManualClock()
  const sender = await snsSender(() => clock.now())
  const { verifier } = verifierOf(sender, clock)
  const heard = sender.notification(CHANGE)
  await verifier.verify(heard)
  for (const { name, body, says } of await forgeries(sender, heard, () => clock.now()))
    await assert.rejects(
      verifier.verify(body),
      (error) => error instanceof SnsRefusal && says.test(error.message),
      name,
    )
})

test('a certificate that is over is not believed, nor is what is no certificate', async () => {
  const clock = new ManualClock()
  const sender = await snsSender(() => clock.now())
  const { verifier } = verifierOf(sender, clock)
  clock.advance(40 * 86_400_000)
  await assert.rejects(verifier.verify(sender.notification(CHANGE)), /certificate is valid from/)
  const page = verifierOf({ ...sender, certificate: '<html>' }, clock)
  await assert.rejects(page.verifier.verify(sender.notification(CHANGE)), /is no certificate/)
})

test('a message that could not be acted upon may come again', async () => {
  const clock = new ManualClock()
  const sender = await snsSender(() => clock.now())
  const { verifier } = verifierOf(sender, clock)
  const body = sender.notification(CHANGE)
  const { forget } = await verifier.verify(body)
  await forget()
  await verifier.verify(body)
  await assert.rejects(verifier.verify(body), /heard before/)
})
