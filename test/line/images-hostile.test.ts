import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { crc32, deflateSync } from 'node:zlib'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { animation, type Pictures, pictures, scene } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

let shelf: Pictures
let edge: RunningEdge

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

/** The chunks of a PNG of one colour, with a deflated line that repeats. */
function pngOf(width: number, height: number, lines: number): Buffer {
  const chunk = (kind: string, data: Buffer): Buffer => {
    const named = Buffer.concat([Buffer.from(kind, 'latin1'), data])
    const framed = Buffer.alloc(named.length + 8)
    framed.writeUInt32BE(data.length, 0)
    named.copy(framed, 4)
    framed.writeUInt32BE(crc32(named), named.length + 4)
    return framed
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 0, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.alloc((width + 1) * lines), { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

test('a PNG of 20,000 by 20,000 pixels is refused by its header', () =>
  refused('bomb.png', pngOf(20_000, 20_000, 20_000), '413 TooLargeImageException'))

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
  const pid = await childOf(process.pid)
  // Given the job, whatever it is doing with it.
  process.kill(pid, 'SIGKILL')
  const { status } = await slow
  // Killed before it was given the job, or after.
  assert.ok(status === 500 || status === 200, String(status))
  assert.equal((await ask('/20x20/card.png')).status, 200)
})

test('200 mutations of each kind of picture are a picture or a documented 4xx, and the edge lives', async () => {
  let seed = 1
  // Park and Miller, so that a failure can be repeated.
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  const counts = new Map<string, number>()
  const sources = ['scene.jpg', 'card.png', 'card.webp', 'anim.gif', 'card.tiff', 'drawing.svg']
  for (const name of sources) {
    const original = shelf.bytes.get(name)!
    const rounds = Array.from({ length: 200 }, (_, index) => index)
    const one = async (index: number) => {
      const bytes = Buffer.from(original)
      for (let i = 0; i <= index % 8; i++) bytes[random(bytes.length)] = random(256)
      const mutant = `mutant-${index}-${name}`
      await shelf.put(mutant, bytes)
      const { status, code } = await ask(`/20x20/filters:format(webp)/${mutant}`)
      assert.ok(
        status === 200 || (status >= 400 && status < 500 && KNOWN.has(code)),
        `${mutant} ${status} ${code}`,
      )
      counts.set(`${status} ${code}`, (counts.get(`${status} ${code}`) ?? 0) + 1)
    }
    for (let i = 0; i < rounds.length; i += 20) await Promise.all(rounds.slice(i, i + 20).map(one))
  }
  assert.ok((counts.get('200 ') ?? 0) > 0)
  assert.match(edge.edge.metricsText(), /outcome="timeout"\} 0\n/)
})

test('a queue that is full answers 503 and one client too many 429, both with Retry-After', async () => {
  await using small = await runEdge(
    {
      origins: { photos: { folder: shelf.folder } },
      defaultBehavior: { origin: 'photos', cachePolicy: 'CachingDisabled', images: { dialect: 'sih' } },
    },
    { top: { images: { processes: 1, queue: { size: 2, perClient: 1 } } } },
  )
  const answers = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const response = await fetch(`${small.url}/filters:blur(${index + 10})/slow.png`)
      await response.arrayBuffer()
      return response
    }),
  )
  const statuses = answers.map(({ status }) => status)
  assert.ok(statuses.includes(200) && statuses.includes(429), statuses.join())
  for (const response of answers.filter(({ status }) => status === 429)) {
    assert.ok(Number(response.headers.get('retry-after')) >= 1)
    assert.equal(response.headers.get('cache-control'), 'no-store')
  }
  await using full = await runEdge(
    {
      origins: { photos: { folder: shelf.folder } },
      defaultBehavior: { origin: 'photos', cachePolicy: 'CachingDisabled', images: { dialect: 'sih' } },
    },
    { top: { images: { processes: 1, queue: { size: 0 } } } },
  )
  const crowd = await Promise.all(
    Array.from({ length: 6 }, async (_, index) => {
      const response = await fetch(`${full.url}/filters:blur(${index + 10})/slow.png`)
      await response.arrayBuffer()
      return `${response.status} ${response.headers.get('retry-after') === null ? '' : 'later'}`
    }),
  )
  assert.ok(crowd.includes('200 ') && crowd.includes('503 later'), crowd.join())
})

test('a picture that needs more memory than a process may have is 413', async () => {
  await using small = await runEdge(
    {
      origins: { photos: { folder: shelf.folder } },
      defaultBehavior: {
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images: { dialect: 'sih', limits: { maxOutputSide: 60_000, maxOutputPixels: 1e9 } },
      },
    },
    { top: { images: { processes: 1, maxMemoryBytes: 128 * 2 ** 20 } } },
  )
  const response = await fetch(`${small.url}/6000x6000/filters:format(avif)/card.png`)
  assert.deepEqual(
    [response.status, ((await response.json()) as { code: string }).code],
    [413, 'TooLargeImageException'],
  )
  const next = await fetch(`${small.url}/20x20/card.png`)
  assert.equal(next.status, 200)
  await next.arrayBuffer()
})

/** A child process of a process, by what Linux says. */
async function childOf(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return Number(children.trim().split(' ')[0])
}
