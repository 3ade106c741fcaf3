import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import sharp, { type Sharp } from 'sharp'
import { Secret } from '../../src/base/secret.ts'
import { imageUrl } from '../../src/modules/images/readable/links.ts'
import { card, differenceOf, type Pictures, pictures } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

/*
 * What of a source travels to its result: EXIF, XMP, IPTC and the colour profile, by what the request says and the behavior allows.
 */

const KEY = 'a secret of the site'
const XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- described --></x:xmpmeta>'
const WORDS = ['A. Nobody', 'Somebody', 'Phone']

let shelf: Pictures
let edge: RunningEdge

/** A photograph of a phone: Display P3, EXIF that says which side is up, XMP. */
function photo(picture: Sharp, orientation = 6): Sharp {
  return picture
    .withMetadata({ orientation })
    .withExifMerge({ IFD0: { Copyright: 'A. Nobody', Artist: 'Somebody', Model: 'Phone' } })
    .withXmp(XMP)
    .withIccProfile('p3')
}

/** With a caption by IPTC (IIM 4.2, dataset 2:120) in the segment where Photoshop puts it. */
function withCaption(jpeg: Buffer): Buffer {
  const caption = Buffer.from('a caption')
  const dataset = Buffer.concat([Buffer.from([0x1c, 2, 120, 0, caption.length]), caption])
  const padded = dataset.length % 2 === 0 ? dataset : Buffer.concat([dataset, Buffer.alloc(1)])
  const block = Buffer.concat([
    Buffer.from('Photoshop 3.0\0' + '8BIM', 'latin1'),
    Buffer.from([4, 4, 0, 0, 0, 0, 0, dataset.length]),
    padded,
  ])
  const length = Buffer.alloc(2)
  length.writeUInt16BE(block.length + 2)
  return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xed]), length, block, jpeg.subarray(2)])
}

/** A green that sRGB does not have, in Display P3. */
async function vivid(): Promise<Buffer> {
  const tagged = await card().withIccProfile('p3').png().toBuffer()
  return sharp(tagged).keepIccProfile().linear([0, 0, 0], [0, 255, 0]).png().toBuffer()
}

/** A profile that is neither sRGB nor Display P3: that of Display P3 with another green. */
async function withOddProfile(png: Buffer): Promise<Buffer> {
  const { icc } = await sharp(png).metadata()
  const odd = Buffer.from(icc!)
  for (let at = 132; ; at += 12) {
    if (odd.toString('latin1', at, at + 4) !== 'gXYZ') continue
    const data = odd.readUInt32BE(at + 4)
    odd.writeInt32BE(odd.readInt32BE(data + 12) - 6_000, data + 12)
    break
  }
  const jpeg = await sharp(png).keepIccProfile().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer()
  // A JPEG carries its profile as it is, a PNG packs it.
  const start = jpeg.indexOf(icc!)
  assert.notEqual(start, -1)
  odd.copy(jpeg, start)
  return jpeg
}

before(async () => {
  shelf = await pictures()
  const fine = { quality: 100, chromaSubsampling: '4:4:4' }
  const p3 = await photo(card()).jpeg(fine).toBuffer()
  await shelf.put('p3.jpg', p3)
  await shelf.put('captioned.jpg', withCaption(p3))
  await shelf.put('flat.jpg', await photo(card(), 1).jpeg(fine).toBuffer())
  await shelf.put('p3.png', await photo(card(), 1).png().toBuffer())
  await shelf.put('p3.webp', await photo(card(), 1).webp({ lossless: true }).toBuffer())
  await shelf.put('p3.avif', await photo(card(), 1).avif({ quality: 100, effort: 0 }).toBuffer())
  await shelf.put('p3.tiff', await photo(card(), 1).tiff({ compression: 'lzw' }).toBuffer())
  await shelf.put('deep.png', await photo(card(), 1).toColourspace('rgb16').png().toBuffer())
  await shelf.put('vivid.png', await vivid())
  await shelf.put('odd.jpg', await withOddProfile(await vivid()))
  await shelf.put('ink.jpg', await card().toColourspace('cmyk').withIccProfile('cmyk').jpeg(fine).toBuffer())
  await shelf.put('srgb.png', await card().withIccProfile('srgb').png().toBuffer())
  await shelf.put(
    'red.png',
    await sharp({ create: { width: 20, height: 10, channels: 3, background: '#b04040' } })
      .png()
      .toBuffer(),
  )
  const behavior = (name: string, images: Readonly<Record<string, unknown>>) => ({
    path: `/${name}/*`,
    stripPrefix: `/${name}`,
    origin: 'photos',
    cachePolicy: 'CachingDisabled',
    images,
  })
  const dialects = ['dit', 'edge', 'sih'].flatMap((dialect) =>
    ['keep', 'copyright', 'strip'].map((metadata) =>
      behavior(`${dialect}-${metadata}`, {
        dialect,
        metadata,
        ...(dialect === 'edge' && { signing: { secret: 'links' } }),
      }),
    ),
  )
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder } },
    behaviors: [...dialects, behavior('dit-auto', { dialect: 'dit', quality: 'auto' })],
    defaultBehavior: { origin: 'photos' },
  })
  await (await edge.edge.seams.secrets()).put('links', new Secret(KEY))
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
})

async function get(behavior: string, file: string, query: string): Promise<Buffer> {
  const path = behavior.startsWith('edge')
    ? imageUrl(`/${file}`, {
        prefix: `/${behavior}`,
        key: KEY,
        parameters: Object.fromEntries(new URLSearchParams(query)),
      })
    : `/${behavior}/${file}?${query}`
  const response = await fetch(edge.url + path)
  const body = Buffer.from(await response.arrayBuffer())
  assert.equal(response.status, 200, `${path}: ${body.toString('latin1', 0, 300)}`)
  return body
}

/** Everything, for a picture of `p3.jpg`. */
const ALL = { profile: true, words: WORDS, xmp: true, orientation: 6 }
type Kept = Omit<typeof ALL, 'orientation'> & { readonly orientation: number | undefined }

const NONE: Kept = { profile: false, words: [], xmp: false, orientation: undefined }
const COPYRIGHT: Kept = { ...NONE, words: ['A. Nobody', 'Somebody'], orientation: 6 }

const rows: readonly {
  behavior: string
  query: string
  file?: string
  kept: Kept
  size?: readonly [number, number]
}[] = [
  // Version 8: everything stays unless it is told not to.
  { behavior: 'dit-keep', query: 'resize.width=40', kept: ALL },
  { behavior: 'dit-keep', query: 'stripExif=true', kept: { ...ALL, words: [] }, size: [80, 60] },
  { behavior: 'dit-keep', query: 'stripIcc=true', kept: { ...ALL, profile: false }, size: [80, 60] },
  {
    behavior: 'dit-keep',
    query: 'stripExif=true&stripIcc=true&resize.width=40',
    kept: { ...ALL, words: [], profile: false },
  },
  { behavior: 'dit-keep', query: 'resize.width=40&stripExif=false&stripIcc=false', kept: ALL },
  { behavior: 'dit-auto', query: 'resize.width=40', kept: ALL },
  { behavior: 'dit-auto', query: 'stripIcc=true', kept: { ...ALL, profile: false }, size: [80, 60] },
  // The behavior bounds it.
  { behavior: 'dit-copyright', query: 'resize.width=40', kept: COPYRIGHT },
  { behavior: 'dit-copyright', query: 'resize.width=40&stripExif=true', kept: { ...NONE, orientation: 6 } },
  { behavior: 'dit-strip', query: 'resize.width=30', kept: NONE, size: [30, 40] },
  // Readable parameters; pictures are upright there.
  {
    behavior: 'edge-keep',
    query: 'w=30',
    kept: { ...ALL, orientation: undefined },
    size: [30, 40],
  },
  {
    behavior: 'edge-keep',
    query: 'w=30&meta=keep&profile=keep',
    kept: { ...ALL, orientation: undefined },
    size: [30, 40],
  },
  {
    behavior: 'edge-keep',
    query: 'w=30&meta=copyright',
    kept: { ...COPYRIGHT, orientation: undefined },
    size: [30, 40],
  },
  { behavior: 'edge-keep', query: 'meta=none', kept: NONE, size: [60, 80] },
  {
    behavior: 'edge-keep',
    query: 'meta=none&profile=keep',
    kept: { ...NONE, profile: true },
    size: [60, 80],
  },
  {
    behavior: 'edge-copyright',
    query: 'w=30&meta=keep&profile=keep',
    kept: { ...COPYRIGHT, orientation: undefined },
    size: [30, 40],
  },
  { behavior: 'edge-strip', query: 'w=30&meta=copyright&profile=keep', kept: NONE, size: [30, 40] },
  { behavior: 'edge-keep', query: 'meta=keep', kept: ALL, size: [80, 60] },
  // Version 7 is what it was: a profile of sRGB where there was one.
  { behavior: 'sih-keep', query: 'width=40', kept: ALL },
]
for (const { behavior, query, file = 'p3.jpg', kept, size = [40, 30] } of rows) {
  test(`${behavior} keeps of ${file} with ${query}: ${JSON.stringify(kept)}`, async () => {
    const body = await get(behavior, file, query)
    const { icc, exif, xmp, orientation, width, height } = await sharp(body).metadata()
    const text = exif?.toString('latin1') ?? ''
    const found = {
      profile: icc !== undefined,
      words: WORDS.filter((word) => text.includes(word)),
      xmp: xmp?.includes('described') ?? false,
      orientation: orientation === 1 ? undefined : orientation,
    }
    assert.deepEqual([found, [width, height]], [kept, size])
  })
}

/** The numbers of the pixels, whatever a profile says they mean. */
const numbers = (bytes: Buffer) => sharp(bytes).keepIccProfile().removeAlpha().raw().toBuffer()

async function numbersDiffer(one: Buffer, other: Buffer): Promise<number> {
  const [a, b] = await Promise.all([numbers(one), numbers(other)])
  assert.equal(a.length, b.length)
  return Math.max(...a.map((value, index) => Math.abs(value - b[index]!)))
}

for (const file of ['flat.jpg', 'p3.png', 'p3.webp', 'p3.avif', 'p3.tiff', 'deep.png']) {
  for (const format of ['jpeg', 'png', 'webp', 'avif', 'tiff']) {
    test(`${file} as ${format} has the profile and the colours of its source, or those of sRGB`, async () => {
      const [kept, converted] = await Promise.all([
        get('dit-keep', file, `format=${format}&quality=100`),
        get('dit-keep', file, `format=${format}&quality=100&stripIcc=true`),
      ])
      const source = await sharp(shelf.bytes.get(file)!).metadata()
      assert.ok((await sharp(kept).metadata()).icc?.equals(source.icc!))
      assert.equal((await sharp(converted).metadata()).icc, undefined)
      const like = await card().png().toBuffer()
      // Numbers of another space read as sRGB differ by 15.
      assert.ok((await differenceOf(kept, like)) <= 4)
      assert.ok((await differenceOf(converted, like)) <= 4)
      // They say the same by other numbers.
      assert.ok((await numbersDiffer(kept, converted)) > 10)
    })
  }
}

test('a colour that sRGB does not have survives where the profile is kept, through every edit', async () => {
  const source = shelf.bytes.get('vivid.png')!
  for (const query of [
    'resize.width=80',
    'smartCrop=true&resize.width=80&resize.height=60',
    'format=webp&quality=100',
    'watermark=[https://photos/dot.png,[0,0,1,0.25]]',
    'extract=0,0,80,60&flip=true&rotate=180',
  ]) {
    const body = await get('dit-keep', 'vivid.png', query)
    assert.ok((await numbersDiffer(body, source)) <= 3, query)
    assert.notEqual((await sharp(body).metadata()).icc, undefined, query)
  }
  const converted = await get('dit-keep', 'vivid.png', 'stripIcc=true')
  assert.ok((await numbersDiffer(converted, await sharp(source).png().toBuffer())) <= 1)
})

test('formats that have no profiles get the colours of sRGB', async () => {
  for (const [file, query] of [
    ['p3.png', 'format=gif'],
    ['p3.png', 'format=gif&watermark=[https://photos/dot.png,[0,0,1,0.25]]'],
  ] as const) {
    const body = await get('dit-keep', file, query)
    assert.ok((await differenceOf(body, await card().png().toBuffer())) <= 6, query)
  }
})

test('a watermark has its own colours on a picture of another colour space', async () => {
  for (const [file, isKept] of [
    ['p3.png', true],
    ['deep.png', true],
    ['srgb.png', true],
    // Nobody can say what red is in there: the picture becomes sRGB.
    ['odd.jpg', false],
  ] as const) {
    const body = await get('dit-keep', file, 'watermark=[https://photos/red.png,[0,0,0,0.5,0.5]]&format=png')
    const { icc } = await sharp(body).metadata()
    assert.equal(icc !== undefined, isKept, file)
    const mark = await sharp(body)
      .extract({ left: 2, top: 2, width: 20, height: 20 })
      .removeAlpha()
      .raw()
      .toBuffer()
    for (let at = 0; at < mark.length; at += 3) {
      const [red, green, blue] = [mark[at]!, mark[at + 1]!, mark[at + 2]!]
      // Its numbers read as Display P3 would be 190, 53, 60.
      const isRight = Math.abs(red - 0xb0) <= 3 && Math.abs(green - 0x40) <= 3 && Math.abs(blue - 0x40) <= 3
      assert.ok(isRight, `${file}: ${red} ${green} ${blue}`)
    }
  }
})

test('a profile that is not known is kept where nothing is laid over', async () => {
  const source = shelf.bytes.get('odd.jpg')!
  const body = await get('dit-keep', 'odd.jpg', 'flip=true&format=png')
  assert.ok((await sharp(body).metadata()).icc?.equals((await sharp(source).metadata()).icc!))
  assert.ok((await numbersDiffer(body, source)) <= 2)
})

test('a profile of ink is not kept: results are of light', async () => {
  const body = await get('dit-keep', 'ink.jpg', 'resize.width=40&format=png')
  const { icc, space } = await sharp(body).metadata()
  assert.deepEqual([icc, space], [undefined, 'srgb'])
  const like = await sharp(shelf.bytes.get('ink.jpg')!).resize(40).png().toBuffer()
  assert.ok((await differenceOf(body, like)) <= 3)
})

test('IPTC stays with EXIF and without it, with the profile and without it', async () => {
  for (const [query, hasProfile, hasModel, hasCaption] of [
    ['resize.width=40', true, true, true],
    ['stripExif=true', true, false, true],
    ['stripIcc=true', false, true, true],
    ['stripExif=true&stripIcc=true', false, false, true],
  ] as const) {
    const body = await get('dit-keep', 'captioned.jpg', query)
    const { icc, exif, iptc, orientation } = await sharp(body).metadata()
    assert.deepEqual(
      [
        icc !== undefined,
        exif?.includes('Phone') ?? false,
        iptc?.includes('a caption') ?? false,
        orientation,
      ],
      [hasProfile, hasModel, hasCaption, 6],
      query,
    )
  }
  const bare = await get('dit-copyright', 'captioned.jpg', 'resize.width=40')
  assert.equal((await sharp(bare).metadata()).iptc, undefined)
})

test('a description tells the colours that pages show, whatever is kept', async () => {
  const body = await get('edge-keep', 'vivid.png', 'f=json&profile=keep')
  const { dominant } = JSON.parse(body.toString()) as { readonly dominant: string }
  const plain = await get('edge-keep', 'vivid.png', 'f=json')
  assert.equal(dominant, (JSON.parse(plain.toString()) as { readonly dominant: string }).dominant)
})
