import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { type FauxqsServer, startFauxqs } from 'fauxqs'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { BucketOrigin } from '../plan.ts'
import { type Ask, originOf, requestOf } from './bucket.fixture.ts'
import { signBucketRequest } from './bucket.ts'

let storage: FauxqsServer | undefined

before(async () => {
  storage = await startFauxqs({ port: 0, logger: false, init: { buckets: ['examplebucket'] } })
})

after(() => storage?.stop())

interface Answer {
  readonly status: number
  readonly headers: HeaderList
  readonly body: string
}

/** Sends a signed request exactly as it was made. */
async function exchange(ask: Ask, changes: Partial<BucketOrigin> = {}): Promise<Answer> {
  const origin = originOf({ endpoint: `http://127.0.0.1:${storage!.port}`, pathStyle: true, ...changes })
  const request = requestOf(origin, ask)
  const signed = signBucketRequest(request, origin, Date.now())
  const { length } = request.body
  const framing = request.body.kind === 'none' ? [] : ['Content-Length', String(length)]
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        host: signed.hostname,
        port: signed.port,
        method: request.method,
        path: signed.target,
        headers: [...signed.headers.raw, ...framing],
        setHost: false,
        agent: false,
      },
      (response) => {
        buffer(response).then((bytes) => {
          resolve({
            status: response.statusCode!,
            headers: new HeaderList(response.rawHeaders),
            body: bytes.toString(),
          })
        }, reject)
      },
    )
    sent.on('error', reject)
    const body = request.body.take()
    if (Buffer.isBuffer(body)) sent.end(body)
    else body.pipe(sent)
  })
}

const stored: readonly [key: string, asked: string][] = [
  ['plain.txt', '/plain.txt'],
  ['a b.txt', '/a%20b.txt'],
  ['c d.txt', '/c d.txt'],
  ['a+b.txt', '/a+b.txt'],
  ['100%.txt', '/100%25.txt'],
  ['50%20.txt', '/50%2520.txt'],
  ['été/😀.txt', '/%C3%A9t%C3%A9/😀.txt'],
  ['a//b.txt', '/a//b.txt'],
  ["it's (1)!*.txt", "/it's%20(1)!*.txt"],
  ['a=b&c;d@e,f.txt', '/a=b&c;d@e,f.txt'],
  ['what?#.txt', '/what%3F%23.txt'],
]

/** XML text without its entities. */
function plainText(xml: string): string {
  return xml
    .replaceAll('&apos;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

test('objects are written, listed and read under the very keys that were meant', async () => {
  for (const [key, asked] of stored) {
    const put = await exchange({ method: 'PUT', path: asked, body: Body.bytes(`content of ${key}`) })
    assert.equal(put.status, 200, `${key}: ${put.body}`)
    const got = await exchange({ path: asked })
    assert.equal(got.status, 200, key)
    assert.equal(got.body, `content of ${key}`)
  }
  const list = await exchange({ path: '/', query: 'list-type=2' })
  assert.equal(list.status, 200)
  const listed = [...list.body.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => plainText(match[1]!))
  assert.deepEqual(listed.toSorted(), stored.map(([key]) => key).toSorted())
})

test('a stream of known length is written, and HEAD, Range, conditions and DELETE work', async () => {
  const put = await exchange({
    method: 'PUT',
    path: '/stream.txt',
    body: Body.stream(Readable.from([Buffer.from('01234'), Buffer.from('56789')]), 10),
  })
  assert.equal(put.status, 200, put.body)
  const head = await exchange({ method: 'HEAD', path: '/stream.txt' })
  assert.equal(head.headers.get('content-length'), '10')
  const part = await exchange({ path: '/stream.txt', headers: { Range: 'bytes=2-4' } })
  assert.deepEqual([part.status, part.body], [206, '234'])
  const same = await exchange({
    path: '/stream.txt',
    headers: { 'If-None-Match': head.headers.get('etag')! },
  })
  assert.equal(same.status, 304)
  const other = await exchange({ path: '/stream.txt', headers: { 'If-Match': '"other"' } })
  assert.equal(other.status, 412)
  assert.equal((await exchange({ method: 'DELETE', path: '/stream.txt' })).status, 204)
  assert.equal((await exchange({ path: '/stream.txt' })).status, 404)
})

test('without signing the same object is found', async () => {
  await exchange({ method: 'PUT', path: '/open.txt', body: Body.bytes('open') })
  const got = await exchange({ path: '/open.txt' }, { signing: 'never' })
  assert.deepEqual([got.status, got.body], [200, 'open'])
})
