import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { Secret } from '../../src/base/secret.ts'
import { createImages } from '../../src/modules/images/index.ts'
import { openSecrets } from '../../src/seams/secrets/open.ts'
import { snsSender } from '../support/aws/sns.ts'
import { edgeFolder, type Json, optimising, reportOf, SITE, startEdgeOf } from '../support/optimising-edge.ts'
import { card, scene } from '../support/pictures.ts'
import { planOf, runEdge } from '../support/running-edge.ts'
import { until } from '../support/until.ts'

test('events posted with the secret, of three shapes, and signed messages of SNS make objects of a store', async () => {
  const sender = await snsSender(() => Date.now(), { topicArn: 'arn:aws:sns:us-east-1:123456789012:uploads' })
  const fetched: string[] = []
  const module = createImages((url) => {
    fetched.push(String(url))
    return Promise.resolve(new Response(sender.certificate))
  })
  await using edge = await runEdge(SITE, {
    modules: [module],
    top: optimising({
      from: { objects: 'photos', prefix: 'in/', bucket: 'photos' },
      to: { objects: 'photos', prefix: 'small/' },
      scanEverySeconds: false,
      notifications: { distribution: 'test', path: '/uploads', topicArn: sender.topicArn, secret: 'uploads' },
    }),
  })
  await (await edge.edge.seams.secrets()).put('uploads', new Secret('open-sesame'))
  const store = await edge.edge.seams.objects('photos')
  const picture = await scene(700, 500).jpeg().toBuffer()
  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${edge.url}/uploads`, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return answer.status
  }
  const s3Event = (key: string, bucket = 'photos') => ({
    Records: [
      {
        eventSource: 'aws:s3',
        eventName: 'ObjectCreated:Put',
        s3: { bucket: { name: bucket }, object: { key } },
      },
    ],
  })
  const secret = { authorization: 'Bearer open-sesame' }
  const cases = [
    {
      key: 'in/a b+c.jpg',
      send: () => post(s3Event('in/a+b%2Bc.jpg'), secret),
      made: 'small/a b+c-meta.json',
      status: 202,
    },
    {
      key: 'in/bridge.jpg',
      send: () =>
        post(
          {
            source: 'aws.s3',
            'detail-type': 'Object Created',
            detail: { bucket: { name: 'photos' }, object: { key: 'in/bridge.jpg' } },
          },
          { 'x-api-key': 'open-sesame' },
        ),
      made: 'small/bridge-meta.json',
      status: 202,
    },
    {
      key: 'in/happy.jpg',
      send: () =>
        post(
          {
            source: 'custom.happyPath',
            'detail-type': 'uploadComplete',
            detail: { bucket: 'photos', key: 'in/happy.jpg', placeId: '1' },
          },
          secret,
        ),
      made: 'small/happy-meta.json',
      status: 202,
    },
    {
      key: 'in/sns.jpg',
      send: () => post(sender.notification(JSON.stringify(s3Event('in/sns.jpg')))),
      made: 'small/sns-meta.json',
      status: 200,
    },
  ]
  for (const { key, send, made, status } of cases) {
    await store.put(key, picture)
    assert.equal(await send(), status, key)
    await until(async () => (await store.head(made)) !== undefined)
  }
  assert.equal(await post(sender.confirmation()), 200)
  assert.equal(fetched.length, 2, 'the certificate and the confirmation')

  // Nothing comes of these: strangers, other buckets, other prefixes, results, what is no event.
  await store.put('in/never.jpg', picture)
  await store.put('elsewhere/never.jpg', picture)
  const refused = [
    { status: 403, send: () => post(s3Event('in/never.jpg'), { authorization: 'Bearer wrong' }) },
    { status: 403, send: () => post(s3Event('in/never.jpg')) },
    {
      status: 403,
      send: () => post(sender.notification(JSON.stringify(s3Event('in/never.jpg'))).replace('never', 'evil')),
    },
    { status: 400, send: () => post('text', secret) },
    { status: 400, send: () => post({ some: 'thing' }, secret) },
    { status: 202, send: () => post(s3Event('in/never.jpg', 'others'), secret) },
    { status: 202, send: () => post(s3Event('elsewhere/never.jpg'), secret) },
    { status: 202, send: () => post(s3Event('small/happy-tile.jpg'), secret) },
    {
      status: 202,
      send: () => post({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'photos' }, secret),
    },
  ]
  for (const { status, send } of refused) assert.equal(await send(), status)
  await store.put('in/last.jpg', picture)
  await post({ key: 'in/last.jpg' }, secret)
  await until(async () => (await store.head('small/last-meta.json')) !== undefined)
  const { objects } = await store.list({ prefix: 'small/' })
  assert.equal(objects.length, 3 * 5)
  assert.equal((await reportOf(edge)).made, 5)
})

test('while no value of the secret is known, messages are to come again', async () => {
  await using edge = await runEdge(SITE, {
    top: optimising({
      from: { objects: 'photos', prefix: 'in/' },
      to: { objects: 'photos', prefix: 'small/' },
      scanEverySeconds: false,
      notifications: { distribution: 'test', path: '/uploads', secret: 'uploads' },
    }),
  })
  const store = await edge.edge.seams.objects('photos')
  await store.put('in/early.jpg', await scene(700, 500).jpeg().toBuffer())
  const post = async () => {
    const answer = await fetch(`${edge.url}/uploads`, {
      method: 'POST',
      headers: { 'x-api-key': 'open-sesame' },
      body: JSON.stringify({ key: 'in/early.jpg' }),
    })
    return answer.status
  }
  assert.equal(await post(), 503)
  await (await edge.edge.seams.secrets()).put('uploads', new Secret('open-sesame'))
  assert.equal(await post(), 202)
  await until(async () => (await store.head('small/early-meta.json')) !== undefined)
})

test('of several processes any may be told, and one does the work', { timeout: 120_000 }, async () => {
  await using place = await edgeFolder(
    {
      sizes: { tile: { width: 40, height: 40 } },
      // Only what it is told of: files that are there when it starts are not looked for.
      scanEverySeconds: false,
      settleSeconds: 3_600,
      notifications: { distribution: 'main', path: '/told', secret: 'told' },
    },
    { processes: 2 },
  )
  const { folder, config, json } = place
  await using secrets = await secretsOf(json, folder)
  await secrets.put('told', new Secret('open-sesame'))
  const COUNT = 8
  for (let i = 0; i < COUNT; i++)
    await writeFile(join(folder, 'in', `p${i}.png`), await card().png().toBuffer())
  await using edge = await startEdgeOf(config)
  // A connection each, so that both processes get some.
  for (let i = 0; i < COUNT; i++) {
    const answer = await fetch(`${edge.url}/told`, {
      method: 'POST',
      headers: { 'x-api-key': 'open-sesame', connection: 'close' },
      body: JSON.stringify({ key: `p${i}.png` }),
    })
    assert.equal(answer.status, 202)
  }
  await until(() => globSync('*-meta.json', { cwd: join(folder, 'out') }).length === COUNT)
})

/** The secrets of the edge of a configuration. */
async function secretsOf(config: Json, folder: string) {
  const { secrets } = await planOf(config, folder)
  return await openSecrets(secrets, { clock: systemClock, report: assert.ifError })
}
