/**
 * What version 8 of Dynamic Image Transformation does, row by row, asked of a running edge: where a request leads, what its
 * transformations make of a picture, what it answers when it cannot.
 */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import sharp, { type Sharp } from 'sharp'
import { type Detector, serve, startDetector } from '../support/images.ts'
import { differenceOf, type Pictures, pictures } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

type Fields = Readonly<Record<string, string>>

/** One row: a request, and what the answer must be. */
interface Case {
  readonly what: string
  /** After the behavior's prefix, with the query. */
  readonly path: string
  readonly at?: 'open' | 'mapped' | 'root' | 'few' | 'faces'
  readonly headers?: Fields
  readonly status?: number
  /** `error` of the body. */
  readonly code?: string
  /** Fields of the answer; null is "not there". */
  readonly fields?: Readonly<Record<string, string | null>>
  readonly format?: string
  readonly size?: readonly [width: number, height: number]
  readonly frames?: number
  /** The same by sharp alone, of the file at the end of the path. */
  readonly like?: (picture: Sharp) => Sharp | Promise<Sharp>
  readonly tolerance?: number
  /** The answer is this file, byte for byte, with its validator. */
  readonly original?: string
}

const POLICIES = {
  small: { transformations: [{ transformation: 'resize', value: { width: 20 } }] },
  marked: {
    transformations: [{ transformation: 'watermark', value: ['https://logos/dot.png', [0, 0, 0, 0.5, 0.5]] }],
  },
  print: {
    transformations: [
      { transformation: 'grayscale', value: true, condition: { field: 'X-Print', value: 'yes' } },
      { transformation: 'rotate', value: 90, condition: { field: 'X-Turn', value: ['left', 'right'] } },
      { transformation: 'flip', value: true, condition: { field: 'X-Number', value: '7' } },
    ],
  },
  auto: { outputs: { format: 'auto' } },
  dense: { outputs: { quality: [80, [1, 1.5, 60], [2, 5, 30]] } },
  wide: { outputs: { autosize: [10, 40, 400] } },
  blurred: { transformations: [{ transformation: 'blur', value: 5 }] },
  mirrored: {
    transformations: [
      { transformation: 'flip', value: true },
      { transformation: 'sharpen', value: true },
      { transformation: 'smartCrop', value: true },
    ],
  },
  spelt: {
    transformations: [
      { transformation: 'greyscale', value: true },
      { transformation: 'normalise', value: true },
    ],
  },
  twice: {
    transformations: [
      { transformation: 'resize', value: { width: 20 } },
      { transformation: 'resize', value: { width: 40 }, condition: { field: 'X-Large', value: [1, 'yes'] } },
    ],
  },
  numbers: {
    transformations: [{ transformation: 'flip', value: true, condition: { field: 'X-Level', value: 7 } }],
  },
  // As version 8 stores it.
  listed: {
    transformations: [
      { transformation: 'watermark', value: ['https://logos/dot.png', [0, 0, null, 0.5, null]] },
    ],
    outputs: [
      { type: 'quality', value: [80, [1, 2, 60]] },
      { type: 'format', value: 'jpg' },
    ],
  },
  sized: {
    transformations: [{ transformation: 'resize', value: { width: 50 } }],
    outputs: { autosize: [100, 200, 600] },
  },
  first: {
    transformations: [
      { transformation: 'format', value: 'gif' },
      { transformation: 'quality', value: 20 },
    ],
    outputs: { format: 'auto', quality: [90] },
  },
  steps: { outputs: { autosize: [321, 481, 769, 1025, 1201, 1441, 1921, 2000] } },
  tuned: { outputs: { format: 'auto', quality: [80] } },
}

let shelf: Pictures
let edge: RunningEdge
let detector: Detector

before(async () => {
  shelf = await pictures()
  detector = await startDetector()
  await shelf.put('shop/card.png', shelf.bytes.get('card.png')!)
  await shelf.put('shop/a/small/card.png', shelf.bytes.get('card.png')!)
  await shelf.put('partner/shop/originals/card.png', shelf.bytes.get('scene.jpg')!)
  await shelf.put('partner/dot.png', shelf.bytes.get('dot.png')!)
  await shelf.put(
    'big.jpg',
    await sharp(shelf.bytes.get('scene.jpg')!).resize(900, 60, { fit: 'fill' }).toBuffer(),
  )
  await shelf.put(
    'huge.png',
    await sharp(shelf.bytes.get('card.png')!).resize(2000, 20, { fit: 'fill' }).png().toBuffer(),
  )
  const sources = {
    photos: { origin: 'photos' },
    logos: { origin: 'logos' },
    partner: { origin: 'photos', prefix: 'partner', originPath: '/originals/' },
  }
  const images = { dialect: 'dit', policies: POLICIES, sources, originHeader: 'X-Origin' }
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder }, logos: { folder: shelf.folder } },
    behaviors: [
      {
        path: '/open/*',
        stripPrefix: '/open',
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images,
      },
      {
        path: '/faces/*',
        stripPrefix: '/faces',
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images: { ...images, detector: { url: detector.url } },
      },
      { path: '/plain/*', stripPrefix: '/plain', origin: 'photos', cachePolicy: 'CachingDisabled' },
      {
        path: '/few/*',
        stripPrefix: '/few',
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images: { ...images, policy: 'mirrored', maxTransformations: 4 },
      },
      {
        path: '/mapped/*',
        stripPrefix: '/mapped',
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images: {
          ...images,
          policy: 'blurred',
          mappings: [
            { path: '/shop', source: 'photos' },
            { path: '/shop/*/small', source: 'photos', policy: 'small' },
            { path: '/shop/b', source: 'photos', policy: 'print' },
            { path: '/*', source: 'photos', policy: 'marked' },
            { host: '*.partner.test', source: 'partner', policy: 'auto' },
            { host: 'img.partner.test', source: 'photos', policy: 'small' },
          ],
        },
      },
      {
        path: '/cached/*',
        stripPrefix: '/cached',
        origin: 'photos',
        images: {
          ...images,
          mappings: [
            { host: 'one.test', source: 'photos', policy: 'small' },
            { host: 'two.test', source: 'photos' },
          ],
        },
      },
    ],
    defaultBehavior: {
      origin: 'photos',
      cachePolicy: 'CachingDisabled',
      images: { ...images, mappings: [{ path: '/only', source: 'photos' }] },
    },
  })
})

after(async () => {
  for (const each of [edge, shelf, detector]) await each[Symbol.asyncDispose]()
})

const CARD: readonly [number, number] = [80, 60]
const dot = () => shelf.bytes.get('dot.png')!
/** The dot over the card: `x` and `y` from the left and top, so wide and high. */
const marked =
  (left: number, top: number, width: number, height: number, alpha = 0) =>
  async (picture: Sharp) => {
    const mark = await sharp(dot())
      .resize(width, height, { fit: 'fill' })
      .ensureAlpha()
      .composite([
        {
          input: Buffer.from([255, 255, 255, Math.round(255 * (1 - alpha))]),
          raw: { width: 1, height: 1, channels: 4 },
          tile: true,
          blend: 'dest-in',
        },
      ])
      .png()
      .toBuffer()
    return picture.composite([{ input: mark, left, top }])
  }

const half = (picture: Sharp) => picture.resize(40)
const many = (count: number) => Array.from({ length: count }, (_, at) => `x${at}=1`).join('&')

const RULES: Readonly<Record<string, readonly Case[]>> = {
  'what a request may be': [
    { what: 'a path of 2048', path: `/${'a'.repeat(2_047)}`, status: 404, code: 'ImageNotFound' },
    { what: 'a path of 2049', path: `/${'a'.repeat(2_048)}`, status: 400, code: 'VALIDATION_ERROR' },
    { what: 'a line break in the path', path: '/a%0ab.png', status: 400, code: 'VALIDATION_ERROR' },
    { what: 'a null in the path', path: '/card.png%00', status: 400, code: 'VALIDATION_ERROR' },
    { what: 'DEL in the path', path: '/%7fcard.png', status: 400, code: 'VALIDATION_ERROR' },
    {
      what: 'a host of more than 253',
      path: '/card.png',
      headers: { 'dit-host': `${'a.'.repeat(126)}ab` },
      status: 400,
      code: 'VALIDATION_ERROR',
    },
    {
      what: 'a host of 253',
      path: '/card.png',
      headers: { 'dit-host': `${'a.'.repeat(126)}a` },
      original: 'card.png',
    },
    ...['a b', 'a_b!', '-a.test', 'a..test', `${'a'.repeat(64)}.test`, 'a.test:port', 'a.test/x'].map(
      (host) => ({
        what: `a host that is none: ${host}`,
        path: '/card.png',
        headers: { 'dit-host': host },
        status: 400,
        code: 'VALIDATION_ERROR',
      }),
    ),
    ...['a.test', 'A-1.test:8080', 'under_score.test', '[::1]:80', '127.0.0.1'].map((host) => ({
      what: `a host: ${host}`,
      path: '/card.png',
      headers: { 'dit-host': host },
      original: 'card.png',
    })),
  ],
  'how a query is read': [
    { what: 'the fiftieth parameter counts', path: `/card.png?${many(49)}&resize.width=40`, like: half },
    { what: 'the fifty-first does not', path: `/card.png?${many(50)}&resize.width=40`, original: 'card.png' },
    { what: 'two levels', path: '/card.png?resize[width]=40', like: half },
    { what: 'two levels, percent-encoded', path: '/card.png?resize%5Bwidth%5D=40', like: half },
    { what: 'three levels in brackets', path: '/card.png?resize[width][x]=40', original: 'card.png' },
    { what: 'three levels with dots', path: '/card.png?resize.width.x=40', original: 'card.png' },
    { what: 'dots and brackets together', path: '/card.png?resize.width=40&resize[height]=30', like: half },
    ...[
      'extract=40,0,80,30',
      'extract=[40,0,80,30]',
      'extract=40,%200,%2080,%2030',
      'extract=40&extract=0&extract=80&extract=30',
      'extract[]=40&extract[]=0&extract[]=80&extract[]=30',
      'extract[0]=40&extract[1]=0&extract[2]=80&extract[3]=30',
    ].map((query) => ({
      what: `a list: ${query}`,
      path: `/card.png?${query}`,
      like: (p: Sharp) => p.extract({ left: 40, top: 0, width: 40, height: 30 }),
    })),
    {
      what: 'a list has ten items at most, of which nine are no kernel',
      path: '/card.png?convolve.kernel=0,1,0,1,4,1,0,1,0,9,9,9',
      original: 'card.png',
    },
    {
      what: 'a part that stands twice is a list, and no width',
      path: '/card.png?resize.width=40&resize.width=40',
      original: 'card.png',
    },
    ...['blur=3', 'blur=3.0', 'blur=%203', 'blur=3e0', 'blur=0x3'].map((query) => ({
      what: `a number: ${query}`,
      path: `/card.png?${query}`,
      like: (p: Sharp) => p.blur(3),
    })),
    ...[
      'blur=3px',
      'blur=true',
      'blur=Infinity',
      'blur=',
      'flip=TRUE',
      'flip=1',
      'quality=80.5',
      'Flip=true',
    ].map((query) => ({
      what: `no value of it: ${query}`,
      path: `/card.png?${query}`,
      original: 'card.png',
    })),
    ...['smartCrop=true&smartCrop.index=9', 'smartCrop.index=9&smartCrop=true'].map((query) => ({
      what: `parts go before the plain value: ${query}`,
      path: `/card.png?${query}`,
      status: 400,
      code: 'SmartCrop::FaceIndexOutOfRange',
    })),
    {
      what: 'an invalid part makes all of it invalid',
      path: '/card.png?resize.width=40&resize.background=nocolour',
      original: 'card.png',
    },
    { what: 'an unknown part too', path: '/card.png?resize.width=40&resize.glow=1', original: 'card.png' },
    { what: 'a ratio of 0 is no size', path: '/card.png?resize.ratio=0', original: 'card.png' },
    { what: 'an area before the left edge', path: '/card.png?extract=-1,0,20,20', original: 'card.png' },
    { what: 'a colour of no name', path: '/card.png?tint=nocolour', original: 'card.png' },
    { what: 'a colour of five numbers', path: '/card.png?flatten=1,2,3,1,1', original: 'card.png' },
    { what: 'an empty policyId is none', path: '/card.png?policyId=', original: 'card.png' },
  ],
  resize: [
    { what: 'a width alone keeps proportions', path: '/card.png?resize.width=40', size: [40, 30] },
    {
      what: 'both sides cover',
      path: '/card.png?resize.width=30&resize.height=30',
      like: (p) => p.resize(30, 30),
    },
    { what: 'brackets do as well as dots', path: '/card.png?resize[width]=40', size: [40, 30] },
    ...['cover', 'contain', 'fill', 'inside', 'outside'].map((fit) => ({
      what: `fit ${fit}`,
      path: `/card.png?resize.width=30&resize.height=40&resize.fit=${fit}`,
      like: (p: Sharp) => p.resize(30, 40, { fit: fit as 'cover' }),
    })),
    { what: 'ratio halves', path: '/card.png?resize.ratio=0.5', size: [40, 30] },
    {
      what: 'ratio beside sides scales them',
      path: '/card.png?resize.width=60&resize.height=40&resize.ratio=0.5',
      size: [27, 20],
    },
    { what: '4000 is the largest side', path: '/card.png?resize.width=4001', size: CARD },
    { what: 'nothing below 1', path: '/card.png?resize.width=0', size: CARD },
    { what: 'ratio alone is 0 to 1', path: '/card.png?resize.ratio=1.5', size: CARD },
    { what: 'a fit without a size is nothing', path: '/card.png?resize.fit=fill', size: CARD },
    { what: 'no enlargement', path: '/card.png?resize.width=200&resize.withoutEnlargement=true', size: CARD },
    {
      what: 'background behind contain',
      path: '/card.png?resize.width=40&resize.height=40&resize.fit=contain&resize.background=blue',
      like: (p) => p.resize(40, 40, { fit: 'contain', background: 'blue' }),
    },
  ],
  format: [
    ...['jpeg', 'png', 'tiff', 'webp', 'gif', 'avif'].map((format) => ({
      what: `format ${format}`,
      path: `/card.png?format=${format}`,
      format: format === 'avif' ? 'heif' : format,
      fields: { 'content-type': `image/${format}` },
    })),
    {
      what: 'jpg is JPEG',
      path: '/card.png?format=jpg',
      format: 'jpeg',
      fields: { 'content-type': 'image/jpeg' },
    },
    { what: 'others are passed over', path: '/card.png?format=bmp', format: 'png' },
    {
      what: 'quality',
      path: '/scene.jpg?quality=20',
      like: (p) => p.jpeg({ quality: 20 }),
      tolerance: 0.1,
    },
    {
      what: 'quality of 101 is passed over',
      path: '/scene.jpg?quality=101&resize.width=50',
      like: (p) => p.resize(50).jpeg(),
      tolerance: 0.1,
    },
  ],
  'blur, sharpen, convolve': [
    { what: 'blur', path: '/card.png?blur=3', like: (p) => p.blur(3) },
    { what: 'blur below 0.3', path: '/card.png?blur=0.2', like: (p) => p },
    { what: 'blur above 1000', path: '/card.png?blur=1001', like: (p) => p },
    { what: 'sharpen', path: '/card.png?sharpen=true', like: (p) => p.sharpen() },
    { what: 'sharpen by sigma', path: '/card.png?sharpen.sigma=3', like: (p) => p.sharpen({ sigma: 3 }) },
    {
      what: 'sharpen with all its numbers',
      path: '/card.png?sharpen.sigma=3&sharpen.m1=1&sharpen.m2=2&sharpen.x1=3&sharpen.y2=10&sharpen.y3=20',
      like: (p) => p.sharpen({ sigma: 3, m1: 1, m2: 2, x1: 3, y2: 10, y3: 20 }),
    },
    { what: 'sharpen with half a number', path: '/card.png?sharpen.sigma=3&sharpen.m1=1.5', like: (p) => p },
    {
      what: 'sharpen with an unknown part',
      path: '/card.png?sharpen.sigma=3&sharpen.glow=1',
      like: (p) => p,
    },
    { what: 'sharpen beyond 10', path: '/card.png?sharpen.sigma=11', like: (p) => p },
    {
      what: 'convolve',
      path: '/card.png?convolve.width=3&convolve.height=3&convolve.kernel=0,1,0,1,4,1,0,1,0',
      like: (p) => p.convolve({ width: 3, height: 3, kernel: [0, 1, 0, 1, 4, 1, 0, 1, 0] }),
    },
    {
      what: 'convolve with eight numbers',
      path: '/card.png?convolve.kernel=0,1,0,1,4,1,0,1',
      like: (p) => p,
    },
    {
      what: 'convolve with fractions',
      path: '/card.png?convolve.kernel=0,1,0,1,0.5,1,0,1,0',
      like: (p) => p,
    },
    {
      what: 'convolve of another size',
      path: '/card.png?convolve.width=5&convolve.kernel=0,1,0,1,4,1,0,1,0',
      like: (p) => p,
    },
  ],
  'extract, rotate and switches': [
    {
      what: 'extract names corners',
      path: '/card.png?extract=40,0,80,30',
      like: (p) => p.extract({ left: 40, top: 0, width: 40, height: 30 }),
    },
    {
      what: 'extract comes before resize, whatever the order',
      path: '/card.png?resize.width=10&extract=[0,30,40,60]',
      like: (p) => p.extract({ left: 0, top: 30, width: 40, height: 30 }).resize(10),
    },
    { what: 'extract of nothing', path: '/card.png?extract=40,0,40,30', like: (p) => p },
    { what: 'extract of three', path: '/card.png?extract=40,0,80', like: (p) => p },
    { what: 'rotate', path: '/card.png?rotate=90', like: (p) => p.rotate(90) },
    { what: 'rotate is modulo 360', path: '/card.png?rotate=450', like: (p) => p.rotate(90) },
    { what: 'rotate to the left', path: '/card.png?rotate=-90', like: (p) => p.rotate(-90) },
    { what: 'flip', path: '/card.png?flip=true', like: (p) => p.flip() },
    { what: 'flop', path: '/card.png?flop=true', like: (p) => p.flop() },
    { what: 'grayscale', path: '/card.png?grayscale=true', like: (p) => p.greyscale() },
    { what: 'normalize', path: '/card.png?normalize=true', like: (p) => p.normalise() },
    { what: 'false switches nothing on', path: '/card.png?flip=false&flop=false', like: (p) => p },
    { what: 'a bare key is absent', path: '/card.png?flip&flop=', like: (p) => p },
    { what: 'yes is not true', path: '/card.png?flip=yes', like: (p) => p },
    { what: 'tint by name', path: '/card.png?tint=red', like: (p) => p.tint('red') },
    { what: 'tint by #hex', path: '/card.png?tint=%2300f', like: (p) => p.tint('#00f') },
    {
      what: 'tint by numbers',
      path: '/card.png?tint=0,255,0,1',
      like: (p) => p.tint({ r: 0, g: 255, b: 0 }),
    },
    { what: 'tint by nonsense', path: '/card.png?tint=%23zz', like: (p) => p },
    { what: 'flatten', path: '/card.png?flatten=blue', like: (p) => p.flatten({ background: 'blue' }) },
    { what: 'still', path: '/anim.gif?animated=false&format=png', size: [16, 12], format: 'png' },
    { what: 'animations keep their frames', path: '/anim.gif?flop=true', format: 'gif', frames: 3 },
    { what: 'animations in another format', path: '/anim.gif?format=webp', format: 'webp', frames: 3 },
    { what: 'all frames of WebP where it is told', path: '/anim.webp?animated=true&flop=true', frames: 3 },
    {
      what: 'the first face that a detector found',
      at: 'faces',
      path: '/card.png?smartCrop=true',
      like: (p) => p.extract({ left: 8, top: 6, width: 20, height: 15 }),
    },
    {
      what: 'the second face, and pixels around it',
      at: 'faces',
      path: '/card.png?smartCrop.index=1&smartCrop.padding=5',
      like: (p) => p.extract({ left: 45, top: 35, width: 35, height: 25 }),
    },
    {
      what: 'a face, then its size',
      at: 'faces',
      path: '/card.png?resize.width=40&smartCrop=true',
      like: (p) => p.extract({ left: 8, top: 6, width: 20, height: 15 }).resize(40),
    },
    {
      what: 'a face that is not there',
      at: 'faces',
      path: '/card.png?smartCrop.index=2',
      status: 400,
      code: 'SmartCrop::FaceIndexOutOfRange',
    },
    { what: 'a smart crop is square', path: '/card.png?smartCrop=true', size: [30, 30] },
    { what: 'a smart crop with nonsense', path: '/card.png?smartCrop.index=1.5', like: (p) => p },
    {
      what: 'padding that is no number',
      path: '/card.png?smartCrop.index=0&smartCrop.padding=wide',
      like: (p) => p,
    },
  ],
  watermark: [
    {
      what: 'y, x, alpha and shares of the picture',
      path: '/card.png?watermark=[https://logos/dot.png,[10,20,0,0.25,0.5]]',
      like: marked(20, 10, 20, 30),
    },
    {
      what: 'without the outer brackets',
      path: '/card.png?watermark=https://logos/dot.png,[10,20,0,0.25,0.5]',
      like: marked(20, 10, 20, 30),
    },
    {
      what: 'one share keeps proportions',
      path: '/card.png?watermark=[https://logos/dot.png,[0,0,0,0.5]]',
      like: marked(0, 0, 40, 20),
    },
    {
      what: 'alpha of 1 is invisible',
      path: '/card.png?watermark=[https://logos/dot.png,[0,0,1,0.25]]',
      like: (p) => p,
    },
    {
      what: 'alpha of 0.5 is half',
      path: '/card.png?watermark=[https://logos/dot.png,[0,0,0.5,0.5]]',
      like: marked(0, 0, 40, 20, 0.5),
    },
    {
      what: 'percent and negative offsets count from the sides',
      path: '/card.png?watermark=[https://logos/dot.png,[-5,50p,0,0.25]]',
      like: marked(40, 45, 20, 10),
    },
    {
      what: 'it is laid on the original and resized with it',
      path: '/card.png?resize.width=40&watermark=[https://logos/dot.png,[0,0,0,0.5,0.5]]',
      like: async (p) => sharp(await (await marked(0, 0, 40, 30)(p)).png().toBuffer()).resize(40),
    },
    {
      what: 'scheme and its absence count alike',
      path: '/card.png?watermark=[logos/dot.png,[0,0,0,0.25]]',
      like: marked(0, 0, 20, 10),
    },
    {
      what: 'below the prefix of a source',
      path: '/card.png?watermark=[https://partner/dot.png,[0,0,0,0.25]]',
      like: marked(0, 0, 20, 10),
    },
    {
      what: 'a share is needed',
      path: '/card.png?watermark=[https://logos/dot.png,[0,0,0]]',
      like: (p) => p,
    },
    {
      what: 'a share above 1',
      path: '/card.png?watermark=[https://logos/dot.png,[0,0,0,1.5]]',
      like: (p) => p,
    },
    {
      what: 'an offset that is none',
      path: '/card.png?watermark=[https://logos/dot.png,[a,0,0,0.5]]',
      like: (p) => p,
    },
    { what: 'a URL that is none', path: '/card.png?watermark=[https://,[0,0,0,0.5]]', like: (p) => p },
    {
      what: 'a host that is not registered',
      path: '/card.png?watermark=[https://elsewhere.test/dot.png,[0,0,0,0.5]]',
      status: 403,
      code: 'AccessDenied',
    },
    {
      what: 'the edge itself is not registered',
      path: '/card.png?watermark=[http://127.0.0.1/dot.png,[0,0,0,0.5]]',
      status: 403,
      code: 'AccessDenied',
    },
    {
      what: 'a watermark that is not there',
      path: '/card.png?watermark=[https://logos/none.png,[0,0,0,0.5]]',
      status: 400,
      code: 'OverlayImageException',
    },
    {
      what: 'a watermark that is no picture',
      path: '/card.png?watermark=[https://logos/no-picture.jpg,[0,0,0,0.5]]',
      status: 400,
      code: 'OverlayImageException',
    },
    { what: 'from a policy', path: '/card.png?policyId=marked', like: marked(0, 0, 40, 30) },
    {
      what: 'the one of the query replaces the one of the policy',
      path: '/card.png?policyId=marked&watermark=[https://logos/dot.png,[10,20,0,0.25,0.5]]',
      like: marked(20, 10, 20, 30),
    },
  ],
  'what a query replaces': [
    {
      what: 'false switches off what the policy does',
      path: '/card.png?policyId=mirrored&flip=false&sharpen=false&smartCrop=false',
      original: 'card.png',
    },
    {
      what: 'what is invalid does not',
      path: '/card.png?policyId=mirrored&flip=no&sharpen=false&smartCrop=false',
      like: (p) => p.flip(),
    },
    {
      what: 'a type whose condition does not hold stands where it would',
      path: '/card.png?policyId=print&flip=true',
      like: (p) => p.flip(),
      fields: { vary: 'X-Origin, X-Print, X-Turn' },
    },
    {
      what: 'a type that the policy has twice',
      path: '/card.png?policyId=twice&resize.width=60',
      headers: { 'x-large': 'yes' },
      size: [60, 45],
      fields: { vary: 'X-Origin' },
    },
    {
      what: 'a format that the policy chooses by Accept',
      path: '/card.png?policyId=first&format=png',
      headers: { accept: 'image/webp' },
      format: 'png',
      fields: { vary: 'X-Origin' },
    },
    {
      what: 'four transformations where no more are allowed, those of the policy first',
      at: 'few',
      path: '/card.png?sharpen=false&smartCrop=false&grayscale=true&resize.width=20',
      like: (p) => p.flip().greyscale(),
    },
  ],
  policies: [
    {
      what: 'two spellings of grayscale and normalize',
      path: '/card.png?policyId=spelt',
      like: (p) => p.greyscale().normalise(),
    },
    { what: 'two spellings in a query', path: '/card.png?greyscale=true', like: (p) => p.greyscale() },
    {
      what: 'of two of one type the later counts',
      path: '/card.png?policyId=twice',
      headers: { 'x-large': 'yes' },
      size: [40, 30],
    },
    {
      what: 'unless its condition does not hold',
      path: '/card.png?policyId=twice',
      headers: { 'x-large': 'no' },
      size: [20, 15],
    },
    {
      what: 'a number among several values',
      path: '/card.png?policyId=twice',
      headers: { 'x-large': '1' },
      size: [40, 30],
    },
    {
      what: 'a number as the value of a condition',
      path: '/card.png?policyId=numbers',
      headers: { 'x-level': '7' },
      like: (p) => p.flip(),
    },
    {
      what: 'another number',
      path: '/card.png?policyId=numbers',
      headers: { 'x-level': '70' },
      like: (p) => p,
    },
    {
      what: 'outputs as version 8 stores them: one format for all',
      path: '/card.png?policyId=listed',
      format: 'jpeg',
      fields: { vary: 'X-Origin, dit-dpr, Sec-CH-DPR' },
      like: async (p) => sharp(await (await marked(0, 0, 40, 20)(p)).png().toBuffer()).jpeg({ quality: 80 }),
      tolerance: 0.1,
    },
    {
      what: 'outputs as version 8 stores them: quality by density',
      path: '/card.png?policyId=listed',
      headers: { 'sec-ch-dpr': '1.5' },
      like: async (p) => sharp(await (await marked(0, 0, 40, 20)(p)).png().toBuffer()).jpeg({ quality: 60 }),
      tolerance: 0.1,
    },
    {
      what: 'outputs go before transformations of their type',
      path: '/scene.jpg?policyId=first',
      headers: { accept: 'image/webp' },
      format: 'webp',
      like: (p) => p.webp({ quality: 90 }),
      tolerance: 0.1,
    },
    {
      what: 'which count where the outputs have nothing to say',
      path: '/scene.jpg?policyId=first',
      headers: { accept: '*/*' },
      format: 'gif',
      fields: { vary: 'X-Origin, dit-accept, Accept' },
    },
    { what: 'by policyId', path: '/card.png?policyId=small', size: [20, 15] },
    {
      what: 'the query replaces the type',
      path: '/card.png?policyId=small&resize.height=30',
      size: [40, 30],
    },
    { what: 'an unknown one', path: '/card.png?policyId=none', status: 404, code: 'POLICY_NOT_FOUND' },
    {
      what: 'a condition that does not hold',
      path: '/card.png?policyId=print',
      like: (p) => p,
      fields: { vary: 'X-Origin, X-Print, X-Turn, X-Number' },
    },
    {
      what: 'a condition by its value',
      path: '/card.png?policyId=print',
      headers: { 'x-print': 'yes' },
      like: (p) => p.greyscale(),
    },
    {
      what: 'the whole value',
      path: '/card.png?policyId=print',
      headers: { 'x-print': 'yes, no' },
      like: (p) => p,
    },
    {
      what: 'the case of a value counts',
      path: '/card.png?policyId=print',
      headers: { 'x-print': 'YES' },
      like: (p) => p,
    },
    {
      what: 'a condition by any of several',
      path: '/card.png?policyId=print',
      headers: { 'x-turn': 'right' },
      like: (p) => p.rotate(90),
    },
    {
      what: 'two conditions',
      path: '/card.png?policyId=print',
      headers: { 'x-turn': 'left', 'x-number': '7' },
      like: (p) => p.rotate(90).flip(),
    },
    {
      what: 'a number as text',
      path: '/card.png?policyId=print',
      headers: { 'x-number': '7' },
      like: (p) => p.flip(),
    },
    {
      what: 'a number written otherwise',
      path: '/card.png?policyId=print',
      headers: { 'x-number': '7.0' },
      like: (p) => p,
    },
    {
      what: 'ten transformations at most, those of the policy first',
      path: '/card.png?policyId=small&flip=true&flop=true&grayscale=true&normalize=true&blur=1&sharpen=true&tint=red&flatten=red&animated=false&rotate=90',
      size: [20, 15],
    },
  ],
  'what the viewer tells': [
    ...(
      [
        ['image/avif,image/webp,*/*', 'webp', 'image/webp'],
        ['image/avif,image/jpeg', 'heif', 'image/avif'],
        ['image/png,image/jpeg', 'jpeg', 'image/jpeg'],
        ['image/gif', 'gif', 'image/gif'],
        ['*/*', 'png', 'image/png'],
      ] as const
    ).map(([accept, format, type]) => ({
      what: `format auto with ${accept}`,
      path: '/card.png?policyId=auto',
      headers: { accept },
      format,
      fields: { 'content-type': type, vary: 'X-Origin, dit-accept, Accept' },
    })),
    ...(
      [
        ['image/raw,image/gif', 'image/raw'],
        ['image/gif,image/tiff', 'image/tiff'],
        ['image/jpg', 'image/jpeg'],
        ['image/heif,image/png', 'image/png'],
        ['image/heif', 'image/png'],
        ['IMAGE/WEBP', 'image/webp'],
      ] as const
    ).map(([accept, type]) => ({
      what: `format auto in its order, with ${accept}`,
      path: '/card.png?policyId=auto',
      headers: { accept },
      fields: { 'content-type': type },
    })),
    ...(
      [
        ['card.webp', 'image/webp'],
        ['card.jpg', 'image/jpeg,image/png'],
        ['card.avif', 'image/avif'],
        ['card.png', 'image/png'],
        ['card.bin', 'image/png'],
        ['anim.gif', 'image/gif'],
      ] as const
    ).map(([file, accept]) => ({
      what: `format auto leaves ${file} with ${accept} as it is`,
      path: `/${file}?policyId=auto`,
      headers: { accept },
      original: file,
      fields: { vary: 'X-Origin, dit-accept, Accept' },
    })),
    {
      what: 'format auto with the format of the source and a resize',
      path: '/card.webp?policyId=auto&resize.width=40',
      headers: { accept: 'image/webp' },
      format: 'webp',
      like: (p) => p.resize(40).webp(),
      tolerance: 0.1,
    },
    {
      what: 'format auto with the format of the source and a quality',
      path: '/card.webp?policyId=tuned',
      headers: { accept: 'image/webp' },
      like: (p) => p.webp({ quality: 80 }),
      tolerance: 0.1,
    },
    {
      what: 'the format of the source by name is encoded',
      path: '/card.webp?format=webp&quality=30',
      like: (p) => p.webp({ quality: 30 }),
      tolerance: 0.1,
    },
    {
      what: 'format auto as the edge function says it',
      path: '/card.png?policyId=auto',
      headers: { accept: 'image/webp', 'dit-accept': 'image/avif' },
      format: 'heif',
    },
    {
      what: 'a format of the query goes before auto, and Accept counts for nothing',
      path: '/card.png?policyId=auto&format=jpeg',
      headers: { accept: 'image/webp' },
      format: 'jpeg',
      fields: { vary: 'X-Origin' },
    },
    ...(
      [
        [undefined, 80],
        ['0.9', 80],
        ['0.95', 60],
        ['1', 60],
        ['1.44', 60],
        ['1.45', 80],
        ['1.94', 80],
        ['1.96', 30],
        ['4.9', 30],
        ['9', 80],
        ['dense', 80],
      ] as const
    ).map(([dpr, quality]) => ({
      what: `quality with a density of ${dpr ?? 'nothing'}`,
      path: '/scene.jpg?policyId=dense',
      headers: dpr === undefined ? {} : { 'sec-ch-dpr': dpr },
      like: (p: Sharp) => p.jpeg({ quality }),
      tolerance: 0.05,
      fields: { vary: 'X-Origin, dit-dpr, Sec-CH-DPR' },
    })),
    {
      what: 'quality as the edge function says it',
      path: '/scene.jpg?policyId=dense',
      headers: { 'dit-dpr': '2' },
      like: (p) => p.jpeg({ quality: 30 }),
      tolerance: 0.05,
    },
    {
      what: 'a quality of the query goes before densities',
      path: '/scene.jpg?policyId=dense&quality=90',
      headers: { 'sec-ch-dpr': '2' },
      like: (p) => p.jpeg({ quality: 90 }),
      tolerance: 0.05,
      fields: { vary: 'X-Origin' },
    },
    ...(
      [
        [undefined, 900],
        ['300', 400],
        ['5000', 400],
      ] as const
    ).map(([viewport, width]) => ({
      what: `autosize with a viewport of ${viewport ?? 'nothing'}`,
      path: '/big.jpg?policyId=wide',
      headers: viewport === undefined ? {} : { 'sec-ch-viewport-width': viewport },
      size: [width, Math.round((width * 60) / 900)] as const,
      fields: { vary: 'X-Origin, dit-viewport-width, Sec-CH-Viewport-Width' },
    })),
    {
      what: 'autosize is dropped where it is wider than the source',
      path: '/card.png?policyId=wide',
      headers: { 'sec-ch-viewport-width': '300' },
      original: 'card.png',
    },
    ...(
      [
        ['1', 321],
        ['320', 321],
        ['321', 481],
        ['480', 481],
        ['481', 769],
        ['768.5', 1025],
        ['1024', 1025],
        ['1025', 1201],
        ['1201', 1441],
        ['1440', 1441],
        ['1441', 1921],
        ['1920', 1921],
        ['1921', 1921],
        ['99999', 1921],
        ['0', undefined],
        ['-5', undefined],
        ['wide', undefined],
      ] as const
    ).map(([viewport, width]) => ({
      what: `autosize with a viewport of ${viewport} takes ${width ?? 'the original'}`,
      path: '/huge.png?policyId=steps',
      headers: { 'sec-ch-viewport-width': viewport },
      ...(width === undefined
        ? { original: 'huge.png' }
        : { size: [width, Math.round((width * 20) / 2000)] as const }),
    })),
    {
      what: 'autosize as the edge function says it, and strictly above it',
      path: '/big.jpg?policyId=sized',
      headers: { 'dit-viewport-width': '100', 'sec-ch-viewport-width': '1920' },
      size: [600, 40],
    },
    {
      what: 'autosize goes before the resize of the policy',
      path: '/big.jpg?policyId=sized',
      headers: { 'sec-ch-viewport-width': '300' },
      size: [600, 40],
    },
    {
      what: 'which counts where the source is too narrow for it',
      path: '/card.png?policyId=sized',
      headers: { 'sec-ch-viewport-width': '300' },
      size: [50, 38],
    },
    { what: 'and for viewers that tell nothing', path: '/big.jpg?policyId=sized', size: [50, 3] },
    {
      what: 'autosize does not enlarge a cut',
      path: '/big.jpg?policyId=wide&extract=0,0,90,60',
      headers: { 'sec-ch-viewport-width': '300' },
      size: [90, 60],
    },
    {
      what: 'a resize of the query goes before autosize',
      path: '/big.jpg?policyId=wide&resize.width=90',
      headers: { 'sec-ch-viewport-width': '300' },
      size: [90, 6],
      fields: { vary: 'X-Origin' },
    },
    {
      what: 'hints are asked for, for a day',
      path: '/card.png',
      fields: {
        'accept-ch-lifetime': '86400',
        'accept-ch': 'Sec-CH-DPR, Sec-CH-Viewport-Width',
        'access-control-allow-origin': '*',
      },
    },
  ],
  mappings: [
    {
      what: 'a path by its first segments, with the default policy',
      at: 'mapped',
      path: '/shop/card.png',
      like: (p) => p.blur(5),
    },
    { what: 'the deepest wins', at: 'mapped', path: '/shop/a/small/card.png', size: [20, 15] },
    {
      what: 'whole segments count',
      at: 'mapped',
      path: '/shopping/card.png',
      status: 404,
      code: 'ImageNotFound',
    },
    { what: 'a star is any one segment', at: 'mapped', path: '/card.png', like: marked(0, 0, 40, 30) },
    {
      what: 'policyId goes before the policy of a mapping',
      at: 'mapped',
      path: '/card.png?policyId=small',
      size: [20, 15],
    },
    { what: 'no mapping', path: '/nowhere/card.png', at: 'root', status: 404, code: 'ORIGIN_NOT_FOUND' },
    {
      what: 'a host goes before every path',
      at: 'mapped',
      path: '/shop/card.png',
      headers: { host: 'img.partner.test' },
      size: [20, 15],
    },
    {
      what: 'case and port of a host count for nothing',
      at: 'mapped',
      path: '/shop/card.png',
      headers: { host: 'IMG.Partner.test:8080' },
      size: [20, 15],
    },
    {
      what: 'a star is one label, and the originPath of a source stands before the file',
      at: 'mapped',
      path: '/shop/card.png',
      headers: { host: 'a.partner.test', accept: 'image/webp' },
      size: [200, 150],
      format: 'webp',
    },
    {
      what: 'a star is not two labels',
      at: 'mapped',
      path: '/shop/card.png',
      headers: { host: 'a.b.partner.test' },
      like: (p) => p.blur(5),
    },
    {
      what: 'the host as the edge function says it',
      at: 'mapped',
      path: '/shop/card.png',
      headers: { 'dit-host': 'img.partner.test' },
      size: [20, 15],
    },
  ],
  'the field that names the origin': [
    {
      what: 'passes mappings and their policies over',
      at: 'mapped',
      path: '/card.png',
      headers: { 'x-origin': 'https://photos' },
      like: (p) => p.blur(5),
    },
    {
      what: 'may name a folder of the source',
      at: 'mapped',
      path: '/card.png?policyId=small',
      headers: { 'x-origin': 'https://photos/shop/' },
      size: [20, 15],
    },
    {
      what: 'a text that is no URL',
      at: 'mapped',
      path: '/card.png',
      headers: { 'x-origin': 'photos' },
      status: 400,
      code: 'INVALID_URL',
    },
    {
      what: 'another scheme',
      at: 'mapped',
      path: '/card.png',
      headers: { 'x-origin': 'file:///etc' },
      status: 400,
      code: 'UNSUPPORTED_PROTOCOL',
    },
    {
      what: 'a host that is not registered',
      at: 'mapped',
      path: '/card.png',
      headers: { 'x-origin': 'https://169.254.169.254/' },
      status: 403,
      code: 'ACCESS_DENIED',
    },
    {
      what: 'a policy all the same',
      at: 'mapped',
      path: '/card.png?policyId=small',
      headers: { 'x-origin': 'https://photos' },
      size: [20, 15],
    },
  ],
  errors: [
    { what: 'no picture', path: '/none.png', status: 404, code: 'ImageNotFound' },
    {
      what: 'no picture, with transformations',
      path: '/none.png?blur=3',
      status: 404,
      code: 'ImageNotFound',
    },
    {
      what: 'a path of more than 2048',
      path: `/${'a'.repeat(2_048)}`,
      status: 400,
      code: 'VALIDATION_ERROR',
    },
    { what: 'broken percent-encoding', path: '/%zz.png', status: 400, code: 'VALIDATION_ERROR' },
    {
      what: 'a picture that is none',
      path: '/no-picture.jpg?blur=3',
      status: 400,
      code: 'InstantiationError',
    },
    { what: 'a file that is none', path: '/no-picture.bin?blur=3', status: 415, code: 'InvalidImage' },
    {
      what: 'an area beyond the picture',
      path: '/card.png?extract=0,0,800,600',
      status: 400,
      code: 'Crop::AreaOutOfBounds',
    },
    {
      what: 'a face beyond the last',
      path: '/card.png?smartCrop.index=3',
      status: 400,
      code: 'SmartCrop::FaceIndexOutOfRange',
    },
    { what: 'a key that climbs', path: '/..%2f..%2fetc%2fpasswd', status: 404, code: 'ImageNotFound' },
  ],
  answers: [
    {
      what: 'a day of lifetime',
      path: '/card.png?blur=3',
      fields: { 'cache-control': 'public, max-age=86400' },
    },
    { what: 'an original without transformations', path: '/card.png', like: (p) => p },
  ],
}

/** `fetch` sets Host itself, so it is asked through node:http where a row has one. */
function ask(path: string, headers: Fields) {
  return new Promise<{ status: number; headers: Readonly<Record<string, unknown>>; body: Buffer }>(
    (resolve, reject) => {
      const sent = request(`${edge.url}${path}`, { headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        )
        response.on('error', reject)
      })
      sent.on('error', reject)
      sent.end()
    },
  )
}

for (const [rule, cases] of Object.entries(RULES)) {
  for (const each of cases) {
    test(`${rule}: ${each.what}`, async () => {
      const { path, at = 'open', headers = {}, status = 200 } = each
      const got = await ask(`${at === 'root' ? '' : `/${at}`}${path}`, headers)
      const text = got.body.toString('latin1', 0, 300)
      assert.equal(got.status, status, text)
      for (const [name, value] of Object.entries(each.fields ?? {}))
        assert.equal(got.headers[name] ?? null, value, name)
      if (each.code !== undefined) {
        const said = JSON.parse(got.body.toString()) as Readonly<Record<string, unknown>>
        assert.equal(said['error'], each.code)
        assert.equal(got.headers['content-type'], 'application/json')
        assert.match(String(said['requestId']), /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/)
        assert.match(String(said['message']), /\w/)
      }
      if (each.original !== undefined) {
        assert.ok(got.body.equals(shelf.bytes.get(each.original)!), 'is not the original')
        assert.equal(got.headers['etag'], (await ask(`/plain/${each.original}`, {})).headers['etag'])
      }
      if (each.frames !== undefined)
        assert.equal((await sharp(got.body, { animated: true }).metadata()).pages, each.frames)
      if (each.size === undefined && each.format === undefined && each.like === undefined) return
      const { width, height, format } = await sharp(got.body).metadata()
      if (each.size !== undefined) assert.deepEqual([width, height], each.size)
      if (each.format !== undefined) assert.equal(format, each.format)
      if (each.like === undefined) return
      const file = /([^/?]+)(?:\?|$)/.exec(path)![1]!
      const expected = await (await each.like(sharp(shelf.bytes.get(file)!))).toBuffer()
      const difference = await differenceOf(got.body, expected)
      assert.ok(difference <= (each.tolerance ?? 0.6), `differs by ${difference}`)
    })
  }
}

test('the cache keeps one variant for what counts alike, and does not mix hosts, policies or sources', async () => {
  const steps: readonly (readonly [path: string, headers: Fields, expected: string])[] = [
    ['/card.png', { host: 'one.test' }, 'Miss'],
    ['/card.png', { host: 'one.test' }, 'Hit'],
    ['/card.png', { host: 'two.test' }, 'Miss'],
    ['/card.png', { host: 'one.test', 'sec-ch-dpr': '3', 'sec-ch-viewport-width': '99' }, 'Hit'],
    ['/card.png', { host: 'one.test', 'x-origin': 'https://logos' }, 'Miss'],
    ['/scene.jpg?policyId=dense', { host: 'one.test', 'sec-ch-dpr': '2' }, 'Miss'],
    ['/scene.jpg?policyId=dense', { host: 'one.test', 'sec-ch-dpr': '4' }, 'Hit'],
    ['/scene.jpg?policyId=dense', { host: 'one.test', 'sec-ch-dpr': '1' }, 'Miss'],
    ['/card.png?policyId=print', { host: 'one.test' }, 'Miss'],
    ['/card.png?policyId=print', { host: 'one.test', 'x-print': 'maybe' }, 'Hit'],
    ['/card.png?policyId=print', { host: 'one.test', 'x-print': 'yes' }, 'Miss'],
  ]
  for (const [path, headers, expected] of steps) {
    const { headers: got, status, body } = await ask(`/cached${path}`, headers)
    assert.equal(status, 200, body.toString('latin1', 0, 200))
    assert.equal(String(got['x-cache']).split(' ')[0], expected, JSON.stringify([path, headers]))
  }
})

test('a source that fails: what is not there and what is forbidden is 404, its own errors are 500, and one that is gone is of the line', async () => {
  await using source = await serve((url, response) => {
    const status = Number(/\d+/.exec(url)?.[0] ?? 200)
    response.writeHead(status, { 'content-type': 'text/html' }).end('<p>not here</p>')
  })
  const gone = await serve(() => {})
  const { url: goneUrl } = gone
  await gone[Symbol.asyncDispose]()
  const images = { dialect: 'dit' }
  await using other = await runEdge({
    origins: { failing: { url: source.url }, gone: { url: goneUrl } },
    behaviors: [{ path: '/gone/*', origin: 'gone', cachePolicy: 'CachingDisabled', images }],
    defaultBehavior: { origin: 'failing', cachePolicy: 'CachingDisabled', images },
  })
  const answerTo = async (path: string) => {
    const response = await fetch(other.url + path)
    const text = await response.text()
    const isJson = response.headers.get('content-type') === 'application/json'
    return [response.status, isJson ? (JSON.parse(text) as { readonly error: unknown }).error : undefined]
  }
  for (const query of ['', '?blur=3']) {
    assert.deepEqual(await answerTo(`/404.png${query}`), [404, 'ImageNotFound'])
    assert.deepEqual(await answerTo(`/403.png${query}`), [404, 'ImageNotFound'])
    assert.deepEqual(await answerTo(`/301.png${query}`), [404, 'ImageNotFound'])
    assert.deepEqual(await answerTo(`/503.png${query}`), [500, 'FetchError'])
    assert.deepEqual(await answerTo(`/200.png${query}`), [415, 'InvalidImage'])
    assert.deepEqual(await answerTo(`/gone/a.png${query}`), [502, undefined])
  }
})

test('explain tells each transformation, where it stood, and what only the picture can tell', async () => {
  const { stages } = await edge.edge.explain({
    url: `${edge.url}/open/card.webp?policyId=sized&grayscale=true&stripExif=true`,
    method: 'GET',
    headers: [['sec-ch-viewport-width', '300']],
  })
  const lines = stages
    .flatMap(({ says }) => says)
    .filter((line) => /^images: (?:edit|EXIF|format)/.test(line))
  assert.deepEqual(lines, [
    'images: edit resize {"width":50}, from policy',
    'images: edit resize {"width":600,"withoutEnlargement":true}, from policy outputs autosize (if the source is 600 pixels wide, then alone of its kind)',
    'images: edit grayscale true, from query grayscale',
    'images: format of the source',
    'images: EXIF orientation, XMP and IPTC keep, colours and profile as they are, within metadata: keep',
  ])
  const auto = await edge.edge.explain({
    url: `${edge.url}/open/card.webp?policyId=auto`,
    method: 'GET',
    headers: [['accept', 'image/webp']],
  })
  assert.ok(
    auto.stages
      .flatMap(({ says }) => says)
      .includes('images: format webp (by the Accept header); a source that is webp already is sent as it is'),
  )
})

test('what is left alone has validators, HEAD and 304 as its source has them', async () => {
  const headers = { accept: 'image/webp' }
  const path = '/open/card.webp?policyId=auto'
  const first = await ask(path, headers)
  const etag = String(first.headers['etag'])
  assert.equal(first.headers['cache-control'], 'public, max-age=86400')
  assert.equal((await ask(path, { ...headers, 'if-none-match': etag })).status, 304)
  const head = await fetch(edge.url + path, { method: 'HEAD', headers })
  assert.deepEqual(
    [head.status, head.headers.get('etag'), head.headers.get('content-length')],
    [200, etag, String(shelf.bytes.get('card.webp')!.length)],
  )
})
