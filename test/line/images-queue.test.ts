import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { type FauxqsServer, startFauxqs } from 'fauxqs'
import { systemClock } from '../../src/base/clock.ts'
import { Secret } from '../../src/base/secret.ts'
import { openObjects } from '../../src/seams/objects/open.ts'
import type { Objects } from '../../src/seams/objects/objects.ts'
import { card } from '../support/pictures.ts'
import { until } from '../support/until.ts'

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'edgeward.cjs')
const AWS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' }

interface Stand extends AsyncDisposable {
  readonly store: Objects
  send(body: unknown): Promise<void>
  /** Messages that are in the queue, seen by others or not. */
  left(): Promise<number>
  start(): Promise<ChildProcess>
}

/** A queue, a bucket and an edge that follows both; a real process that can be killed. */
async function stand(): Promise<Stand> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  const server: FauxqsServer = await startFauxqs({
    port: 0,
    logger: false,
    init: { queues: [{ name: 'uploads' }], buckets: ['photos'] },
  })
  const endpoint = `http://127.0.0.1:${server.port}`
  const url = `${endpoint}/000000000000/uploads`
  const client = new SQSClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  const config = join(folder, 'edgeward.config.json')
  await writeFile(
    config,
    JSON.stringify({
      listeners: [{ port: 0, host: '127.0.0.1' }],
      admin: false,
      distributions: { main: { origins: { site: { folder: '.' } }, defaultBehavior: { origin: 'site' } } },
      // Keys of the bucket begin with the prefix of the store, also in its events.
      objects: { photos: { bucket: 's3://photos/store', endpoint, region: 'us-east-1' } },
      images: {
        optimise: {
          uploads: {
            from: { objects: 'photos', prefix: 'in/' },
            to: { objects: 'photos', prefix: 'out/' },
            sizes: { tile: { width: 40, height: 40 } },
            formats: ['jpeg'],
            processes: 1,
            scanEverySeconds: false,
            deleted: 'remove',
            queue: { url, endpoint, region: 'us-east-1', visibilitySeconds: 2 },
          },
        },
      },
    }),
  )
  const store = await openObjects(
    'photos',
    {
      store: 's3',
      bucket: 'photos',
      prefix: 'store/',
      region: 'us-east-1',
      endpoint,
      pathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: new Secret('test'), sessionToken: undefined },
    },
    systemClock,
  )
  const children = new Set<ChildProcess>()
  return {
    store,
    async send(body) {
      await client.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      )
    },
    async left() {
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
      )
      return (
        Number(Attributes['ApproximateNumberOfMessages']) +
        Number(Attributes['ApproximateNumberOfMessagesNotVisible'])
      )
    },
    async start() {
      const child = spawn(process.execPath, [LAUNCHER, 'start', config], {
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, ...AWS },
      })
      children.add(child)
      for await (const line of createInterface({ input: child.stdout }))
        if (line.startsWith('edgeward listening')) return child
      throw new Error('the edge did not start')
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      client.destroy()
      await store.close()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Told as S3 tells it. */
const told = (eventName: string, keys: readonly string[]) => ({
  Records: keys.map((key) => ({
    eventSource: 'aws:s3',
    eventName,
    s3: {
      bucket: { name: 'photos' },
      object: { key: encodeURIComponent(`store/${key}`).replaceAll('%20', '+') },
    },
  })),
})

const created = (...keys: readonly string[]) => told('ObjectCreated:CompleteMultipartUpload', keys)
const removed = (...keys: readonly string[]) => told('ObjectRemoved:Delete', keys)

async function madeIn(store: Objects): Promise<ReadonlyMap<string, number>> {
  const { objects } = await store.list({ prefix: 'out/' })
  return new Map(
    objects
      .filter(({ key }) => key.endsWith('-meta.json'))
      .map(({ key, lastModified }) => [key, lastModified]),
  )
}

test(
  'a message is removed when its derivatives stand; killed in between, the next edge gets it again and makes nothing twice',
  { timeout: 120_000 },
  async () => {
    await using queue = await stand()
    const { store } = queue
    const picture = await card().png().toBuffer()
    const COUNT = 12
    for (let i = 0; i < COUNT; i++) await store.put(`in/photo ${i}.png`, picture)
    // What S3 sends when the notification is configured, and what is not for us.
    await queue.send({
      Service: 'Amazon S3',
      Event: 's3:TestEvent',
      Time: '2026-01-01T00:00:00.000Z',
      Bucket: 'photos',
    })
    await queue.send(created('elsewhere/x.png', 'in/gone.png', 'in/notes.txt'))
    for (let i = 0; i < COUNT; i += 2) await queue.send(created(`in/photo ${i}.png`, `in/photo ${i + 1}.png`))
    const first = await queue.start()
    await until(async () => (await madeIn(store)).size >= 3)
    first.kill('SIGKILL')
    await once(first, 'exit')
    const before = await madeIn(store)
    assert.ok(before.size < COUNT, 'the kill came in the middle')
    assert.ok((await queue.left()) >= (COUNT - before.size) / 2, 'what is not done is still in the queue')

    const second = await queue.start()
    await until(async () => (await queue.left()) === 0)
    const after = await madeIn(store)
    assert.equal(after.size, COUNT)
    for (const [key, at] of before) assert.equal(after.get(key), at, `${key} was made twice`)

    // Told of twice, and of its own results: nothing more is made. What is not understood stays, and stops nobody.
    await queue.send('no event')
    await queue.send(created('in/photo 0.png', 'out/photo 0-tile.jpg'))
    await store.put('in/last.png', picture)
    await queue.send(created('in/last.png'))
    await until(async () => (await store.head('out/last-meta.json')) !== undefined)
    await until(async () => (await queue.left()) === 1)
    const { objects } = await store.list({ prefix: 'out/' })
    assert.equal(objects.length, 2 * (COUNT + 1))

    // What is deleted takes its results along; of what is there nothing is believed to be deleted.
    await store.delete('in/photo 0.png')
    await queue.send(removed('in/photo 0.png', 'in/photo 1.png', 'in/never.png'))
    await until(async () => (await queue.left()) === 1)
    const { objects: left } = await store.list({ prefix: 'out/' })
    assert.equal(left.length, 2 * COUNT)
    assert.ok(!left.some(({ key }) => key.startsWith('out/photo 0-')))
    second.kill('SIGTERM')
    await once(second, 'exit')
  },
)
