import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../base/secret.ts'
import { HeaderList } from '../../http/header-list.ts'
import { originOf, originRequestOf, passageOf, REQUEST_ID, responseOf } from '../passage.fixture.ts'
import {
  originRequestEvent,
  originResponseEvent,
  viewerRequestEvent,
  viewerResponseEvent,
  wrapLambdaEvent,
} from './event.ts'

/** As a handler would get it: through JSON. */
const seen = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const config = (eventType: string) => ({
  distributionDomainName: 'd111111abcdef8.cloudfront.net',
  distributionId: 'EDFDVBD6EXAMPLE',
  eventType,
  requestId: REQUEST_ID,
})

test('the viewer-request event has the form that CloudFront documents', () => {
  const headers = new HeaderList([
    'Host',
    'a.example',
    'X-Two',
    '1',
    'x-two',
    '2',
    'Connection',
    'close',
    'X-Amz-Cf-Id',
    'x',
  ])
  const passage = passageOf({ headers, query: 'a=1&b', path: '/x' })
  assert.deepEqual(seen(wrapLambdaEvent(viewerRequestEvent(passage, undefined))), {
    Records: [
      {
        cf: {
          config: config('viewer-request'),
          request: {
            clientIp: '192.0.2.1',
            headers: {
              host: [{ key: 'Host', value: 'a.example' }],
              'x-two': [
                { key: 'X-Two', value: '1' },
                { key: 'x-two', value: '2' },
              ],
            },
            method: 'GET',
            querystring: 'a=1&b',
            uri: '/x',
          },
        },
      },
    ],
  })
})

test('the origin-request event shows the origin, and no secret header of it', () => {
  const passage = passageOf()
  const origin = originOf({
    originPath: '/v1',
    responseCompletionTimeoutMs: 60_000,
    customHeaders: [
      { name: 'X-Stage', value: 'test' },
      { name: 'X-Origin-Verify', value: new Secret('hidden') },
    ],
  })
  const event = originRequestEvent(passage, originRequestOf(passage, { origin }), undefined)
  assert.deepEqual(seen(event.config), config('origin-request'))
  assert.deepEqual(seen(event.request.origin), {
    custom: {
      customHeaders: { 'x-stage': [{ key: 'X-Stage', value: 'test' }] },
      domainName: 'origin.example.org',
      keepaliveTimeout: 5,
      path: '/v1',
      port: 443,
      protocol: 'https',
      readTimeout: 30,
      responseCompletionTimeout: 60,
      sslProtocols: ['TLSv1.2'],
    },
  })
})

test('a folder or bucket origin is shown as S3', () => {
  const passage = passageOf()
  const { kind: _kind, ...base } = originOf({ domainName: 'photos.s3.eu-west-1.amazonaws.com' })
  const bucket = {
    ...base,
    kind: 'bucket',
    bucket: 'photos',
    region: 'eu-west-1',
    endpoint: '',
    pathStyle: false,
    credentials: undefined,
    signing: 'never',
  } as const
  const event = originRequestEvent(passage, originRequestOf(passage, { origin: bucket }), undefined)
  assert.deepEqual(seen(event.request.origin), {
    s3: {
      authMethod: 'none',
      customHeaders: {},
      domainName: 'photos.s3.eu-west-1.amazonaws.com',
      path: '',
      region: 'eu-west-1',
    },
  })
})

test('response events carry request and response, with a status in text', () => {
  const passage = passageOf()
  const response = responseOf({ status: 404 })
  const shown = {
    headers: {
      'content-type': [{ key: 'Content-Type', value: 'text/html' }],
      server: [{ key: 'Server', value: 'origin' }],
    },
    status: '404',
    statusDescription: 'Not Found',
  }
  const viewer = viewerResponseEvent(passage, response)
  assert.deepEqual(seen(viewer.response), shown)
  assert.equal(viewer.request.origin, undefined)
  const origin = originResponseEvent(passage, originRequestOf(passage), response)
  assert.deepEqual(seen(origin.response), shown)
  assert.ok(origin.request.origin !== undefined)
})

test('a body is base64, and cut where it is longer than the limit of the event', () => {
  const passage = passageOf()
  const cases = [
    [40 * 1024, false],
    [40 * 1024 + 1, true],
  ] as const
  for (const [bytes, inputTruncated] of cases) {
    const { body } = viewerRequestEvent(passage, Buffer.alloc(bytes, 'a')).request
    assert.equal(body?.inputTruncated, inputTruncated)
    assert.equal(Buffer.from(body?.data ?? '', 'base64').length, 40 * 1024)
    assert.deepEqual([body?.action, body?.encoding], ['read-only', 'base64'])
  }
  const atOrigin = originRequestEvent(passage, originRequestOf(passage), Buffer.alloc(1024 * 1024 + 1))
  assert.equal(atOrigin.request.body?.inputTruncated, true)
  const empty = viewerRequestEvent(passage, Buffer.alloc(0)).request.body
  assert.deepEqual(empty, { inputTruncated: false, action: 'read-only', encoding: 'base64', data: '' })
})

test('header bytes that are UTF-8 are shown as text, others as ISO-8859-1', () => {
  const utf8 = Buffer.from('caf\u00e9', 'utf8').toString('latin1')
  const headers = new HeaderList(['X-Utf8', utf8, 'X-Latin', 'caf\u00e9'])
  const event = viewerRequestEvent(passageOf({ headers }), undefined)
  assert.equal(event.request.headers['x-utf8']?.[0]?.value, 'caf\u00e9')
  assert.equal(event.request.headers['x-latin']?.[0]?.value, 'caf\u00e9')
})
