import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer'
import fc from 'fast-check'
import { makeEcdsaPair, makeRsaPair, signedQuery, type SigningPair, signText } from './signed-url.fixture.ts'
import {
  problemOfSigningKey,
  type SignedDecision,
  type SignedRequest,
  signedUrlErrorBody,
  verifySignedRequest,
} from './signed-url.ts'

const rsa = makeRsaPair('K2JCJMDEHXQW5F')
const ecdsa = makeEcdsaPair('K1EXAMPLEECDSA')
const stranger = makeRsaPair('KSTRANGER')
const keys = new Map([rsa, ecdsa].map(({ id, publicKey }) => [id, publicKey]))
const NOW = 1_800_000_000
const SOON = NOW + 3600
const soonDate = new Date(SOON * 1000).toISOString()
const CLIENT = '192.0.2.10'
const URL_PLAIN = 'https://d111.cloudfront.net/images/a.jpg'
const URL_QUERY = 'https://d111.cloudfront.net/images/a.jpg?size=large&x=1'
const algorithms = ['SHA1', 'SHA256'] as const

/** The request a viewer makes for a URL, taken apart without any normalisation. */
function requestFor(url: string, changes: Partial<SignedRequest> = {}): SignedRequest {
  const [, scheme, host, path, , query] = /^(https?):\/\/([^/]*)([^?]*)(\?(.*))?$/.exec(url) ?? []
  assert.ok(host !== undefined && path !== undefined)
  const isHttp = scheme === 'http'
  return {
    scheme: isHttp ? 'http' : 'https',
    host,
    path,
    query,
    cookie: undefined,
    clientIp: CLIENT,
    ...changes,
  }
}

function cookieField(cookies: object): string {
  return Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')
}

function verdict(decision: SignedDecision): string {
  return decision.kind === 'allowed' ? 'allowed' : `${decision.code}: ${decision.reason}`
}

function assertRefused(request: SignedRequest, expected: string, now = NOW): void {
  assert.equal(verdict(verifySignedRequest(request, keys, now)), expected)
}

for (const pair of [rsa, ecdsa]) {
  for (const algorithm of algorithms) {
    const credentials = { keyPairId: pair.id, privateKey: pair.privatePem, algorithm }
    const who = `${pair === rsa ? 'RSA' : 'ECDSA'} and ${algorithm}`
    const customOf = (url: string) => ({
      ...credentials,
      url,
      dateLessThan: soonDate,
      dateGreaterThan: new Date((NOW - 60) * 1000).toISOString(),
      ipAddress: '192.0.2.0/24',
    })

    test(`a canned URL of the AWS signer with ${who} is let in and loses its parameters`, () => {
      for (const url of [
        URL_PLAIN,
        URL_QUERY,
        'http://localhost:8080/a%20b/%C3%A4',
        'https://example.com/',
      ]) {
        const signed = getSignedUrl({ ...credentials, url, dateLessThan: soonDate })
        const decision = verifySignedRequest(requestFor(signed), keys, NOW)
        assert.deepEqual(decision, { kind: 'allowed', query: requestFor(url).query }, url)
        assertRefused(requestFor(signed), 'AccessDenied: the policy has expired', SOON)
        assertRefused(requestFor(`${signed}&extra=1`), 'AccessDenied: the signature does not fit')
        assertRefused(
          requestFor(signed.replace('Expires=1', 'Expires=2')),
          'AccessDenied: the signature does not fit',
        )
        const { scheme } = requestFor(url)
        const otherScheme = scheme === 'http' ? 'https' : 'http'
        assertRefused(requestFor(signed, { scheme: otherScheme }), 'AccessDenied: the signature does not fit')
        assertRefused(requestFor(signed, { host: 'other.test' }), 'AccessDenied: the signature does not fit')
        assertRefused(requestFor(signed, { path: '/other' }), 'AccessDenied: the signature does not fit')
      }
    })

    test(`a custom URL of the AWS signer with ${who} holds its conditions`, () => {
      for (const url of [URL_PLAIN, URL_QUERY]) {
        const signed = getSignedUrl(customOf(url))
        const decision = verifySignedRequest(requestFor(signed), keys, NOW)
        assert.deepEqual(decision, { kind: 'allowed', query: requestFor(url).query })
        assertRefused(requestFor(signed), 'AccessDenied: the policy has expired', SOON)
        assertRefused(requestFor(signed), 'AccessDenied: the policy is not valid yet', NOW - 60)
        assert.equal(verifySignedRequest(requestFor(signed), keys, NOW - 59).kind, 'allowed')
        const elsewhere = 'AccessDenied: the policy is for another client address'
        assertRefused(requestFor(signed, { clientIp: '192.0.3.10' }), elsewhere)
        assertRefused(requestFor(signed, { clientIp: '2001:db8::1' }), elsewhere)
        const uncovered = 'AccessDenied: the resource of the policy does not cover the URL'
        assertRefused(requestFor(`${signed}&extra=1`), uncovered)
        assertRefused(requestFor(signed, { path: '/images/b.jpg' }), uncovered)
      }
    })

    test(`signed cookies of the AWS signer with ${who} let in what their policy covers`, () => {
      const canned = cookieField(getSignedCookies({ ...credentials, url: URL_QUERY, dateLessThan: soonDate }))
      const request = requestFor(URL_QUERY, { cookie: `a=1; ${canned}; b=2` })
      assert.deepEqual(verifySignedRequest(request, keys, NOW), { kind: 'allowed', query: 'size=large&x=1' })
      assertRefused(request, 'AccessDenied: the policy has expired', SOON)
      assertRefused(requestFor(URL_PLAIN, { cookie: canned }), 'AccessDenied: the signature does not fit')
      const custom = cookieField(getSignedCookies(customOf('https://d111.cloudfront.net/images/*')))
      for (const url of [URL_PLAIN, URL_QUERY]) {
        const decision = verifySignedRequest(requestFor(url, { cookie: custom }), keys, NOW)
        assert.deepEqual(decision, { kind: 'allowed', query: requestFor(url).query })
      }
      const outside = requestFor('https://d111.cloudfront.net/other', { cookie: custom })
      assertRefused(outside, 'AccessDenied: the resource of the policy does not cover the URL')
    })

    test(`a signature by ${who} does not fit under another hash algorithm`, () => {
      const signed = getSignedUrl({ ...credentials, url: URL_PLAIN, dateLessThan: soonDate })
      const swapped =
        algorithm === 'SHA1'
          ? `${signed}&Hash-Algorithm=SHA256`
          : signed.replace('Hash-Algorithm=SHA256', 'Hash-Algorithm=SHA1')
      assertRefused(requestFor(swapped), 'AccessDenied: the signature does not fit')
      const unknown = `${signed.replace('&Hash-Algorithm=SHA256', '')}&Hash-Algorithm=MD5`
      assertRefused(requestFor(unknown), 'AccessDenied: the hash algorithm is neither SHA1 nor SHA256')
    })
  }
}

const sign = (pair: SigningPair, url = URL_PLAIN) =>
  getSignedUrl({ keyPairId: pair.id, privateKey: pair.privatePem, url, dateLessThan: soonDate })

test('the key decides first', () => {
  assertRefused(requestFor(URL_PLAIN), 'MissingKey: there is no key pair id')
  assertRefused(requestFor(`${URL_PLAIN}?Expires=1&Signature=a`), 'MissingKey: there is no key pair id')
  assertRefused(requestFor(`${URL_PLAIN}?Key-Pair-Id=`), 'MissingKey: there is no key pair id')
  assertRefused(requestFor(sign(stranger)), 'InvalidKey: the key pair id is in no key group of the behavior')
  const underOurName = sign({ ...stranger, id: rsa.id })
  assertRefused(requestFor(underOurName), 'AccessDenied: the signature does not fit')
})

test('cookies are not looked at when the query has any signing parameter', () => {
  const cookies = getSignedCookies({
    keyPairId: rsa.id,
    privateKey: rsa.privatePem,
    url: URL_PLAIN,
    dateLessThan: soonDate,
  })
  const cookie = cookieField(cookies)
  assert.equal(verifySignedRequest(requestFor(URL_PLAIN, { cookie }), keys, NOW).kind, 'allowed')
  for (const parameter of ['Expires=1', 'Policy', 'Signature=x', 'Key-Pair-Id', 'Hash-Algorithm=SHA1']) {
    const decision = verifySignedRequest(requestFor(`${URL_PLAIN}?${parameter}`, { cookie }), keys, NOW)
    assert.equal(decision.kind, 'refused', parameter)
  }
  const notAParameter = requestFor(`${URL_PLAIN}?expires=1`, { cookie })
  assertRefused(notAParameter, 'AccessDenied: the signature does not fit')
})

test('parameters may stand anywhere and be percent-encoded; what remains keeps its bytes', () => {
  const signed = sign(rsa, `${URL_PLAIN}?a=%41&b`)
  const [base = '', query = ''] = signed.split('?')
  const own = query.split('&').filter((each) => !/^(Expires|Signature|Key-Pair-Id)=/.test(each))
  const signing = query.split('&').filter((each) => !own.includes(each))
  const mixed = [signing[1], own[0], signing[2], own[1], signing[0]]
    .join('&')
    .replaceAll('~', '%7E')
    .replaceAll('_', '%5f')
  const decision = verifySignedRequest(requestFor(`${base}?${mixed}`), keys, NOW)
  assert.deepEqual(decision, { kind: 'allowed', query: own.join('&') })
})

test('a URL that was signed with an empty query keeps it', () => {
  const { policy: _, signature } = signText(
    rsa,
    `{"Statement":[{"Resource":"${URL_PLAIN}?","Condition":{"DateLessThan":{"AWS:EpochTime":${SOON}}}}]}`,
  )
  const request = requestFor(`${URL_PLAIN}?&Expires=${SOON}&Signature=${signature}&Key-Pair-Id=${rsa.id}`)
  assert.deepEqual(verifySignedRequest(request, keys, NOW), { kind: 'allowed', query: '' })
})

test('what is missing or malformed is refused with a code', () => {
  const key = `Key-Pair-Id=${rsa.id}`
  const long = signText(rsa, JSON.stringify({ pad: 'x'.repeat(8192) }))
  const cases: readonly (readonly [query: string, expected: string])[] = [
    [key, 'AccessDenied: there is no signature'],
    [`${key}&Signature=aaaa`, 'AccessDenied: there is neither a policy nor an expiry'],
    [`${key}&Signature=aaaa&Expires=soon`, 'MalformedPolicy: the expiry is not a number of seconds'],
    [`${key}&Signature=aaaa&Expires=-1`, 'MalformedPolicy: the expiry is not a number of seconds'],
    [
      `${key}&Signature=aaaa&Expires=${'9'.repeat(16)}`,
      'MalformedPolicy: the expiry is not a number of seconds',
    ],
    [`${key}&Signature=aaaa&Expires=${SOON}`, 'AccessDenied: the signature does not fit'],
    [
      `${key}&Signature=a!b&Expires=${SOON}`,
      'AccessDenied: the signature is not in the base64 of signed URLs',
    ],
    [
      `${key}&Signature=${'a'.repeat(2049)}&Expires=1`,
      'AccessDenied: the signature is not in the base64 of signed URLs',
    ],
    [`${key}&Signature=aaaa&Policy=`, 'MalformedPolicy: the policy is not in the base64 of signed URLs'],
    [`${key}&Signature=aaaa&Policy=a_b`, 'MalformedPolicy: the policy is not in the base64 of signed URLs'],
    [`${key}&Signature=aaaa&Policy=a+b`, 'MalformedPolicy: the policy is not in the base64 of signed URLs'],
    [`${key}&Signature=aaaa&Policy=aaaa`, 'MalformedPolicy: the policy is not JSON of the documented form'],
    [
      `${key}&Signature=aaaa&Policy=${long.policy}`,
      'MalformedPolicy: the policy is longer than 8192 characters',
    ],
    [signedQuery(rsa, '{}'), 'MalformedPolicy: the policy is not JSON of the documented form'],
  ]
  for (const [query, expected] of cases) assertRefused(requestFor(`${URL_PLAIN}?${query}`), expected)
})

test('a policy without a resource covers every URL', () => {
  const query = signedQuery(rsa, `{"Statement":{"Condition":{"DateLessThan":{"AWS:EpochTime":${SOON}}}}}`)
  for (const base of [URL_PLAIN, 'http://other.test/x/y']) {
    const decision = verifySignedRequest(requestFor(`${base}?z=1&${query}`), keys, NOW)
    assert.deepEqual(decision, { kind: 'allowed', query: 'z=1' })
  }
})

test('a custom policy cannot be passed off as a canned one by what the URL holds', () => {
  const policy = `{"Statement":[{"Resource":"https://a.test/x","Condition":{"DateLessThan":{"AWS:EpochTime":1}}}]}`
  const { signature } = signText(rsa, policy)
  const path = `/x","Condition":{"DateLessThan":{"AWS:EpochTime":1}}}]}`
  const request = requestFor(
    `https://a.test${path}?Expires=${SOON}&Signature=${signature}&Key-Pair-Id=${rsa.id}`,
  )
  assertRefused(request, 'AccessDenied: the signature does not fit')
})

test('rubbish is refused, never thrown', () => {
  const alphabet = fc.constantFrom('a', '_', '~', '-', '=', '%', '&', '{', '"', '0', '\u00ff', ';', ' ')
  const rubbish = fc.string({ unit: alphabet, maxLength: 60 })
  const value = fc.oneof(
    rubbish,
    fc.base64String(),
    fc.constantFrom('1', rsa.id, ecdsa.id, 'SHA256', String(SOON)),
  )
  const name = fc.constantFrom('Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm', 'x')
  const parameters = fc.array(fc.tuple(name, value).map(([left, right]) => `${left}=${right}`))
  fc.assert(
    fc.property(parameters, parameters, rubbish, fc.boolean(), (query, cookies, text, isSigned) => {
      const request = requestFor(`https://a.test/${text.replaceAll('?', '')}`, {
        query: isSigned ? query.join('&') : undefined,
        cookie: cookies.map((each) => `CloudFront-${each}`).join('; '),
        clientIp: text,
      })
      assert.equal(verifySignedRequest(request, keys, NOW).kind, 'refused')
    }),
    { numRuns: 2000 },
  )
})

test('a damaged signature is refused, whichever byte is damaged', () => {
  for (const pair of [rsa, ecdsa]) {
    const signed = sign(pair)
    const request = requestFor(signed)
    const [before = '', signature = '', after = ''] =
      /^(.*Signature=)([^&]*)(.*)$/.exec(request.query ?? '')?.slice(1) ?? []
    fc.assert(
      fc.property(fc.nat(signature.length - 5), fc.constantFrom('A', 'B', '~', '-', '_', ''), (at, put) => {
        fc.pre(signature[at] !== put)
        const damaged = `${before}${signature.slice(0, at)}${put}${signature.slice(at + 1)}${after}`
        assert.equal(verifySignedRequest({ ...request, query: damaged }, keys, NOW).kind, 'refused')
      }),
    )
  }
})

test('keys that CloudFront does not take are told, and verify nothing', () => {
  const cases = [
    [rsa.publicKey, undefined],
    [ecdsa.publicKey, undefined],
    [rsa.privateKey, /this is a private key/],
    [generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey, /this one has 1024/],
    [generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey, /this one is on secp384r1/],
    [generateKeyPairSync('ed25519').publicKey, /this is ed25519/],
  ] as const
  for (const [key, problem] of cases) {
    const told = problemOfSigningKey(key)
    if (problem === undefined) assert.equal(told, undefined)
    else assert.match(told ?? 'none', problem)
  }
  const edwards = generateKeyPairSync('ed25519').publicKey
  const decision = verifySignedRequest(requestFor(sign(rsa)), new Map([[rsa.id, edwards]]), NOW)
  assert.equal(verdict(decision), 'AccessDenied: the signature does not fit')
  const fromPem = createPublicKey(rsa.publicKey.export({ type: 'spki', format: 'pem' }))
  assert.equal(verifySignedRequest(requestFor(sign(rsa)), new Map([[rsa.id, fromPem]]), NOW).kind, 'allowed')
})

test('the body of a refusal is XML with code and message', () => {
  assert.equal(
    signedUrlErrorBody('MissingKey', 'Missing Key-Pair-Id query parameter or cookie value'),
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>MissingKey</Code><Message>Missing Key-Pair-Id query parameter or cookie value</Message></Error>',
  )
  assert.match(signedUrlErrorBody('a', '<&>'), /<Message>&lt;&amp;&gt;<\/Message>/)
})
