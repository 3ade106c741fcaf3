import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { compileCidrs } from '../../../http/address.ts'
import { ImageError } from '../image-error.ts'
import { isForbiddenAddress } from './address-guard.ts'
import { guardedFetch } from './guarded-fetch.ts'

const none = () => false

const forbidden = [
  ...[
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
  ],
  ...['192.0.0.1', '192.168.1.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', 'fe80::1', 'fec0::1', 'fc00::1', 'fd12:3456::1', 'ff02::1', '100::1', '2001:db8::1'],
  // Private addresses hidden in others: compatible, mapped, translated, NAT64, 6to4, Teredo server and client, ISATAP.
  ...[
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:0:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2002:a00:1::1',
  ],
  ...[
    '2001:0:7f00:1::',
    '2001:0:808:808:0:0:80ff:fffe',
    'fe80::5efe:10.0.0.1',
    '2a00::5efe:192.168.0.1',
    '2a00::200:5efe:10.0.0.1',
  ],
  'no address',
]
const allowed = [
  ...[
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '192.167.1.1',
    '223.255.255.255',
  ],
  ...[
    '2a00:1450::1',
    '2606:4700::1111',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
    '2001:0:808:808:0:0:f7f7:f7f7',
    '::ffff:8.8.8.8',
  ],
]
test('private addresses are forbidden in every disguise, public ones are not', () => {
  for (const address of forbidden) assert.ok(isForbiddenAddress(address, none), address)
  for (const address of allowed) assert.ok(!isForbiddenAddress(address, none), address)
})

async function serve(): Promise<{ port: number; asked: string[] } & AsyncDisposable> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.headers.host} ${request.url}`)
    const to = /^\/to\/(.*)$/.exec(request.url ?? '')?.[1]
    if (to !== undefined) response.writeHead(302, { Location: decodeURIComponent(to) }).end()
    else if (request.url === '/loop') response.writeHead(302, { Location: '/loop' }).end()
    else response.end('picture')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const never = new AbortController().signal

test('the connection goes to the address that was checked, whatever the name says a moment later', async () => {
  await using server = await serve()
  let lookups = 0
  const resolve = () => Promise.resolve([++lookups === 1 ? '127.0.0.1' : '10.0.0.1'])
  const response = await guardedFetch(new URL(`http://pictures.test:${server.port}/a`), {
    isAllowed: compileCidrs(['127.0.0.1']),
    signal: never,
    resolve,
  })
  assert.equal((await response.body.collect(100)).toString(), 'picture')
  assert.deepEqual([lookups, server.asked], [1, [`pictures.test:${server.port} /a`]])
})

const refusals: readonly {
  what: string
  path?: string
  addresses: readonly string[] | Error
  detail: RegExp
}[] = [
  { what: 'a name at a private address', addresses: ['192.168.0.1'], detail: /private address/ },
  {
    what: 'a name with one private address among public ones',
    addresses: ['8.8.8.8', '10.0.0.1'],
    detail: /10\.0\.0\.1/,
  },
  { what: 'a name that does not resolve', addresses: new Error('ENOTFOUND'), detail: /does not resolve/ },
  {
    what: 'a redirect to a private address',
    path: `/to/${encodeURIComponent('http://10.0.0.1/')}`,
    addresses: ['127.0.0.1'],
    detail: /10\.0\.0\.1, a private address/,
  },
  {
    what: 'a redirect to metadata in another spelling',
    path: `/to/${encodeURIComponent('http://0xa9fea9fe/')}`,
    addresses: ['127.0.0.1'],
    detail: /169\.254\.169\.254/,
  },
  {
    what: 'a redirect to IPv6 loopback',
    path: `/to/${encodeURIComponent('http://[::1]/')}`,
    addresses: ['127.0.0.1'],
    detail: /::1, a private/,
  },
  {
    what: 'a redirect to a file',
    path: `/to/${encodeURIComponent('file:///etc/passwd')}`,
    addresses: ['127.0.0.1'],
    detail: /file: is not fetched/,
  },
  { what: 'redirects without end', path: '/loop', addresses: ['127.0.0.1'], detail: /redirects too often/ },
]
for (const { what, path = '/', addresses, detail } of refusals) {
  test(`${what} is a missing picture, and the operator is told`, async () => {
    await using server = await serve()
    const fetching = guardedFetch(new URL(`http://pictures.test:${server.port}${path}`), {
      isAllowed: compileCidrs(['127.0.0.1']),
      signal: never,
      resolve: () => (addresses instanceof Error ? Promise.reject(addresses) : Promise.resolve(addresses)),
    })
    await assert.rejects(fetching, (error) => {
      assert.ok(error instanceof ImageError)
      assert.deepEqual([error.status, error.code], [404, 'NoSuchKey'])
      assert.ok(!/\d\.\d/.test(error.message))
      assert.match((error.cause as Error).message, detail)
      return true
    })
  })
}
