import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { generate } from 'selfsigned'
import { checkConfig } from './check.ts'
import { compilePlan } from './compile.ts'

const NOW = Date.UTC(2026, 10, 24)
const DAY_MS = 86_400_000
let folder = ''

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgeward-files-'))
  const good = await certificate(NOW - DAY_MS, NOW + DAY_MS)
  const old = await certificate(NOW - 20 * DAY_MS, NOW - DAY_MS)
  const early = await certificate(NOW + DAY_MS, NOW + 20 * DAY_MS)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const files: Record<string, string> = {
    'good.pem': good.cert,
    'good.key': good.private,
    'old.pem': old.cert,
    'old.key': old.private,
    'early.pem': early.cert,
    'early.key': early.private,
    'text.txt': 'no pem',
    'broken.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    'rsa.pub': rsa.publicKey.export({ type: 'spki', format: 'pem' }),
    'rsa.key': rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    'p384.pub': p384.publicKey.export({ type: 'spki', format: 'pem' }),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text)
})

after(() => rm(folder, { recursive: true }))

/** Where in the configuration, level, message. FOLDER stands for the folder of the files. */
const cases: readonly (readonly [title: string, config: object, expected: readonly string[]])[] = [
  ['a certificate and its key', listener('good.pem', 'good.key'), []],
  [
    'files that are not there',
    listener('none.pem', 'none.key'),
    [
      'error listeners[0].tls.certificates[0].cert: the file FOLDER/none.pem cannot be read: it does not exist',
      'error listeners[0].tls.certificates[0].key: the file FOLDER/none.key cannot be read: it does not exist',
    ],
  ],
  [
    'a key of another certificate',
    listener('good.pem', 'old.key'),
    ['error listeners[0].tls.certificates[0].key: is not the key of the certificate'],
  ],
  [
    'an expired certificate',
    listener('old.pem', 'old.key'),
    ['warning listeners[0].tls.certificates[0].cert: the certificate expired on 2026-11-23'],
  ],
  [
    'a certificate of the future',
    listener('early.pem', 'early.key'),
    ['warning listeners[0].tls.certificates[0].cert: the certificate is not valid before 2026-11-25'],
  ],
  [
    'files of another kind',
    listener('text.txt', 'good.pem'),
    [
      'error listeners[0].tls.certificates[0].cert: the file FOLDER/text.txt holds no PEM text',
      'error listeners[0].tls.certificates[0].key: holds no private key that can be read: …',
    ],
  ],
  [
    'a certificate that is damaged',
    listener('broken.pem', 'good.key'),
    ['error listeners[0].tls.certificates[0].cert: holds no certificate that can be read: …'],
  ],
  [
    'a folder in place of a file',
    listener('.', 'good.key'),
    ['error listeners[0].tls.certificates[0].cert: the file FOLDER cannot be read: it is a folder'],
  ],
  ['a public key', { publicKeys: { K1: { pem: 'rsa.pub' } } }, []],
  [
    'a private key in its place',
    { publicKeys: { K1: { pem: 'rsa.key' } } },
    ['error publicKeys.K1.pem: holds a private key'],
  ],
  [
    'a key on another curve',
    { publicKeys: { K1: { pem: 'p384.pub' } } },
    ['error publicKeys.K1.pem: holds a key of another kind (ec)'],
  ],
  ['a folder origin', origin({ folder: '.' }), []],
  [
    'a folder that is not there',
    origin({ folder: './gone' }),
    [
      'error distributions.main.origins.site.folder: the folder FOLDER/gone cannot be read: it does not exist',
    ],
  ],
  [
    'a file in place of a folder',
    origin({ folder: 'text.txt' }),
    ['error distributions.main.origins.site.folder: FOLDER/text.txt is not a folder'],
  ],
  [
    'a folder with a name that no file can have',
    origin({ folder: 'a\0b' }),
    ['error distributions.main.origins.site.folder: …'],
  ],
  [
    'authorities and a client certificate',
    origin({ url: 'https://127.0.0.1', tls: { ca: 'good.pem', cert: 'good.pem', key: 'good.key' } }),
    [],
  ],
  [
    'a client certificate without key',
    origin({ url: 'https://127.0.0.1', tls: { cert: 'good.pem' } }),
    ['error distributions.main.origins.site.tls: a client certificate needs both cert and key'],
  ],
  [
    'authorities that are none',
    origin({ url: 'https://127.0.0.1', tls: { ca: 'broken.pem' } }),
    ['error distributions.main.origins.site.tls.ca: holds no certificate that can be read: …'],
  ],
  [
    'an address database that is not there',
    { geo: { countryFile: 'x.mmdb' } },
    ['error geo.countryFile: the file FOLDER/x.mmdb cannot be read: it does not exist'],
  ],
]

for (const [title, config, expected] of cases) {
  test(`${title}: ${expected.length === 0 ? 'no problem' : 'told'}`, async () => {
    const { problems } = await checkConfig(withSite(config), folder, { environment: {}, now: NOW })
    const told = problems.map(
      ({ level, path: place, message }) => `${level} ${place}: ${message.replaceAll(folder, 'FOLDER')}`,
    )
    assert.equal(told.length, expected.length, told.join('\n'))
    // What OpenSSL says differs between versions.
    for (const [index, line] of expected.entries()) {
      if (line.endsWith('…')) assert.ok(told[index]!.startsWith(line.slice(0, -1)), told[index]!)
      else assert.equal(told[index], line)
    }
  })
}

test('texts of files are in the plan, read once by the check', async () => {
  const config = withSite({
    ...origin({ url: 'https://127.0.0.1', tls: { ca: 'good.pem', cert: 'good.pem', key: 'good.key' } }),
    publicKeys: { K1: { pem: 'rsa.pub' } },
    keyGroups: { all: ['K1'] },
  })
  const { checked } = await checkConfig(config, folder, { environment: {}, now: NOW })
  assert.ok(checked !== undefined)
  assert.deepEqual(checked.files.map((file) => path.basename(file)).sort(), [
    'good.key',
    'good.pem',
    'rsa.pub',
  ])
  const planned = compilePlan(checked, { baseFolder: folder, version: 1 }).distributions[0]?.origins.get(
    'site',
  )
  assert.ok(planned?.kind === 'url')
  assert.match(planned.tls.caPem ?? '', /BEGIN CERTIFICATE/)
  assert.match(planned.tls.keyPem?.reveal() ?? '', /PRIVATE KEY/)
})

function listener(cert: string, key: string): object {
  return { listeners: [{ port: 0, tls: { certificates: [{ cert, key }] } }] }
}

function origin(site: object): object {
  return { distributions: { main: { origins: { site }, defaultBehavior: { origin: 'site' } } } }
}

function withSite(config: object): object {
  return { ...origin({ url: 'http://127.0.0.1:1' }), ...config }
}

function certificate(from: number, to: number) {
  return generate([{ name: 'commonName', value: 'test' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(from),
    notAfterDate: new Date(to),
  })
}
