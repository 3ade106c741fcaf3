import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import { type FauxqsServer, startFauxqs } from 'fauxqs'
import { ServiceError } from '../../../test/support/aws/json-service.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { S3_ACCOUNT, fakeS3 } from '../../../test/support/aws/s3.ts'
import { Secret } from '../../base/secret.ts'
import { type SeamErrorCode, isSeamError } from '../seam-error.ts'
import { objectsContract } from './contract.ts'
import type { Objects } from './objects.ts'
import { openS3Objects } from './s3.ts'
import type { S3ObjectsOptions } from './s3-client.ts'

const MIB = 1024 ** 2

/** The SDK corrects its clock by answers that are minutes off, and tries again: this would hide failures. */
const clockOfToday = (): ManualClock => new ManualClock(Math.floor(Date.now() / 1_000) * 1_000)

const rejects = (promise: Promise<unknown>, code: SeamErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isSeamError(error, code))

const credentials = {
  accessKeyId: S3_ACCOUNT.accessKeyId,
  secretAccessKey: new Secret(S3_ACCOUNT.secretAccessKey),
  sessionToken: undefined,
}

function open(endpoint: string, more: Partial<S3ObjectsOptions> = {}): Objects {
  return openS3Objects({
    bucket: 'photos',
    prefix: '',
    region: S3_ACCOUNT.region,
    endpoint,
    pathStyle: true,
    credentials,
    setting: 'objects.photos',
    clock: clockOfToday(),
    ...more,
  })
}

const dotSegments = 'some storages resolve them, so no S3 is asked for them'

objectsContract(
  'S3',
  async () => {
    const clock = clockOfToday()
    const service = await fakeS3({ clock })
    return {
      clock,
      open: () => Promise.resolve(open(service.endpoint, { clock })),
      [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
    }
  },
  { dotSegments },
)

let fauxqs: FauxqsServer | undefined
before(async () => {
  fauxqs = await startFauxqs({ port: 0, logger: false })
})
after(() => fauxqs?.stop())
let buckets = 0

// A server of others, so that the driver and our fake do not only understand each other.
objectsContract(
  'S3, on fauxqs',
  () => {
    const bucket = `bucket-${++buckets}`
    fauxqs!.createBucket(bucket)
    const store = (): Objects => open(`http://127.0.0.1:${fauxqs!.port}`, { bucket })
    return Promise.resolve({
      clock: clockOfToday(),
      open: () => Promise.resolve(store()),
      [Symbol.asyncDispose]: () => Promise.resolve(fauxqs!.emptyBucket(bucket)),
    })
  },
  {
    dotSegments,
    clock: 'fauxqs has a clock of its own',
    keyOrder:
      'fauxqs lists in the order of a language, not of bytes, and does not encode what no XML can hold',
    prefixPages: 'fauxqs gives a common prefix again on the next page',
    longSuffix: 'fauxqs answers 416 to a suffix longer than the object',
    conditions: 'fauxqs puts whatever the conditions say',
  },
)

test('a store leaves keys as they are under its prefix, and sees nothing else of the bucket', async () => {
  await using service = await fakeS3({ clock: clockOfToday() })
  await using all = open(service.endpoint)
  await using objects = open(service.endpoint, { prefix: 'edge/pictures/' })
  for (const key of ['edge/other', 'edge/pictures/', 'edge/picturesque', 'a']) await all.put(key, 'not ours')
  for (const key of ['a', 'b/c', '/d']) await objects.put(key, key)
  assert.equal((await all.head('edge/pictures/b/c'))?.size, 3)
  assert.deepEqual(
    (await objects.list()).objects.map(({ key }) => key),
    ['/d', 'a', 'b/c'],
  )
  const { objects: listed, prefixes } = await objects.list({ delimiter: '/' })
  assert.deepEqual([listed.map(({ key }) => key), prefixes], [['a'], ['/', 'b/']])
  assert.equal((await objects.get('b/c'))?.head.key, 'b/c')
  await assert.rejects(objects.put('x'.repeat(1_011), 'x'), (error) => {
    assert.ok(isSeamError(error, 'invalid'))
    assert.match(error.message, /with the prefix of objects\.photos it has more than 1024 bytes/)
    return true
  })
})

test('a stream of unknown length goes in parts, with its headers, and is seen only when it is whole', async () => {
  const clock = clockOfToday()
  await using service = await fakeS3({ clock })
  await using objects = open(service.endpoint, { clock })
  const chunks = Array.from({ length: 20 }, (_, index) => Buffer.alloc(MIB, index))
  const seen: unknown[] = []
  async function* body(): AsyncGenerator<Buffer> {
    for (const [index, chunk] of chunks.entries()) {
      if (index === 17) seen.push(await objects.head('big'))
      yield chunk
    }
  }
  const put = await objects.put('big', Readable.from(body()), {
    headers: { contentType: 'video/mp4', expires: '0' },
    metadata: { title: 'Zürich' },
  })
  assert.deepEqual(seen, [undefined])
  assert.deepEqual(
    service.calls
      .filter(({ operation }) => operation !== 'HeadObject' && operation !== 'HeadBucket')
      .map(({ operation }) => operation),
    ['CreateMultipartUpload', 'UploadPart', 'UploadPart', 'UploadPart', 'CompleteMultipartUpload'],
  )
  assert.match(put.etag, /^"[0-9a-f]{32}-3"$/)
  assert.deepEqual([put.size, put.metadata, put.headers.expires], [20 * MIB, { title: 'Zürich' }, '0'])
  const read = await objects.get('big')
  assert.deepEqual(read?.head, put)
  assert.ok((await buffer(read.body)).equals(Buffer.concat(chunks)))
  assert.equal(service.uploads.size, 0)
})

test('an upload in parts that fails is given up, and leaves what was there', async () => {
  await using service = await fakeS3({ clock: clockOfToday() })
  await using objects = open(service.endpoint)
  const before = await objects.put('a', 'before')
  const big = Buffer.alloc(17 * MIB)
  async function* failing(): AsyncGenerator<Buffer> {
    yield big
    throw new Error('the sender went away')
  }
  await assert.rejects(objects.put('a', Readable.from(failing())), /^Error: the sender went away$/)
  await rejects(objects.put('a', Readable.from([big]), { length: 18 * MIB }), 'invalid')
  await rejects(objects.put('a', Readable.from([big]), { length: 16 * MIB }), 'invalid')
  await rejects(objects.put('a', big, { ifNoneMatch: '*' }), 'conflict')
  await rejects(objects.put('b', big, { ifMatch: before.etag }), 'not-found')
  service.failNext('UploadPart', new ServiceError('AccessDenied', 'Access Denied', 403))
  await rejects(objects.put('a', big), 'permission')
  assert.equal(service.uploads.size, 0)
  assert.deepEqual(await objects.head('a'), before)
  const after = await objects.put('a', big, { ifMatch: before.etag })
  assert.equal((await objects.head('a'))?.etag, after.etag)
})

test('an object without a content type has none, whatever the storage says of it', async () => {
  await using service = await fakeS3({ clock: clockOfToday() })
  await using objects = open(service.endpoint)
  await objects.put('a', 'x')
  assert.equal(service.buckets.get('photos')!.get('a')!.headers['content-type'], 'binary/octet-stream')
  assert.deepEqual((await objects.head('a'))?.headers, {})
})

test('a key with a segment "." or ".." never leaves', async () => {
  await using service = await fakeS3({ clock: clockOfToday() })
  await using objects = open(service.endpoint)
  for (const key of ['.', '..', '../x', 'a/../b', 'a/./b', 'a/..']) {
    for (const call of [objects.put(key, 'x'), objects.get(key), objects.head(key), objects.delete(key)])
      await rejects(call, 'invalid')
  }
  for (const key of ['...', '.a', 'a.', 'a..b']) assert.equal(await objects.head(key), undefined)
  assert.ok(service.calls.every(({ input }) => !String(input['key']).includes('/')))
})

const calls = {
  put: (objects: Objects) => objects.put('a', 'x'),
  'put of a large object': (objects: Objects) => objects.put('a', Buffer.alloc(9 * MIB)),
  get: (objects: Objects) => objects.get('a'),
  head: (objects: Objects) => objects.head('a'),
  delete: (objects: Objects) => objects.delete('a'),
  list: (objects: Objects) => objects.list(),
}

const misconfigured: readonly {
  readonly what: string
  readonly options: Partial<S3ObjectsOptions>
  readonly code: SeamErrorCode
  readonly says: RegExp
}[] = [
  {
    what: 'a bucket that is not there',
    options: { bucket: 'nowhere' },
    code: 'not-found',
    says: /bucket "nowhere" \(http:\/\/127\.0\.0\.1:\d+\).*Make the bucket, or correct objects\.photos\.bucket$/,
  },
  {
    what: 'a wrong secret key',
    options: { credentials: { ...credentials, secretAccessKey: new Secret('hunter2') } },
    code: 'permission',
    says: /bucket "photos"/,
  },
  {
    what: 'an unknown access key',
    options: { credentials: { ...credentials, accessKeyId: 'AKIANOBODY' } },
    code: 'permission',
    says: /bucket "photos"/,
  },
  {
    what: 'another region',
    options: { region: 'us-west-2' },
    code: 'invalid',
    says: /orrect objects\.photos\.region$|it answered 400 and not why\. Check objects\.photos\.region and the credentials$/,
  },
]
for (const { what, options, code, says } of misconfigured)
  test(`${what} is told by every call, in words that name it and no secret`, async () => {
    await using service = await fakeS3({ clock: clockOfToday() })
    await using objects = open(service.endpoint, options)
    for (const [name, call] of Object.entries(calls))
      await assert.rejects(call(objects), (error) => {
        assert.ok(isSeamError(error, code), `${name}: ${String(error)}`)
        assert.match(error.message, says, name)
        assert.doesNotMatch(error.message, /\.\.|Unknown/, name)
        assert.ok(!inspect(error, { depth: 9 }).includes('hunter2'))
        return true
      })
  })

const failures: readonly (readonly [name: string, status: number, code: SeamErrorCode, says: RegExp])[] = [
  ['AccessDenied', 403, 'permission', /AccessDenied: .* needs s3:GetObject, .* and s3:ListBucket/],
  ['SignatureDoesNotMatch', 403, 'permission', /Check objects\.photos\.credentials/],
  ['ExpiredToken', 400, 'permission', /Check objects\.photos\.credentials/],
  ['RequestTimeTooSkewed', 403, 'permission', /Set the clock of this machine/],
  ['AuthorizationHeaderMalformed', 400, 'invalid', /another region: correct objects\.photos\.region/],
  ['PermanentRedirect', 301, 'invalid', /another region: correct objects\.photos\.region/],
  ['ConditionalRequestConflict', 409, 'conflict', /somebody else changed it at the same moment/],
  ['EntityTooLarge', 400, 'limit', /EntityTooLarge/],
  ['InvalidURI', 400, 'invalid', /InvalidURI/],
  ['InvalidObjectState', 403, 'unavailable', /archived: restore it/],
  ['NotImplemented', 501, 'unavailable', /NotImplemented/],
]
for (const [name, status, code, says] of failures)
  test(`${name} becomes "${code}", and says what to do`, async () => {
    await using service = await fakeS3({ clock: clockOfToday() })
    await using objects = open(service.endpoint)
    service.failNext('PutObject', new ServiceError(name, 'as the service puts it', status))
    await assert.rejects(objects.put('a', 'x'), (error) => {
      assert.ok(isSeamError(error, code), String(error))
      assert.match(error.message, says)
      assert.match(error.message, /^the object "a" in the bucket "photos" \(http:\/\/127\.0\.0\.1:\d+\): /)
      return true
    })
    assert.equal((await objects.put('a', 'x')).size, 1)
  })

test('a failure that passes is tried again before anybody is told', async () => {
  await using service = await fakeS3({ clock: clockOfToday() })
  await using objects = open(service.endpoint)
  for (const operation of ['PutObject', 'GetObject'])
    service.failNext(operation, new ServiceError('SlowDown', 'Please reduce your request rate.', 503))
  await objects.put('a', 'x', { ifNoneMatch: '*' })
  assert.equal((await buffer((await objects.get('a'))!.body)).toString(), 'x')
})

test('a storage that takes requests and says nothing is unavailable after the time that is allowed', async () => {
  const asked: string[] = []
  const server = createServer((request) => void asked.push(`${request.method} ${request.url?.split('?')[0]}`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using objects = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { idleMs: 20 })
  await assert.rejects(objects.get('a'), (error) => {
    assert.ok(isSeamError(error, 'unavailable'))
    assert.match(error.message, /timed out after 20 ms/)
    return true
  })
  assert.deepEqual(asked, ['GET /photos/a', 'GET /photos/a', 'GET /photos/a'])
  server.closeAllConnections()
  server.close()
})

test('a storage that cannot be reached is unavailable, and says where it was looked for', async () => {
  const service = await fakeS3({ clock: clockOfToday() })
  await using objects = open(service.endpoint)
  await service[Symbol.asyncDispose]()
  await assert.rejects(objects.get('a'), (error) => {
    assert.ok(isSeamError(error, 'unavailable'))
    assert.match(
      error.message,
      /^the object "a" in the bucket "photos" \(http:.*Check the address and the network$/,
    )
    return true
  })
})
