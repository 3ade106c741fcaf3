import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { runEdge } from '../support/running-edge.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'

test('signed URLs and cookies made by the AWS signer open a restricted behavior, and nothing else does', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  )
  await using edge = await runEdge(
    {
      origins: { o: { url: origin.url } },
      defaultBehavior: { origin: 'o', cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer' },
      behaviors: [
        {
          path: '/private/*',
          origin: 'o',
          trustedKeyGroups: ['readers'],
          cachePolicy: 'CachingDisabled',
          originRequestPolicy: 'AllViewer',
        },
      ],
    },
    {
      top: { publicKeys: { K2JCJMDEHXQW5F: { pem: publicKey } }, keyGroups: { readers: ['K2JCJMDEHXQW5F'] } },
    },
  )
  const url = `${edge.url}/private/film.mp4?quality=high`
  const key = { keyPairId: 'K2JCJMDEHXQW5F', privateKey }
  const dateLessThan = new Date(Date.now() + 60_000).toISOString()
  const signed = getSignedUrl({ url, dateLessThan, ...key })
  assert.equal((await fetch(signed)).status, 200)
  assert.match(origin.received[0]!, /^GET \/private\/film\.mp4\?quality=high HTTP/)

  const policy = JSON.stringify({
    Statement: [
      {
        Resource: `${edge.url}/private/*`,
        Condition: { DateLessThan: { 'AWS:EpochTime': Math.floor(Date.now() / 1000) + 60 } },
      },
    ],
  })
  const cookies = getSignedCookies({ policy, ...key })
  const cookie = Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')
  assert.equal((await fetch(`${edge.url}/private/other`, { headers: { cookie } })).status, 200)

  const expired = getSignedUrl({ url, dateLessThan: new Date(Date.now() - 60_000).toISOString(), ...key })
  const refusals: [string, string][] = [
    [url, 'MissingKey'],
    [`${signed}&extra=1`, 'AccessDenied'],
    [expired, 'AccessDenied'],
    [signed.replace('K2JCJMDEHXQW5F', 'KOTHER'), 'InvalidKey'],
    // A path that is encoded otherwise is the same behavior: the pattern cannot be slipped past.
    [`${edge.url}/%70rivate/film.mp4`, 'MissingKey'],
  ]
  const before = origin.received.join('').length
  for (const [refused, code] of refusals) {
    const response = await fetch(refused)
    assert.equal(response.status, 403, refused)
    assert.match(await response.text(), new RegExp(`<Code>${code}</Code>`), refused)
  }
  assert.equal(origin.received.join('').length, before)
  assert.equal((await fetch(`${edge.url}/open?Signature=x`)).status, 200)
})
