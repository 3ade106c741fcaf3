import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startAdmin } from '../../src/admin/server.ts'
import {
  createOriginVerifier,
  nodeOriginVerify,
  type OriginVerifier,
} from '../../src/modules/origin-verify/origin.ts'
import { runEdge, type RunningEdge } from '../support/running-edge.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'

const TEST = { stableMs: 0, everyMs: 10, timeoutSeconds: 5 }

interface VerifiedOrigin extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly file: string
  readonly verifier: OriginVerifier
  /** Every value that came with a request, in order. */
  readonly values: (string | undefined)[]
  /** Answers this instead of looking at the header, when set. */
  broken: number | undefined
}

/** An origin that runs the middleware and is told by a file. */
async function verifiedOrigin(): Promise<VerifiedOrigin> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-verified-'))
  const file = join(folder, 'accepted.json')
  const verifier = createOriginVerifier({ file, report: () => {} })
  const values: (string | undefined)[] = []
  const handler = nodeOriginVerify(verifier, (request, response) => response.end(`hello ${request.url}`))
  const origin: { broken: number | undefined } = { broken: undefined }
  const server = createServer((request, response) => {
    const value = request.headers['x-origin-verify']
    values.push(typeof value === 'string' ? value : undefined)
    if (origin.broken === undefined) handler(request, response)
    else response.writeHead(origin.broken).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return Object.assign(origin, {
    port,
    url: `http://127.0.0.1:${port}`,
    file,
    verifier,
    values,
    async [Symbol.asyncDispose]() {
      verifier.close()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await rm(folder, { recursive: true })
    },
  })
}

async function edgeBefore(
  origin: { readonly url: string; readonly file?: string },
  originVerify: Record<string, unknown> = {},
): Promise<RunningEdge> {
  return await runEdge(
    {
      origins: {
        o: {
          url: origin.url,
          originVerify: {
            rotateEverySeconds: 1,
            test: TEST,
            ...(origin.file !== undefined && { tell: [{ file: origin.file }] }),
            ...originVerify,
          },
        },
      },
      defaultBehavior: { origin: 'o', cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer' },
    },
    { top: { log: { keepVisits: 100 } } },
  )
}

/** Asks until it is as wanted; what is waited for is real: files, sockets, a rotation. */
async function eventually(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await look()) return
    await new Promise((turn) => setTimeout(turn, 20))
  }
  assert.fail(`never happened: ${what}`)
}

async function admin(edge: RunningEdge) {
  const server = await startAdmin({
    planned: { host: '127.0.0.1', port: 0, token: undefined, isRequired: true },
    edge: edge.edge,
    dataFolder: edge.folder,
    reload: async () => undefined,
    routes: () => edge.edge.adminRoutes(),
  })
  return server
}

test('what comes through the edge is answered and what comes around it is refused, while the value rotates', async () => {
  await using origin = await verifiedOrigin()
  await using edge = await edgeBefore(origin)
  const digests = async (): Promise<string> => readFile(origin.file, 'utf8')
  const first = await digests()
  let answered = 0
  await eventually('two rotations', async () => {
    const response = await fetch(`${edge.url}/a`)
    assert.equal(response.status, 200, `after ${answered} requests: ${edge.said.join('\n')}`)
    assert.equal((await fetch(`${origin.url}/a`)).status, 403)
    answered++
    return edge.said.filter((line) => line.includes('was rotated')).length >= 2
  })
  assert.notEqual(await digests(), first)
  const sent = new Set(origin.values.filter((value) => value !== undefined))
  assert.ok(sent.size >= 3)
  // No value shows anywhere: files of the data folder, what operators read, visits, explain.
  const explained = JSON.stringify(
    await edge.edge.explain({ url: `${edge.url}/a`, method: 'GET', headers: [] }),
  )
  assert.match(explained, /X-Origin-Verify is the value of the secret \\"origin-verify\\", \[secret\]/)
  const shown = [...edge.said, explained, JSON.stringify(edge.visits()), edge.edge.metricsText()]
  for (const name of await readdir(join(edge.folder, '.edgeward'), { recursive: true })) {
    const path = join(edge.folder, '.edgeward', name)
    if ((await stat(path)).isFile()) shown.push(await readFile(path, 'latin1'))
  }
  shown.push(await digests())
  for (const value of sent) assert.ok(!shown.some((text) => text.includes(value)), 'a value shows')
})

test('a viewer that guesses the header is not believed, and its value goes no further', async () => {
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  )
  await using edge = await edgeBefore(origin, { rotateEverySeconds: false })
  await fetch(edge.url, { headers: { 'x-origin-verify': 'guessed' } })
  const received = origin.received.join('')
  assert.doesNotMatch(received, /guessed/)
  assert.equal(received.match(/X-Origin-Verify: [\w-]{43}\r\n/gi)?.length, 1)
})

test('a test that fails takes the rotation back, raises an alarm, and the edge goes on with the old value', async () => {
  await using origin = await verifiedOrigin()
  await using edge = await edgeBefore(origin, { test: { ...TEST, timeoutSeconds: 1 } })
  // An origin that lets everyone in fails the test as much as one that refuses the new value.
  origin.broken = 200
  await eventually('an alarm', () => edge.said.some((line) => line.includes('ALARM')))
  assert.match(
    edge.said.find((line) => line.includes('ALARM'))!,
    /the rotation of "origin-verify" failed at testSecret: the origin test\/o, asked around the edge without the header for \/, answered 200; expected 403; everything was taken back/,
  )
  assert.match(edge.edge.metricsText(), /edgeward_origin_verify_alarm\{secret="origin-verify"\} 1/)
  origin.broken = undefined
  assert.equal((await fetch(`${edge.url}/a`)).status, 200)
  const accepted = JSON.parse(await readFile(origin.file, 'utf8')) as { sha256: string[] }
  assert.equal(accepted.sha256.length, 1)
})

test('an origin that asks the admin port hears what it accepts, as digests', async () => {
  await using origin = await verifiedOrigin()
  await using edge = await edgeBefore({ url: origin.url }, { rotateEverySeconds: false })
  const server = await admin(edge)
  const token = (await readFile(join(edge.folder, 'admin-token'), 'utf8')).trim()
  const asking = createOriginVerifier({
    url: `${server.url}/origin-verify/test/o`,
    token,
    pollMs: 3_600_000,
    report: (problem) => assert.fail(problem),
  })
  try {
    await asking.refresh()
    await fetch(`${edge.url}/a`)
    const value = origin.values.find((each) => each !== undefined)!
    assert.ok(asking.verify(value))
    assert.ok(!asking.verify('wrong'))
    const ask = async (path: string, headers = { authorization: `Bearer ${token}` }) => {
      const response = await fetch(server.url + path, { headers })
      return { status: response.status, text: await response.text() }
    }
    const status = await ask('/origin-verify')
    assert.match(status.text, /"stages": \[\s*"AWSCURRENT"\s*\]/)
    assert.ok(!status.text.includes(value))
    assert.equal((await ask('/origin-verify/test/other')).status, 404)
    assert.equal((await ask('/origin-verify/test/o', { authorization: 'Bearer wrong' })).status, 401)
  } finally {
    asking.close()
    await server.close()
  }
})

test('an edge loads no AWS SDK unless a store or a web ACL of AWS is configured', () => {
  const loaded = execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { registerHooks } from 'node:module'
       const names = []
       registerHooks({ resolve: (name, context, next) => (names.push(name), next(name, context)) })
       await import(${JSON.stringify(new URL('../../src/edge.ts', import.meta.url).href)})
       console.log(names.length > 100, names.filter((name) => name.startsWith('@aws-sdk/')).join())`,
    ],
    { encoding: 'utf8' },
  )
  assert.equal(loaded.trim(), 'true')
})
