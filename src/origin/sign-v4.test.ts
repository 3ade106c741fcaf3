import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  amzDateOf,
  authorizationOf,
  type CanonicalRequest,
  dayOf,
  deriveSigningKey,
  EMPTY_SHA256,
  sha256,
} from './sign-v4.ts'

interface Vector {
  readonly about: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly service: string
  readonly amzDate: string
  readonly request: CanonicalRequest
  readonly authorization: string
}

/** AWS's examples for S3 ("Authenticating Requests: Using the Authorization Header"). */
const s3 = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
  service: 's3',
  amzDate: '20130524T000000Z',
}
const s3Host = ['host', 'examplebucket.s3.amazonaws.com'] as const
const s3Date = ['x-amz-date', s3.amzDate] as const
const s3Empty = ['x-amz-content-sha256', EMPTY_SHA256] as const
const welcome = sha256('Welcome to Amazon S3.')

/** AWS's test suite for Signature Version 4. */
const suite = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
  service: 'service',
  amzDate: '20150830T123600Z',
}
const suiteHost = ['host', 'example.amazonaws.com'] as const
const suiteDate = ['x-amz-date', suite.amzDate] as const

function s3Authorization(names: string, signature: string): string {
  return `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${names}, Signature=${signature}`
}

function suiteAuthorization(names: string, signature: string): string {
  return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`
}

const vectors: readonly Vector[] = [
  {
    about: 'S3: GET of an object with Range',
    ...s3,
    request: {
      method: 'GET',
      path: '/test.txt',
      query: '',
      headers: [s3Host, ['range', 'bytes=0-9'], s3Empty, s3Date],
      payloadHash: EMPTY_SHA256,
    },
    authorization: s3Authorization(
      'host;range;x-amz-content-sha256;x-amz-date',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  },
  {
    about: 'S3: PUT of an object whose key has a dollar sign',
    ...s3,
    request: {
      method: 'PUT',
      path: '/test%24file.text',
      query: '',
      headers: [
        ['date', 'Fri, 24 May 2013 00:00:00 GMT'],
        s3Host,
        ['x-amz-content-sha256', welcome],
        s3Date,
        ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
      ],
      payloadHash: welcome,
    },
    authorization: s3Authorization(
      'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ),
  },
  {
    about: 'S3: GET of a sub-resource',
    ...s3,
    request: {
      method: 'GET',
      path: '/',
      query: 'lifecycle=',
      headers: [s3Host, s3Empty, s3Date],
      payloadHash: EMPTY_SHA256,
    },
    authorization: s3Authorization(
      'host;x-amz-content-sha256;x-amz-date',
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ),
  },
  {
    about: 'S3: GET of a list of objects',
    ...s3,
    request: {
      method: 'GET',
      path: '/',
      query: 'max-keys=2&prefix=J',
      headers: [s3Host, s3Empty, s3Date],
      payloadHash: EMPTY_SHA256,
    },
    authorization: s3Authorization(
      'host;x-amz-content-sha256;x-amz-date',
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ),
  },
  {
    about: 'suite: get-vanilla',
    ...suite,
    request: {
      method: 'GET',
      path: '/',
      query: '',
      headers: [suiteHost, suiteDate],
      payloadHash: EMPTY_SHA256,
    },
    authorization: suiteAuthorization(
      'host;x-amz-date',
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ),
  },
  {
    about: 'suite: get-vanilla-query-order-key-case',
    ...suite,
    request: {
      method: 'GET',
      path: '/',
      query: 'Param1=value1&Param2=value2',
      headers: [suiteHost, suiteDate],
      payloadHash: EMPTY_SHA256,
    },
    authorization: suiteAuthorization(
      'host;x-amz-date',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ),
  },
  {
    about: 'suite: post-vanilla',
    ...suite,
    request: {
      method: 'POST',
      path: '/',
      query: '',
      headers: [suiteHost, suiteDate],
      payloadHash: EMPTY_SHA256,
    },
    authorization: suiteAuthorization(
      'host;x-amz-date',
      '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    ),
  },
  {
    about: 'suite: get-header-value-trim',
    ...suite,
    request: {
      method: 'GET',
      path: '/',
      query: '',
      headers: [suiteHost, ['my-header1', ' value1'], ['my-header2', ' "a   b   c"'], suiteDate],
      payloadHash: EMPTY_SHA256,
    },
    authorization: suiteAuthorization(
      'host;my-header1;my-header2;x-amz-date',
      'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    ),
  },
]

for (const { about, request, authorization, ...signer } of vectors) {
  test(`AWS's published signature comes out: ${about}`, () => {
    const key = deriveSigningKey(signer.secretAccessKey, dayOf(signer.amzDate), signer.region, signer.service)
    assert.equal(authorizationOf(request, { ...signer, key }), authorization)
  })
}

test("the signing key of AWS's example comes out", () => {
  const key = deriveSigningKey('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', '20150830', 'us-east-1', 'iam')
  assert.equal(key.toString('hex'), 'c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9')
})

test('an AMZ date has no separators and no fractions', () => {
  assert.equal(amzDateOf(Date.UTC(2015, 7, 30, 12, 36, 0, 999)), '20150830T123600Z')
})

test('the hash of nothing is what it is said to be', () => {
  assert.equal(sha256(''), EMPTY_SHA256)
})
