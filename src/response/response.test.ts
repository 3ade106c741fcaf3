import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import { findManagedResponseHeadersPolicy } from './managed-policies.ts'
import { cloudfront, passageOf, REQUEST_ID, responseOf, standingClock } from './passage.fixture.ts'
import { createResponse } from './response.ts'

const room = createResponse({ clock: standingClock(), random: () => 0.5 })

test('a refusal goes from its page through the headers policy to the stamp', () => {
  const responseHeadersPolicy = findManagedResponseHeadersPolicy('SecurityHeadersPolicy')
  const passage = passageOf({ identity: cloudfront, behavior: { responseHeadersPolicy } })
  passage.visit.exit = 'behavior'
  const fault = new Fault('ClientGeoBlocked')
  const settlement = room.settle(passage, room.errorPage(passage, fault), fault)
  assert.equal(settlement.kind, 'as-is')
  const response = room.stamp(passage, room.shape(passage, room.encode(passage, settlement.response)))
  assert.equal(response.status, 403)
  const names = [...response.headers].map(([name]) => name).join(' ')
  assert.equal(
    names,
    'Server Date Content-Type Content-Length X-XSS-Protection X-Frame-Options Referrer-Policy ' +
      'X-Content-Type-Options Strict-Transport-Security X-Cache Via X-Amz-Cf-Pop X-Amz-Cf-Id',
  )
  assert.equal(response.headers.get('x-cache'), 'Error from cloudfront')
  assert.equal(response.headers.get('server'), 'CloudFront')
  assert.ok(String(response.body.buffered).includes(REQUEST_ID))
})

test('a policy cannot take away the headers of the edge, and what it takes of Server the edge gives back', () => {
  const responseHeadersPolicy = {
    name: 'bare',
    remove: new Set(['server', 'x-cache', 'via', 'x-amz-cf-id']),
    cors: undefined,
    set: [],
    serverTimingRate: undefined,
  }
  const passage = passageOf({ identity: cloudfront, behavior: { responseHeadersPolicy } })
  const origin = responseOf(200, { Server: 'Apache' }, Body.bytes('hello'))
  const { headers } = room.stamp(passage, room.shape(passage, origin))
  assert.equal(headers.get('server'), 'CloudFront')
  for (const name of ['x-cache', 'via', 'x-amz-cf-pop', 'x-amz-cf-id'])
    assert.equal(headers.count(name), 1, name)
})

test('a request that met no distribution gets its page and its stamp', () => {
  const passage = passageOf({ isMatched: false })
  passage.visit.exit = 'accept'
  const response = room.stamp(passage, room.errorPage(passage, new Fault('UriTooLong')))
  assert.equal(response.status, 414)
  assert.equal(response.headers.get('connection'), 'close')
})
