import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import { type FakeCloudFront, fakeCloudFront } from '../../../test/support/aws/cloudfront.ts'
import { tellCloudFront } from './aws-cloudfront.ts'

const HEADER = 'X-Origin-Verify'
const news = (send: string) => ({ header: HEADER, accepted: [send], send })

/** A distribution with more in it than we look at. */
const full = {
  CallerReference: 'made-by-hand',
  Aliases: { Quantity: 1, Items: ['shop.test'] },
  DefaultRootObject: 'index.html',
  Origins: {
    Quantity: 2,
    Items: [
      {
        Id: 'site',
        DomainName: 'site.s3.amazonaws.com',
        OriginPath: '',
        CustomHeaders: { Quantity: 1, Items: [{ HeaderName: 'X-Other', HeaderValue: 'kept' }] },
        S3OriginConfig: { OriginAccessIdentity: '' },
      },
      {
        Id: 'api',
        DomainName: 'api.shop.test',
        OriginPath: '/v2',
        CustomHeaders: { Quantity: 1, Items: [{ HeaderName: 'X-Tenant', HeaderValue: 'a & b' }] },
        CustomOriginConfig: {
          HTTPPort: 80,
          HTTPSPort: 443,
          OriginProtocolPolicy: 'https-only',
          OriginSslProtocols: { Quantity: 1, Items: ['TLSv1.2'] },
          OriginReadTimeout: 30,
          OriginKeepaliveTimeout: 5,
        },
        ConnectionAttempts: 3,
        ConnectionTimeout: 10,
      },
    ],
  },
  DefaultCacheBehavior: {
    TargetOriginId: 'api',
    ViewerProtocolPolicy: 'redirect-to-https',
    CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
    LambdaFunctionAssociations: {
      Quantity: 1,
      Items: [
        {
          LambdaFunctionARN: 'arn:aws:lambda:us-east-1:123456789012:function:sign:7',
          EventType: 'origin-request',
          IncludeBody: false,
        },
      ],
    },
  },
  Comment: 'a <shop>',
  Enabled: true,
  PriceClass: 'PriceClass_100',
}

const environment = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' }
const kept = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]))
before(() => Object.assign(process.env, environment))
after(() => {
  for (const [name, value] of Object.entries(kept)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

const tell = (service: FakeCloudFront, value: string, originId = 'api'): Promise<void> =>
  tellCloudFront({ distributionId: 'E1', originId, endpoint: service.endpoint }, news(value), 1)

type Config = typeof full
const headersOf = (service: FakeCloudFront, index: number) =>
  (service.config() as Config).Origins.Items[index]!.CustomHeaders

/** The same, with the custom headers of the second origin as they were. */
function asBefore(service: FakeCloudFront): unknown {
  const config = structuredClone(service.config()) as Config
  config.Origins.Items[1]!.CustomHeaders = full.Origins.Items[1]!.CustomHeaders
  return config
}

test('the header of one origin is set and then changed, all of it is deployed, and nothing else changes', async () => {
  await using service = await fakeCloudFront('E1', full)
  await tell(service, 'value-one')
  assert.deepEqual(headersOf(service, 1), {
    Quantity: 2,
    Items: [
      { HeaderName: 'X-Tenant', HeaderValue: 'a & b' },
      { HeaderName: HEADER, HeaderValue: 'value-one' },
    ],
  })
  assert.deepEqual(asBefore(service), full)
  assert.deepEqual(
    service.calls.map(({ operation }) => operation),
    ['GetDistributionConfig', 'UpdateDistribution', 'GetDistribution', 'GetDistribution', 'GetDistribution'],
  )
  await tell(service, 'value-two')
  assert.equal(headersOf(service, 1).Items[1]?.HeaderValue, 'value-two')
  assert.equal(headersOf(service, 1).Quantity, 2)
  assert.deepEqual(asBefore(service), full)
})

test('a value that is sent already is not sent again, and its deployment is waited for', async () => {
  await using service = await fakeCloudFront('E1', full)
  await tell(service, 'value-one')
  service.calls.length = 0
  await tell(service, 'value-one')
  assert.deepEqual(
    service.calls.map(({ operation }) => operation),
    ['GetDistributionConfig', 'GetDistribution'],
  )
})

test('a distribution that others update at the same moment is read anew', async () => {
  await using service = await fakeCloudFront('E1', full)
  service.interfere(3)
  await tell(service, 'value-one')
  assert.equal(headersOf(service, 1).Items[1]?.HeaderValue, 'value-one')
  assert.equal(service.calls.filter(({ operation }) => operation === 'UpdateDistribution').length, 4)
})

test('errors name the distribution and what is wrong, and show no value', async () => {
  await using service = await fakeCloudFront('E1', full)
  await assert.rejects(
    tell(service, 'secret-value', 'nope'),
    /distribution E1 .*no origin "nope"; its origins are site, api/,
  )
  service.interfere(1_000)
  await assert.rejects(tell(service, 'secret-value'), (error) => {
    assert.match(String(error), /the CloudFront distribution E1 could not be changed: PreconditionFailed/)
    assert.ok(!inspect(error, { depth: 9 }).includes('secret-value'))
    return true
  })
})

test('the fake refuses what CloudFront refuses: no If-Match, a stale one, members that are missing', async () => {
  await using service = await fakeCloudFront('E1', full)
  const authorization = `AWS4-HMAC-SHA256 Credential=a/20261126/us-east-1/cloudfront/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`
  const put = async (headers: Record<string, string>, body: string) => {
    const response = await fetch(`${service.endpoint}/2020-05-31/distribution/E1/config`, {
      method: 'PUT',
      headers: { authorization, ...headers },
      body,
    })
    return `${response.status} ${await response.text()}`
  }
  const body = '<DistributionConfig><CallerReference>x</CallerReference></DistributionConfig>'
  assert.match(await put({}, body), /^400 .*InvalidIfMatchVersion/)
  assert.match(await put({ 'if-match': 'E0' }, body), /^412 .*PreconditionFailed/)
  assert.match(
    await put({ 'if-match': 'E0000000000001' }, body),
    /^400 .*MalformedInput.*Origins is required/,
  )
})
