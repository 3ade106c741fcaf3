import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import fc from 'fast-check'
import { Hono } from 'hono'
import { createMatcher, digestOf, readAccepted, writeAccepted } from './accepted.ts'
import {
  createOriginVerifier,
  expressOriginVerify,
  fastifyOriginVerify,
  honoOriginVerify,
  nodeOriginVerify,
  type OriginVerifier,
} from './origin.ts'

const CURRENT = 'current-value-0000000000'
const PENDING = 'pending-value-0000000000'
const HEADER = 'X-Origin-Verify'
const accepted = (...values: string[]) => ({ header: HEADER, sha256: values.map(digestOf) })

/** Each framework as its users set it up: `/echo` gives the headers that the application sees. */
const frameworks: Record<string, (verifier: OriginVerifier) => Promise<Server>> = {
  'node:http': async (verifier) =>
    createServer(
      nodeOriginVerify(
        verifier,
        (request, response) => response.end(JSON.stringify([request.headers, request.rawHeaders])),
        { exempt: ['/health'] },
      ),
    ),
  Express: async (verifier) => {
    const app = express()
    app.use(expressOriginVerify(verifier, { exempt: ['/health'] }))
    app.get('/{*path}', (request: IncomingMessage, response: { json(body: unknown): void }) =>
      response.json([request.headers, request.rawHeaders]),
    )
    return createServer(app as (request: IncomingMessage, response: unknown) => void)
  },
  Fastify: async (verifier) => {
    const app = Fastify()
    app.addHook('onRequest', fastifyOriginVerify(verifier, { exempt: ['/health'] }))
    app.get('/*', (request) => [request.headers, request.raw.rawHeaders])
    await app.ready()
    return app.server
  },
  Hono: async (verifier) => {
    const app = new Hono()
    app.use(honoOriginVerify(verifier, { exempt: ['/health'] }))
    app.get('/*', (context) => context.json([context.req.header(), [...context.req.raw.headers]]))
    return createAdaptorServer({ fetch: app.fetch }) as Server
  },
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: IncomingMessage['headers']
}

async function ask(port: number, path: string, headers: readonly string[] = []): Promise<Answer> {
  const request = httpRequest({ port, host: '127.0.0.1', path, headers: ['Host', 'o.test', ...headers] })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode ?? 0, text, headers: response.headers }
}

for (const [name, build] of Object.entries(frameworks)) {
  describe(`the middleware for ${name}`, () => {
    async function withServer(work: (port: number) => Promise<void>): Promise<void> {
      const verifier = createOriginVerifier({ accepted: accepted(CURRENT, PENDING) })
      const server = await build(verifier)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        await work((server.address() as AddressInfo).port)
      } finally {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
        verifier.close()
      }
    }

    const refused: readonly (readonly [what: string, headers: readonly string[]])[] = [
      ['no header', []],
      ['an empty one', [HEADER, '']],
      ['another value', [HEADER, 'wrong']],
      ['a value cut short', [HEADER, CURRENT.slice(0, -1)]],
      ['a longer value', [HEADER, `${CURRENT}0`]],
      ['a value in capitals', [HEADER, CURRENT.toUpperCase()]],
      ['the digest instead of the value', [HEADER, digestOf(CURRENT)]],
      ['the value twice', [HEADER, CURRENT, HEADER, CURRENT]],
      ['a right and a wrong value', [HEADER, CURRENT, HEADER, 'wrong']],
      ['the value in another header', ['X-Other', CURRENT]],
    ]
    test('refuses what lacks the secret with a 403 that no cache keeps', () =>
      withServer(async (port) => {
        for (const [what, headers] of refused) {
          const answer = await ask(port, '/echo', headers)
          assert.equal(answer.status, 403, what)
          assert.match(answer.text, /answers only what comes through its edge/, what)
          assert.equal(answer.headers['cache-control'], 'no-store', what)
        }
      }))

    test('lets pass current and pending, whatever the case of the name, and hides the header', () =>
      withServer(async (port) => {
        for (const value of [CURRENT, PENDING]) {
          for (const header of [HEADER, 'x-origin-verify', 'X-ORIGIN-VERIFY']) {
            const answer = await ask(port, '/echo?a=1', ['X-Before', '1', header, value, 'X-After', '2'])
            assert.equal(answer.status, 200)
            assert.doesNotMatch(answer.text, /origin-verify/i)
            assert.doesNotMatch(answer.text, new RegExp(value))
            assert.match(answer.text, /"x-before":"1"/)
            assert.match(answer.text, /"x-after":"2"/)
          }
        }
      }))

    test('answers an exempt path without the header, and nothing beside it', () =>
      withServer(async (port) => {
        assert.equal((await ask(port, '/health')).status, 200)
        assert.equal((await ask(port, '/health?deep=1')).status, 200)
        assert.equal((await ask(port, '/health/')).status, 403)
        assert.equal((await ask(port, '/%68ealth')).status, 403)
      }))
  })
}

test('a document reads back as it was written, and any other text is refused with a reason', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (values) => {
      assert.deepEqual(readAccepted(writeAccepted(accepted(...values))), accepted(...values))
    }),
  )
  const wrong: readonly (readonly [text: string, why: RegExp])[] = [
    ['', /not JSON/],
    ['[]', /"edgeward"/],
    ['null', /not an object/],
    ['{"edgeward":"origin-verify 2","header":"X","sha256":[]}', /"edgeward"/],
    ['{"edgeward":"origin-verify 1","header":"","sha256":[]}', /"header"/],
    ['{"edgeward":"origin-verify 1","header":"X","sha256":{}}', /"sha256" is not a list/],
    [`{"edgeward":"origin-verify 1","header":"X","sha256":["${CURRENT}"]}`, /64 hexadecimal/],
  ]
  for (const [text, why] of wrong) assert.throws(() => readAccepted(text), why, text)
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.throws(() => readAccepted(text), Error)
    }),
  )
})

test('a matcher takes exactly the values whose digests it has', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 })), fc.string(), (values, other) => {
      const matches = createMatcher(values.map(digestOf))
      for (const value of values) assert.ok(matches(value))
      const asBytes = (value: string) => Buffer.from(value, 'latin1').toString('latin1')
      assert.equal(matches(other), values.map(asBytes).includes(asBytes(other)))
    }),
  )
})

test('a file is followed through its replacement, and a broken or missing one changes nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-verifier-'))
  const problems: string[] = []
  const file = join(folder, 'accepted.json')
  const replace = async (text: string) => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  const verifier = createOriginVerifier({ file, report: (problem) => problems.push(problem) })
  try {
    assert.equal(verifier.verify(CURRENT), false)
    assert.match(problems[0]!, /accepted\.json is not there; the edge writes it when it starts/)
    await replace(writeAccepted(accepted(CURRENT)))
    await verifier.refresh()
    assert.equal(verifier.verify(CURRENT), true)
    assert.equal(verifier.verify(PENDING), false)
    await replace('{')
    await verifier.refresh()
    assert.match(problems.at(-1)!, /it is not JSON/)
    assert.equal(verifier.verify(CURRENT), true)
    await replace(writeAccepted({ ...accepted(CURRENT, PENDING), header: 'X-Other' }))
    await verifier.refresh()
    assert.equal(verifier.verify(PENDING), true)
    assert.equal(verifier.header, 'x-other')
    await rm(file)
    await verifier.refresh()
    assert.equal(verifier.verify(PENDING), true)
  } finally {
    verifier.close()
    await rm(folder, { recursive: true })
  }
})

test('a route is asked with its token, and what it said last stays while it is silent', async () => {
  const problems: string[] = []
  let body: string | number = 500
  const seen: (string | undefined)[] = []
  const admin = createServer((request, response) => {
    seen.push(request.headers.authorization)
    if (typeof body === 'number') response.writeHead(body).end()
    else response.end(body)
  })
  admin.listen(0, '127.0.0.1')
  await once(admin, 'listening')
  const url = `http://127.0.0.1:${(admin.address() as AddressInfo).port}/origin-verify/shop/site`
  const verifier = createOriginVerifier({
    url,
    token: 'token-of-the-admin-port',
    pollMs: 3_600_000,
    report: (problem) => problems.push(problem),
  })
  try {
    await verifier.refresh()
    assert.equal(verifier.verify(CURRENT), false)
    assert.match(problems[0]!, /\/origin-verify\/shop\/site cannot be used: it answered 500/)
    body = writeAccepted(accepted(CURRENT))
    await verifier.refresh()
    assert.equal(verifier.verify(CURRENT), true)
    assert.deepEqual([...new Set(seen)], ['Bearer token-of-the-admin-port'])
    body = 401
    await verifier.refresh()
    assert.equal(verifier.verify(CURRENT), true)
    assert.ok(problems.every((problem) => !problem.includes('token-of-the')))
  } finally {
    verifier.close()
    admin.closeAllConnections()
    admin.close()
  }
})
