import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { Agent, get, type IncomingHttpHeaders } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { animation, type Pictures, pictures, scene } from '../support/pictures.ts'
import { mutated, seededRandom } from '../support/mutations.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

let shelf: Pictures
let edge: RunningEdge
let atRest: Held

before(async () => {
  shelf = await pictures()
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder } },
    defaultBehavior: {
      origin: 'photos',
      cachePolicy: 'CachingDisabled',
      images: { dialect: 'sih', limits: { maxSourceBytes: 4_000_000 } },
    },
  })
  await ask('/20x20/card.png')
  const { buffers, heap } = held()
  const ofTest = [...shelf.bytes.values()].reduce((sum, { length }) => sum + length, 0)
  atRest = { buffers: buffers - ofTest, heap }
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
})

/** Codes of a 4xx that a source can cause; all are in docs/guide/images.md. */
const KNOWN = new Set([
  'InstantiationError',
  'TooLargeImageException',
  'RequestTypeError',
  'BadRequest',
  'Crop::AreaOutOfBounds',
])

async function ask(path: string): Promise<{ status: number; code: string; type: string; body: Buffer }> {
  const response = await fetch(edge.url + path)
  const body = Buffer.from(await response.arrayBuffer())
  const code = response.ok ? '' : (JSON.parse(body.toString()) as { code: string }).code
  return { status: response.status, code, type: response.headers.get('content-type') ?? '', body }
}

async function refused(
  name: string,
  bytes: Buffer | string,
  expected: string,
  path = `/20x20/${name}`,
): Promise<void> {
  await shelf.put(name, bytes)
  const { status, code } = await ask(path)
  assert.equal(`${status} ${code}`, expected)
}

/** A whole black PNG of side x side grey pixels; one megabyte of zeros is compressed once and repeated. */
function blackPng(side: number): Buffer {
  const chunk = (kind: string, data: Buffer): Buffer => {
    const named = Buffer.concat([Buffer.from(kind, 'latin1'), data])
    const framed = Buffer.alloc(named.length + 8)
    framed.writeUInt32BE(data.length, 0)
    named.copy(framed, 4)
    framed.writeUInt32BE(crc32(named), named.length + 4)
    return framed
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(side, 0)
  head.writeUInt32BE(side, 4)
  head.set([8, 0, 0, 0, 0], 8)
  const bytes = (side + 1) * side
  const block = 1 << 20
  const zeros = (length: number) =>
    deflateRawSync(Buffer.alloc(length), { finishFlush: constants.Z_FULL_FLUSH })
  const full = zeros(block)
  // RFC 1950: the checksum of nothing but zeros counts them.
  const checksum = Buffer.alloc(4)
  checksum.writeUInt16BE(bytes % 65_521, 0)
  checksum.writeUInt16BE(1, 2)
  const compressed = [
    Buffer.from('7801', 'hex'),
    ...Array.from({ length: Math.floor(bytes / block) }, () => full),
    zeros(bytes % block),
    Buffer.from('0300', 'hex'),
    checksum,
  ]
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', Buffer.concat(compressed)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

test('a PNG of 20,000 by 20,000 pixels is refused by its header; a whole one of 2,000 made alike is shown', async () => {
  await refused('bomb.png', blackPng(20_000), '413 TooLargeImageException')
  await shelf.put('black.png', blackPng(2_000))
  assert.equal((await ask('/20x20/black.png')).status, 200)
})

test('a PNG that declares more pixels than its bytes can hold is refused by its header, not read for minutes', async () => {
  const bytes = Buffer.from(shelf.bytes.get('dot.png')!)
  bytes.writeUInt32BE(11_010_058, 20)
  await refused('hollow.png', bytes, '400 InstantiationError')
})

test('a GIF of 10,000 frames is refused by its header, and its first frame can still be asked for', async () => {
  const one = await animation(2, 4, 4)
  // Between the header with its colour table and the trailer stand the frames.
  const start = 13 + 3 * 2 ** ((one[10]! & 7) + 1)
  const frame = one.subarray(start, one.length - 1)
  const bomb = Buffer.concat([
    one.subarray(0, start),
    ...Array.from({ length: 5_000 }, () => frame),
    one.subarray(-1),
  ])
  await refused('bomb.gif', bomb, '413 TooLargeImageException')
  const { status } = await ask('/20x20/filters:animated(false)/bomb.gif')
  assert.equal(status, 200)
})

test('a source with more bytes than allowed is refused, with and without a length', () =>
  refused('heavy.png', Buffer.alloc(4_000_001), '413 TooLargeImageException'))

test('an SVG of enormous declared size is refused', () =>
  refused(
    'wide.svg',
    '<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"/>',
    '413 TooLargeImageException',
  ))

const BILLION = `<?xml version="1.0"?>
<!DOCTYPE svg [<!ENTITY a "lol">${Array.from({ length: 9 }, (_, i) => `<!ENTITY ${'bcdefghij'[i]} "${`&${'abcdefghi'[i]};`.repeat(10)}">`).join('')}]>
<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text>&j;</text></svg>`

test('SVG entities are refused, edited or not', async () => {
  await refused('lol.svg', BILLION, '400 InstantiationError')
  await refused('lol.svg', BILLION, '400 InstantiationError', '/lol.svg')
})

test('SVG never shows what stands outside of it, and is sent without its scripts', async () => {
  const secret = await sharp({ create: { width: 20, height: 20, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  await shelf.put('secret.png', secret)
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="20" height="20">
<rect width="20" height="20" fill="blue"/><script>alert(1)</script>
<image width="20" height="20" xlink:href="file://${shelf.folder}/secret.png"/>
<image width="20" height="20" href="${edge.url}/secret.png"/></svg>`
  await shelf.put('spy.svg', svg)
  const shown = await ask('/20x20/filters:format(png)/spy.svg')
  const { data } = await sharp(shown.body).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  assert.deepEqual([...data.subarray(0, 3)], [0, 0, 255])
  const response = await fetch(`${edge.url}/spy.svg`)
  const text = await response.text()
  assert.ok(!/script|href/.test(text), text)
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'.*sandbox/)
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
})

test('wrong extensions are read by what the bytes are, and what no loader is open for stays shut', async () => {
  const jpeg = await scene(40, 30).jpeg().toBuffer()
  await shelf.put('jpeg.png', jpeg)
  assert.equal((await ask('/20x20/jpeg.png')).status, 200)
  await refused('page.png', '<html><svg></svg></html>', '400 InstantiationError')
  await refused('paper.jpg', '%PDF-1.7\n1 0 obj', '400 InstantiationError')
  await refused('ppm.png', 'P6 1 1 255 abc', '400 InstantiationError')
  await refused('script.gif', 'GIF89a/*<script>alert(1)</script>*/', '400 InstantiationError')
  await refused('empty.jpg', '', '400 InstantiationError')
})

test('what a polyglot hides behind a picture does not come through', async () => {
  const jpeg = await scene(40, 30).jpeg().toBuffer()
  await shelf.put('poly.jpg', Buffer.concat([jpeg, Buffer.from('PK\x03\x04<script>alert(1)</script>')]))
  const { status, body } = await ask('/20x20/poly.jpg')
  assert.equal(status, 200)
  assert.ok(!body.includes('script'))
})

test('truncated files are shown as far as they go, or refused', async () => {
  for (const [name, bytes] of shelf.bytes) {
    if (!/^(card\.(png|jpg|webp|avif|tiff)|anim\.(gif|webp)|drawing\.svg)$/.test(name)) continue
    for (const part of [0.1, 0.5, 0.9, 0.99]) {
      await shelf.put(`cut-${name}`, bytes.subarray(0, Math.floor(bytes.length * part)))
      const { status, code } = await ask(`/20x20/filters:format(png)/cut-${name}`)
      assert.ok(
        status === 200 || (status >= 400 && status < 500 && KNOWN.has(code)),
        `${name} ${part} ${status} ${code}`,
      )
    }
  }
})

test('a process that is killed in the middle costs one request', async () => {
  await shelf.put('slow.png', await scene(900, 900).png().toBuffer())
  const slow = ask('/filters:format(avif)/slow.png')
  while (!/edgeward_images_inside 1/.test(edge.edge.metricsText()))
    await new Promise((turn) => setImmediate(turn))
  const [pid = 0] = await childrenOf(process.pid)
  // Given the job, whatever it is doing with it.
  process.kill(pid, 'SIGKILL')
  const { status } = await slow
  // Killed before it was given the job, or after.
  assert.ok(status === 500 || status === 200, String(status))
  assert.equal((await ask('/20x20/card.png')).status, 200)
})

/** The photographs of the corpus are mutated by `npm run soak -- images-hostile`. */
test(
  '200 mutations of each kind of picture are a picture or a documented 4xx, and the edge lives',
  { timeout: 60_000 },
  async () => {
    const random = seededRandom(1)
    const counts = new Map<string, number>()
    for (const name of ['dot.png', 'card.jpg', 'card.webp', 'anim.gif', 'card.tiff', 'drawing.svg']) {
      const original = shelf.bytes.get(name)!
      const one = async (index: number) => {
        const mutant = `mutant-${index}-${name}`
        await shelf.put(mutant, mutated(original, random, 1 + (index % 8)))
        const { status, code } = await ask(`/8x8/filters:format(jpeg)/${mutant}`)
        assert.ok(
          status === 200 || (status >= 400 && status < 500 && KNOWN.has(code)),
          `${mutant} ${status} ${code}`,
        )
        counts.set(`${status} ${code}`, (counts.get(`${status} ${code}`) ?? 0) + 1)
      }
      for (let from = 0; from < 200; from += 20)
        await Promise.all(Array.from({ length: 20 }, (_, index) => one(from + index)))
    }
    assert.ok((counts.get('200 ') ?? 0) > 0)
    assert.ok((counts.get('400 InstantiationError') ?? 0) > 0)
    assert.match(edge.edge.metricsText(), /outcome="timeout"\} 0\n/)
    assert.match(edge.edge.metricsText(), /outcome="memory"\} 0\n/)
  },
)

test('after all of this memory is back where it was, at the edge and in its processes', async () => {
  await ask('/20x20/card.png')
  const text = edge.edge.metricsText()
  assert.match(text, /edgeward_images_inside 0\n/)
  assert.match(text, /edgeward_images_waiting 0\n/)
  const ofTest = [...shelf.bytes.values()].reduce((sum, { length }) => sum + length, 0)
  const shelved = Number(/edgeward_images_shelf_bytes (\d+)\n/.exec(text)?.[1])
  assert.ok(shelved <= 4 * MIB, `${shelved} bytes are kept for the next sources`)
  const originals = Number(/edgeward_images_sources_bytes (\d+)\n/.exec(text)?.[1])
  assert.ok(originals > 0 && originals <= 32 * MIB, `${originals} bytes of originals are kept`)
  const growth = () => (held().buffers - atRest.buffers - ofTest - shelved - originals) / MIB
  // What is let go by finalizers takes some turns. One of the larger sources alone has 3.8 MiB.
  let grown = growth()
  for (let turn = 0; turn < 50 && grown >= 3.5; turn++) {
    await new Promise((next) => setImmediate(next))
    grown = growth()
  }
  const { heap } = held()
  assert.ok(grown < 3.5, `${grown.toFixed(1)} MiB more of pictures are held than before`)
  // The test itself keeps a record of each of 1,300 requests.
  assert.ok(
    heap - atRest.heap < 32 * MIB,
    `${heap - atRest.heap} bytes more of the heap are used than before`,
  )
  for (const pid of await childrenOf(process.pid)) {
    const resident = await residentBytes(pid)
    // Half of `maxMemoryBytes`: a process that has more after a job is replaced.
    assert.ok(resident <= 256 * MIB, `process ${pid} has ${(resident / MIB).toFixed(1)} MiB`)
  }
})

test('one client too many is 429, a full queue 503, both with Retry-After; too much memory is 413', async () => {
  await using small = await runEdge(
    {
      origins: { photos: { folder: shelf.folder } },
      defaultBehavior: {
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images: { dialect: 'sih', limits: { maxOutputSide: 60_000, maxOutputPixels: 1e9 } },
      },
    },
    { top: { images: { processes: 1, maxMemoryBytes: 128 * MIB, queue: { size: 2, perClient: 1 } } } },
  )
  const agent = new Agent()
  // Two are inside, the two that wait are of different clients.
  const clients = ['127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']
  const answers = await Promise.all(
    clients.map((localAddress, index) =>
      getFrom(localAddress, `${small.url}/filters:blur(${index + 10})/slow.png`, agent),
    ),
  )
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
  for (const status of [200, 429, 503]) assert.ok(statuses.includes(status), statuses.join())
  for (const { status, headers } of answers.filter(({ status }) => status !== 200)) {
    assert.ok(Number(headers['retry-after']) >= 1, String(status))
    assert.equal(headers['cache-control'], 'no-store')
  }
  const large = await fetch(`${small.url}/6000x6000/filters:format(avif)/card.png`)
  assert.deepEqual(
    [large.status, ((await large.json()) as { code: string }).code],
    [413, 'TooLargeImageException'],
  )
  const next = await fetch(`${small.url}/20x20/card.png`)
  assert.equal(next.status, 200)
  await next.arrayBuffer()
})

const MIB = 2 ** 20

function getFrom(
  localAddress: string,
  url: string,
  agent: Agent,
): Promise<{ status: number; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    get(url, { localAddress, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
    }).on('error', reject)
  })
}

interface Held {
  /** Bytes of pictures and messages. */
  readonly buffers: number
  readonly heap: number
}

/** What this process, which is the edge too, holds after a collection. */
function held(): Held {
  setFlagsFromString('--expose-gc')
  // The context has the function that the flag brings.
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { buffers: arrayBuffers, heap: heapUsed }
}

/** Child processes of a process, by what Linux says. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.trim().split(' ').filter(Boolean).map(Number)
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
}
