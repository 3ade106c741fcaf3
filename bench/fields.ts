/**
 * What field encryption costs: fields per CPU-second beside bare `crypto.publicEncrypt` in a loop, in this process; and the
 * CPU that a proxied POST of 4 KB JSON with six fields costs more than without, through a running edge.
 * Must hold: at least 0.85 of bare (`ratio_bare`).
 */
import { constants, generateKeyPairSync, publicEncrypt } from 'node:crypto'
import path from 'node:path'
import { systemClock } from '../src/base/clock.ts'
import { defaultWrap } from '../src/modules/field-encryption/wire.ts'
import { FORMATS } from '../src/modules/field-encryption/formats/format.ts'
import { anywhere } from '../src/modules/field-encryption/path-pattern.ts'
import { createProtection, protectDocument, splice } from '../src/modules/field-encryption/protect.ts'
import { openEmbeddedKeys } from '../src/seams/keys/embedded.ts'
import { cpuSeconds } from './support/cpu.ts'
import { startEdge } from './support/edge.ts'
import { generateLoad } from './support/load.ts'
import { median } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { startFixedOrigin } from './support/origin.ts'
import { finish } from './support/report.ts'
import { temporaryFolder } from './support/server-process.ts'

const { numbers } = readOptions({ seconds: 2, rounds: 5, connections: 16 })
const FIELDS = 6

const person = {
  name: 'Ada Lovelace',
  ssn: '078-05-1120',
  card: { number: '4111 1111 1111 1111', cvc: 123, expires: '12/29' },
  iban: 'DE89 3704 0044 0532 0130 00',
  phone: '+49 30 1234567',
  notes: Array.from({ length: 40 }, (_, i) => ({
    at: i,
    text: `line ${i} of what nobody needs to hide, some of it`,
  })),
}
const body = JSON.stringify(person).padEnd(4096, ' ')
const names = ['ssn', 'number', 'cvc', 'expires', 'iban', 'phone']

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const key = { id: 'k', key: publicKey, blockBytes: 256 }
const protection = createProtection({
  rules: names.map((name) => ({ name, pattern: anywhere(name), formats: new Set(FORMATS), key: 'k' })),
  detectors: [],
  wrap: defaultWrap,
  maxFields: 1000,
  maxFieldBytes: 65_536,
})
const bytes = Buffer.from(body)

/** Fields per second of CPU of this process. */
async function rate(work: () => Promise<number> | number): Promise<number> {
  const until = performance.now() + numbers.seconds * 1000
  const before = process.cpuUsage()
  let fields = 0
  while (performance.now() < until) for (let i = 0; i < 20; i++) fields += await work()
  const { user, system } = process.cpuUsage(before)
  return (fields * 1e6) / (user + system)
}

const value = Buffer.from('4111 1111 1111 1111')
const bare = (): number => {
  for (let i = 0; i < FIELDS; i++)
    publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, value)
  return FIELDS
}
const ours = async (): Promise<number> => {
  const { replacements } = await protectDocument(bytes, 'json', undefined, protection, () => key)
  Buffer.concat(splice(bytes, replacements))
  return replacements.length
}

const rates: { readonly bare: number; readonly ours: number }[] = []
for (let round = 0; round < numbers.rounds; round++)
  rates.push({ bare: await rate(bare), ours: await rate(ours) })
const ratio = median(rates.map((each) => each.ours / each.bare))
console.log(`\nfields per CPU-second, ${FIELDS} fields in ${bytes.length} bytes of JSON`)
console.log(`  bare publicEncrypt  ${Math.round(median(rates.map((each) => each.bare)))}`)
console.log(
  `  edgeward            ${Math.round(median(rates.map((each) => each.ours)))}   ${ratio.toFixed(2)} x`,
)

using folder = temporaryFolder('fields')
{
  await using keys = await openEmbeddedKeys({ folder: path.join(folder.path, 'keys'), clock: systemClock })
  await keys.create('k')
}
await using origin = await startFixedOrigin({ bodyBytes: 100 })
const edge = await startEdge((logFolder) => {
  const plain = {
    origin: 'o',
    allowedMethods: 'all',
    cachePolicy: 'CachingDisabled',
    originRequestPolicy: 'AllViewer',
  }
  return {
    listeners: [{ port: 0 }],
    admin: false,
    dataFolder: folder.path,
    distributions: {
      bench: {
        origins: { o: { url: origin.url } },
        defaultBehavior: plain,
        behaviors: [
          {
            path: '/fields',
            ...plain,
            fieldEncryption: { key: 'k', fields: names.map((name) => ({ name })) },
          },
        ],
      },
    },
    log: { access: { folder: logFolder, gzip: false } },
  }
})
let failures = 0
async function cost(target: string): Promise<number> {
  const before = cpuSeconds(edge.pids)
  const done = await generateLoad({
    url: edge.url,
    paths: [target],
    connections: numbers.connections,
    seconds: numbers.seconds,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  failures += done.errors + done.badStatuses
  return ((cpuSeconds(edge.pids) - before) * 1e6) / done.requests
}
const added: number[] = []
try {
  for (const target of ['/plain', '/fields']) await cost(target)
  for (let round = 0; round < numbers.rounds; round++) {
    const plain = await cost('/plain')
    added.push((await cost('/fields')) - plain)
  }
} finally {
  await edge.stop()
}
console.log(
  `\nadded to a proxied POST of ${bytes.length} bytes with ${FIELDS} fields: ${median(added).toFixed(0)} CPU microseconds`,
)

finish({
  name: 'fields',
  values: { ratio_bare: Number(ratio.toFixed(3)), added_us: Math.round(median(added)) },
  holds: [{ key: 'ratio_bare', atLeast: 0.85 }],
  wrong: failures === 0 ? [] : [`${failures} requests failed`],
})
