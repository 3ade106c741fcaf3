import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { generate } from 'selfsigned'
import { runEdge } from '../support/running-edge.ts'

const name = [{ name: 'commonName', value: 'localhost' }]
const extensions = [{ name: 'subjectAltName' as const, altNames: [{ type: 2 as const, value: 'localhost' }] }]

test('an HTTPS origin must show a certificate that is trusted and matches its name, and may ask for one of the edge', async () => {
  const pem = await generate(name, { keyType: 'ec', extensions })
  const client = await generate([{ name: 'commonName', value: 'edge' }], { keyType: 'ec' })
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  const files = {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'client.pem'),
    key: join(folder, 'client.key'),
  }
  await writeFile(files.ca, pem.cert)
  await writeFile(files.cert, client.cert)
  await writeFile(files.key, client.private)
  const server = createServer(
    { key: pem.private, cert: pem.cert, ca: client.cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const socket = request.socket as TLSSocket
      const peer = socket.getPeerCertificate() as { subject?: { CN?: string } }
      response.end(`${peer.subject?.CN ?? 'nobody'} ${String(socket.servername)}`)
    },
  )
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `https://localhost:${port}`
  const passAll = { cachePolicy: 'CachingDisabled' }
  await using edge = await runEdge({
    origins: {
      untrusted: { url },
      trusted: { url, tls: { ca: files.ca } },
      mutual: { url, tls: { ca: files.ca, cert: files.cert, key: files.key } },
      misnamed: { url: `https://127.0.0.1:${port}`, tls: { ca: files.ca } },
    },
    defaultBehavior: { origin: 'trusted', ...passAll },
    behaviors: [
      { path: '/untrusted', origin: 'untrusted', ...passAll },
      { path: '/mutual', origin: 'mutual', ...passAll },
      { path: '/misnamed', origin: 'misnamed', ...passAll },
    ],
  })
  for (let i = 0; i < 2; i++) assert.equal(await (await fetch(edge.url)).text(), 'nobody localhost')
  assert.equal(await (await fetch(`${edge.url}/mutual`)).text(), 'edge localhost')
  assert.equal((await fetch(`${edge.url}/untrusted`)).status, 502)
  assert.equal((await fetch(`${edge.url}/misnamed`)).status, 502)
  const visits = await edge.ended(5)
  assert.deepEqual(
    visits.slice(3).map((visit) => visit.fault),
    ['OriginTlsError', 'OriginTlsError'],
  )
  server.close()
  server.closeAllConnections()
  await rm(folder, { recursive: true })
})
