import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { extension, inRecords, writeClientHello } from './client-hello.fixture.ts'
import { parseClientHello, type ClientHello } from './client-hello.ts'
import { isGrease, ja3, ja4 } from './fingerprint.ts'

const nothing: ClientHello = {
  legacyVersion: 0x0303,
  cipherSuites: [],
  extensions: [],
  serverName: undefined,
  alpnProtocols: [],
  supportedGroups: [],
  ecPointFormats: [],
  signatureAlgorithms: [],
  supportedVersions: [],
}

test('JA3 gives the published values', () => {
  // The examples of github.com/salesforce/ja3, README.md and python/README.rst.
  const cases = [
    [
      {
        legacyVersion: 769,
        cipherSuites: [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
        extensions: [0, 10, 11],
        supportedGroups: [23, 24, 25],
        ecPointFormats: [0],
      },
      '769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0',
      'ada70206e40642a3e4461f35503241d5',
    ],
    [
      { legacyVersion: 769, cipherSuites: [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99] },
      '769,4-5-10-9-100-98-3-6-19-18-99,,,',
      'de350869b8c85de67a350c8d186f11e6',
    ],
  ] as const
  for (const [parts, text, hash] of cases) assert.deepEqual(ja3({ ...nothing, ...parts }), { text, hash })
})

/** The worked example of github.com/FoxIO-LLC/ja4, technical_details/JA4.md, in its original order. */
const chrome: ClientHello = {
  ...nothing,
  cipherSuites: numbers('1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035'),
  extensions: numbers('001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015'),
  signatureAlgorithms: numbers('0403,0804,0401,0503,0805,0501,0806,0601'),
  supportedVersions: [0x0304, 0x0303],
  alpnProtocols: ['h2', 'http/1.1'],
}

test('JA4 gives the published values', () => {
  assert.equal(ja4(chrome, 't'), 't13d1516h2_8daaf6152771_e5627efa2ab1')
  const withoutAlgorithms = ja4({ ...chrome, signatureAlgorithms: [] }, 't')
  assert.equal(withoutAlgorithms, 't13d1516h2_8daaf6152771_6d807ffa2a79')
  assert.equal(ja4(nothing, 't'), 't12i000000_000000000000_000000000000')
})

test('GREASE changes neither fingerprint, wherever it stands', () => {
  const greased: ClientHello = {
    ...chrome,
    cipherSuites: [0x0a0a, ...chrome.cipherSuites],
    extensions: [0x1a1a, ...chrome.extensions, 0xfafa],
    supportedGroups: [0x2a2a],
    signatureAlgorithms: [0x3a3a, ...chrome.signatureAlgorithms],
    supportedVersions: [0xfafa, ...chrome.supportedVersions],
    alpnProtocols: ['\x4a\x4a', ...chrome.alpnProtocols],
  }
  assert.equal(ja4(greased, 't'), ja4(chrome, 't'))
  assert.equal(ja3(greased).text, ja3(chrome).text)
  const all = Array.from({ length: 0x10000 }, (_, value) => value).filter(isGrease)
  assert.deepEqual(
    all,
    Array.from({ length: 16 }, (_, high) => (high * 16 + 10) * 0x101),
  )
})

test('JA4 does not depend on order, but on the order of signature algorithms', () => {
  const shuffled = {
    ...chrome,
    cipherSuites: chrome.cipherSuites.toReversed(),
    extensions: chrome.extensions.toReversed(),
  }
  assert.equal(ja4(shuffled, 't'), ja4(chrome, 't'))
  const algorithms = { ...chrome, signatureAlgorithms: chrome.signatureAlgorithms.toReversed() }
  assert.notEqual(ja4(algorithms, 't'), ja4(chrome, 't'))
})

test('the readable part of JA4 tells version, name, counts and first protocol', () => {
  const cases: readonly (readonly [Partial<ClientHello>, string])[] = [
    [{ legacyVersion: 0x0301 }, 't10i000000'],
    [{ legacyVersion: 0x0300 }, 'ts3i000000'],
    [{ legacyVersion: 0x9999 }, 't00i000000'],
    [{ supportedVersions: [0x0303, 0x0304, 0x0301] }, 't13i000000'],
    [{ supportedVersions: [0x0302] }, 't11i000000'],
    [{ extensions: [0, 16] }, 't12d000200'],
    [{ cipherSuites: Array.from({ length: 120 }, () => 1) }, 't12i990000'],
    [{ alpnProtocols: ['http/1.1'] }, 't12i0000h1'],
    [{ alpnProtocols: [''] }, 't12i000000'],
    [{ alpnProtocols: ['x'] }, 't12i0000xx'],
    [{ alpnProtocols: ['\xab'] }, 't12i0000ab'],
    [{ alpnProtocols: ['\xab\xcd'] }, 't12i0000ad'],
    [{ alpnProtocols: ['0\xab'] }, 't12i00003b'],
    [{ alpnProtocols: ['01\xab\xcd'] }, 't12i00003d'],
    [{ alpnProtocols: ['0\xab\xcd1'] }, 't12i000001'],
  ]
  for (const [parts, expected] of cases) {
    assert.equal(ja4({ ...nothing, ...parts }, 't').split('_')[0], expected, JSON.stringify(parts))
  }
  assert.equal(ja4(nothing, 'q')[0], 'q')
})

test('a written hello and one from the wire have one fingerprint', () => {
  const bytes = inRecords(
    writeClientHello({
      cipherSuites: [0x1a1a, 0x1301, 0xc02b],
      extensions: [
        extension.serverName('a.example'),
        extension.supportedGroups([0x2a2a, 29]),
        extension.ecPointFormats([0]),
        extension.signatureAlgorithms([0x0804, 0x0403]),
        extension.alpn(['h2']),
        extension.supportedVersions([0x3a3a, 0x0304]),
        extension.empty(0x4a4a),
      ],
    }),
  )
  assertAgrees(bytes)
})

const port = (server: { address(): unknown }) => (server.address() as AddressInfo).port
const clients: readonly { readonly name: string; readonly say: (port: number) => Promise<void> }[] = [
  {
    name: 'node',
    async say(toPort) {
      const options = {
        host: '127.0.0.1',
        port: toPort,
        servername: 'a.example',
        ALPNProtocols: ['h2', 'http/1.1'],
      }
      const socket = connect({ ...options, rejectUnauthorized: false })
      socket.on('error', () => {})
      await new Promise((resolve) => socket.on('close', resolve))
    },
  },
  {
    name: 'openssl',
    say: (toPort) =>
      run('openssl', [
        's_client',
        '-connect',
        `127.0.0.1:${toPort}`,
        '-servername',
        'a.example',
        '-alpn',
        'h2,http/1.1',
      ]),
  },
  { name: 'curl', say: (toPort) => run('curl', ['-sk', `https://localhost:${toPort}/`]) },
]

for (const { name, say } of clients) {
  const isMissing = name !== 'node' && spawnSync(name, ['--help'], { stdio: 'ignore' }).error !== undefined
  test(
    `the handshake of ${name} has a stable fingerprint that a second computation shares`,
    { skip: isMissing && `${name} is not installed` },
    async () => {
      const hellos: Buffer[] = []
      await using server = createServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', (bytes) => {
          hellos.push(Buffer.from(bytes))
          socket.destroy()
        })
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      await say(port(server))
      await say(port(server))
      const [first, second] = hellos.map(assertAgrees)
      assert.ok(first !== undefined && second !== undefined)
      assert.deepEqual(first, second)
      assert.match(first.ja4, /^t13d\d{4}h[12]_[0-9a-f]{12}_[0-9a-f]{12}$/)
    },
  )
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore'] })
  await once(child, 'close')
}

/** Parses and fingerprints `bytes`, and holds both fingerprints against a straightforward reading of the same bytes. */
function assertAgrees(bytes: Buffer): { ja3: string; ja4: string } {
  const parsed = parseClientHello(bytes)
  assert.ok(parsed.kind === 'found', parsed.kind)
  const given = { ja3: ja3(parsed.hello).hash, ja4: ja4(parsed.hello, 't') }
  assert.deepEqual(given, readStraight(bytes))
  return given
}

/** Both fingerprints of a good hello in one record, read off its hexadecimal digits with no thought for bad ones. */
function readStraight(bytes: Buffer): { ja3: string; ja4: string } {
  let hex = bytes.toString('hex').slice(10 + 8)
  const take = (count: number) => {
    const taken = hex.slice(0, count * 2)
    hex = hex.slice(count * 2)
    return taken
  }
  const takeVector = (lengthBytes: number) => take(parseInt(take(lengthBytes), 16))
  const pairs = (text: string) => (text.match(/.{4}/g) ?? []).filter((pair) => !/^(.a)\1$/.test(pair))
  const decimal = (values: readonly string[]) => values.map((value) => parseInt(value, 16)).join('-')
  const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12)
  const version = take(2)
  take(32)
  takeVector(1)
  const ciphers = pairs(takeVector(2))
  takeVector(1)
  const order: string[] = []
  const bodies: Record<string, string> = {}
  hex = takeVector(2)
  while (hex !== '') {
    const type = take(2)
    bodies[type] = takeVector(2)
    order.push(type)
  }
  const extensions = order.filter((type) => !/^(.a)\1$/.test(type))
  const groups = pairs((bodies['000a'] ?? '').slice(4))
  const formats = ((bodies['000b'] ?? '').slice(2).match(/../g) ?? []).map((value) => parseInt(value, 16))
  const algorithms = pairs((bodies['000d'] ?? '').slice(4))
  const versions = pairs((bodies['002b'] ?? '').slice(2))
  const alpn = bodies['0010'] ?? ''
  const protocol = Buffer.from(alpn.slice(6, 6 + parseInt(alpn.slice(4, 6) || '0', 16) * 2), 'hex').toString()
  const highest = versions.toSorted().at(-1) ?? version
  const ja3Text = [
    parseInt(version, 16),
    decimal(ciphers),
    decimal(extensions),
    decimal(groups),
    formats.join('-'),
  ].join()
  const kept = extensions.filter((type) => type !== '0000' && type !== '0010').toSorted()
  const two = (values: readonly string[]) => String(values.length).padStart(2, '0')
  const head = [
    't',
    { '0304': '13', '0303': '12' }[highest],
    '0000' in bodies ? 'd' : 'i',
    two(ciphers),
    two(extensions),
    protocol === '' ? '00' : protocol[0]! + protocol.at(-1)!,
  ].join('')
  return {
    ja3: createHash('md5').update(ja3Text).digest('hex'),
    ja4: [head, digest(ciphers.toSorted().join()), digest([kept.join(), algorithms.join()].join('_'))].join(
      '_',
    ),
  }
}

function numbers(list: string): number[] {
  return list.split(',').map((value) => parseInt(value, 16))
}
