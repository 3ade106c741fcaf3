import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import sharp, { type Sharp } from 'sharp'
import { base64, type Case, type Detector, type Json, startDetector, testCases } from '../support/images.ts'
import { card, circled, type Pictures, pictures } from '../support/pictures.ts'
import { Secret } from '../../src/base/secret.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

/*
 * Rows of version 7 that images.test.ts (its forms) and images-service.test.ts (its settings) do not have:
 * docs/reference/images-version-7.md says which test has which.
 */

let shelf: Pictures
let edge: RunningEdge
let detector: Detector
let noFaces: Detector

before(async () => {
  shelf = await pictures()
  for (const name of ['per%20cent.png', 'UPPER.PNG', 'UPPER.JPG', 'sub/card.png'])
    await shelf.put(name, shelf.bytes.get(name.endsWith('JPG') ? 'card.jpg' : 'card.png')!)
  await shelf.put('heic.heic', HEIC)
  await shelf.put('deep.avif', await card().avif({ quality: 90, effort: 0, bitdepth: 10 }).toBuffer())
  await shelf.put('deep.tiff', await card().toColourspace('rgb16').tiff({ compression: 'lzw' }).toBuffer())
  await shelf.put('deep.png', await card().toColourspace('rgb16').png().toBuffer())
  const wide = () => card().withIccProfile('p3')
  await shelf.put('wide.avif', await wide().avif({ quality: 90, effort: 0 }).toBuffer())
  await shelf.put('wide.tiff', await wide().tiff({ compression: 'lzw' }).toBuffer())
  await shelf.put(
    'wide-deep.tiff',
    await wide().toColourspace('rgb16').tiff({ compression: 'lzw' }).toBuffer(),
  )
  await shelf.put('wide.png', await wide().png().toBuffer())
  await shelf.put('wide-deep.png', await wide().toColourspace('rgb16').png().toBuffer())
  const clear = sharp({
    create: { width: 80, height: 60, channels: 4, background: { r: 200, g: 0, b: 0, alpha: 0.5 } },
  })
  await shelf.put('clear.png', await clear.png().toBuffer())
  detector = await startDetector()
  noFaces = await startDetector({ faces: [], labels: [] })
  const images = { dialect: 'sih', sources: { photos: { origin: 'photos' }, logos: { origin: 'logos' } } }
  const behavior = (name: string, more: Json) => ({
    path: `/${name}/*`,
    stripPrefix: `/${name}`,
    origin: 'photos',
    cachePolicy: 'CachingDisabled',
    images: { ...images, ...more },
  })
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder }, logos: { folder: shelf.folder } },
    behaviors: [
      behavior('nobody', { detector: { url: noFaces.url } }),
      behavior('strict', { strict: true }),
      behavior('auto', { autoFormats: ['webp'], corsOrigin: 'https://a.example' }),
      behavior('strip', { metadata: 'strip' }),
      behavior('copyright', { metadata: 'copyright' }),
      behavior('signed', { signing: { secret: 'images' } }),
    ],
    defaultBehavior: {
      origin: 'photos',
      cachePolicy: 'CachingDisabled',
      images: { ...images, detector: { url: detector.url } },
    },
  })
})

after(async () => {
  for (const each of [edge, shelf, detector, noFaces]) await each[Symbol.asyncDispose]()
})

/** The head of a HEIC file: what an iPhone sends begins so. */
const HEIC = Buffer.concat([
  Buffer.from('000000186674797068656963000000006d6966316865696300', 'hex'),
  Buffer.alloc(200),
])

/** Options with which lossy formats lose next to nothing. */
const FINE = { jpeg: { quality: 100, chromaSubsampling: '4:4:4' }, avif: { quality: 100 } }

const edits = (changes: Json, key = 'card.png', more: Json = {}) => base64({ key, edits: changes, ...more })
const dot = () => shelf.bytes.get('dot.png')!
/** An overlay as sharp makes it, made paler. */
const paler = (alpha: number) => sharp(dot()).linear([1, 1, 1, alpha], [0, 0, 0, 0]).png().toBuffer()

const types: readonly Case[] = [
  {
    what: 'base64 of the URL alphabet is no base64 form, and has no extension: a Thumbor path',
    path: `/${Buffer.from(JSON.stringify({ key: '>>>???.png' })).toString('base64url')}`,
    status: 404,
    code: 'NoSuchKey',
  },
  {
    what: 'base64 without its padding is a Thumbor path',
    path: base64({ key: 'card.png' }).replace(/=+$/, '').slice(0, -1),
    status: 404,
    code: 'NoSuchKey',
  },
  { what: 'base64 of what is no JSON is a Thumbor path', path: '/YWJj', status: 404, code: 'NoSuchKey' },
  {
    what: 'extensions count in any case',
    path: '/20x20/UPPER.PNG',
    size: [20, 20],
    like: (p) => p.resize(20, 20),
  },
  ...['jpg', 'jpeg', 'png', 'webp', 'tiff', 'tif', 'svg', 'gif', 'avif'].map((extension) => ({
    what: `a path to .${extension} is a Thumbor path`,
    path: `/none.${extension}`,
    status: 404,
    code: 'NoSuchKey',
  })),
  ...['bmp', 'heic', 'html', 'jp2'].map((extension) => ({
    what: `a path to .${extension} is of no form`,
    path: `/none.${extension}`,
    status: 400,
    code: 'RequestTypeError',
  })),
  {
    what: 'a bucket that is a source',
    path: base64({ bucket: 'logos', key: 'dot.png' }),
    type: 'image/png',
    from: 'dot.png',
    like: (p) => p,
  },
  {
    what: 'a key in JSON is not percent-decoded',
    path: edits({ flip: true }, 'per%20cent.png'),
    like: (p) => p.flip(),
  },
  { what: 'edits that are none', path: edits({}), type: 'image/png', like: (p) => p },
]

const outputs: readonly Case[] = [
  ...(['jpeg', 'png', 'webp', 'tiff', 'gif', 'avif'] as const).flatMap((format): Case[] => [
    {
      what: `outputFormat ${format}`,
      path: base64({ key: 'card.png', outputFormat: format }),
      type: `image/${format}`,
      tolerance: 6,
      like: (p) => p.toFormat(format),
    },
    {
      what: `the filter format(${format})`,
      path: `/filters:format(${format})/card.png`,
      type: `image/${format}`,
      tolerance: 6,
      like: (p) => p.toFormat(format),
    },
  ]),
  {
    what: 'outputFormat heif',
    path: base64({ key: 'card.png', outputFormat: 'heif' }),
    status: 500,
    code: 'ProcessingFailure',
  },
  { what: 'toFormat heif', path: edits({ toFormat: 'heif' }), status: 500, code: 'ProcessingFailure' },
  {
    what: 'the filter format(heif)',
    path: '/filters:format(heif)/card.png',
    status: 500,
    code: 'ProcessingFailure',
  },
  {
    what: 'the filter format(heic)',
    path: '/filters:format(heic)/card.png',
    status: 500,
    code: 'ProcessingFailure',
  },
  {
    what: 'toFormat heif with options that stand in another edit',
    path: edits({ toFormat: 'heif', heif: { compression: 'av1' } }),
    status: 500,
    code: 'ProcessingFailure',
  },
  {
    what: 'the edit heif with the compression av1 changes the bytes but not the type',
    path: edits({ heif: { compression: 'av1' } }),
    type: 'image/png',
    tolerance: 6,
    like: (p) => p.heif({ compression: 'av1' }),
  },
  {
    what: 'heif with the compression hevc, which no free build has',
    path: edits({ heif: { compression: 'hevc' } }),
    status: 500,
    code: 'ProcessingFailure',
  },
  ...['deep.avif', 'deep.tiff', 'deep.png', 'wide.avif', 'wide.tiff', 'wide-deep.tiff', 'wide.png'].flatMap(
    (file) =>
      (['png', 'jpeg', 'avif'] as const).map((format): Case => ({
        what: `the colours of ${file} are kept in ${format}`,
        path: edits(
          {
            resize: { width: 40 },
            toFormat: format,
            ...(format === 'png' ? {} : { [format]: FINE[format] }),
          },
          file,
        ),
        type: `image/${format}`,
        size: [40, 30],
        tolerance: 2,
        // What it was made of, and not what sharp alone reads: that takes 16 bits for another colour space.
        like: (p) => p.resize(40),
      })),
  ),
  ...['wide-deep.png', 'wide-deep.tiff', 'wide.avif', 'deep.avif'].flatMap((file) =>
    [
      `/strip/40x0/filters:format(png)/${file}`,
      `/copyright/40x0/filters:format(png)/${file}`,
      `/40x0/filters:format(png):strip_exif()/${file}`,
      `/40x0/filters:format(png):watermark(photos,dot.png,0,0,100)/${file}`,
    ].map((path): Case => ({
      what: `the colours of ${path} are kept whatever is kept of its metadata`,
      path,
      size: [40, 30],
      tolerance: 2,
      like: (p) => p.resize(40),
    })),
  ),
  {
    what: 'HEIC in',
    path: edits({ resize: { width: 20 } }, 'heic.heic'),
    status: 400,
    code: 'RequestTypeError',
  },
  {
    what: 'HEIC in, strict',
    path: `/strict${edits({ resize: { width: 20 } }, 'heic.heic')}`,
    status: 500,
    code: 'RequestTypeError',
  },
  {
    what: 'an output format there is none of',
    path: base64({ key: 'card.png', outputFormat: 'bmp' }),
    status: 500,
    code: 'ProcessingFailure',
  },
  {
    what: 'signs in the name of a format are passed over',
    path: '/filters:format(.web-p)/card.png',
    type: 'image/webp',
    tolerance: 6,
    like: (p) => p.webp(),
  },
  ...(
    [
      [0, 0],
      [6, 6],
      [2.9, 2],
      ['3', 3],
      [7, 4],
      [-1, 4],
      ['much', 4],
    ] as const
  ).map(([effort, counts]): Case => ({
    what: `an effort of ${effort} is ${counts}`,
    path: base64({ key: 'scene.jpg', outputFormat: 'webp', effort }),
    type: 'image/webp',
    from: 'scene.jpg',
    tolerance: 0,
    like: (p) => p.webp({ effort: counts }),
  })),
  {
    what: 'an effort means nothing for other formats',
    path: base64({ key: 'card.png', outputFormat: 'png', effort: 1 }),
    type: 'image/png',
    like: (p) => p,
  },
  ...(
    [
      [
        'jpeg',
        { quality: 20, progressive: true, chromaSubsampling: '4:4:4' },
        (p: Sharp) => p.jpeg({ quality: 20, progressive: true, chromaSubsampling: '4:4:4' }),
      ],
      ['png', { compressionLevel: 9, colours: 8 }, (p: Sharp) => p.png({ compressionLevel: 9, colours: 8 })],
      [
        'webp',
        { quality: 20, smartSubsample: true },
        (p: Sharp) => p.webp({ quality: 20, smartSubsample: true }),
      ],
      ['gif', { colours: 4, dither: 0 }, (p: Sharp) => p.gif({ colours: 4, dither: 0 })],
      ['avif', { quality: 20, effort: 1 }, (p: Sharp) => p.avif({ quality: 20, effort: 1 })],
      [
        'tiff',
        { quality: 20, compression: 'jpeg' },
        (p: Sharp) => p.tiff({ quality: 20, compression: 'jpeg' }),
      ],
    ] as const
  ).map(([format, options, like]): Case => ({
    what: `the options of ${format}`,
    path: edits({ toFormat: format, [format]: options }, 'scene.jpg'),
    type: `image/${format}`,
    from: 'scene.jpg',
    tolerance: 0.1,
    like,
  })),
  {
    what: 'SVG stays SVG where Accept alone asks for another',
    path: '/auto/drawing.svg',
    accept: 'image/webp',
    type: 'image/svg+xml',
    from: 'drawing.svg',
    like: (p) => p,
  },
  {
    what: 'Accept goes before outputFormat',
    path: `/auto${base64({ key: 'card.png', outputFormat: 'png' })}`,
    accept: 'image/webp',
    type: 'image/webp',
    tolerance: 6,
    like: (p) => p.webp(),
  },
  {
    what: 'toFormat goes before Accept',
    path: `/auto${edits({ toFormat: 'png' })}`,
    accept: 'image/webp',
    type: 'image/png',
    like: (p) => p,
  },
]

const more: readonly Case[] = [
  ...[
    'tile',
    'jp2',
    'jxl',
    'timeout',
    'dilate',
    'erode',
    'withMetadata',
    'keepExif',
    'withExif',
    'autoOrient',
    'toFile',
    'constructor',
    '__proto__',
  ].map((name): Case => ({
    what: `the edit ${name} is not allowed, and passed over`,
    path: `/${Buffer.from(`{"key":"phone.jpg","edits":{"${name}":{"seconds":1},"flip":true}}`).toString('base64')}`,
    from: 'phone.jpg',
    size: [80, 60],
    tolerance: 3,
    like: (p) => p.flip(),
  })),
  {
    what: 'affine with a background',
    path: edits({ affine: [1, 0.3, 0.1, 0.7] }),
    like: (p) => p.affine([1, 0.3, 0.1, 0.7]),
  },
  {
    what: 'rotate by a negative angle',
    path: edits({ rotate: -90 }),
    size: [60, 80],
    like: (p) => p.rotate(-90),
  },
  {
    what: 'rotate null drops metadata and turns nothing',
    path: edits({ rotate: null }, 'phone.jpg'),
    from: 'phone.jpg',
    size: [80, 60],
    tolerance: 3,
    like: (p) => p,
  },
  { what: 'blur true is mild', path: edits({ blur: true }), like: (p) => p.blur() },
  {
    what: 'extend by copies',
    path: edits({ extend: { left: 10, extendWith: 'copy' } }),
    size: [90, 60],
    like: (p) => p.extend({ left: 10, extendWith: 'copy' }),
  },
  {
    what: 'resize without reduction',
    path: edits({ resize: { width: 20, height: 20, withoutReduction: true } }),
    like: (p) => p.resize(20, 20, { withoutReduction: true }),
  },
  {
    what: 'resize outside',
    path: edits({ resize: { width: 20, height: 20, fit: 'outside' } }),
    size: [27, 20],
    like: (p) => p.resize(20, 20, { fit: 'outside' }),
  },
  {
    what: 'resize by another kernel',
    path: edits({ resize: { width: 33, kernel: 'nearest' } }),
    like: (p) => p.resize(33, undefined, { kernel: 'nearest' }),
  },
  {
    what: 'resize by a position',
    path: edits({ resize: { width: 20, height: 60, position: 'right' } }),
    like: (p) => p.resize(20, 60, { position: 'right' }),
  },
  {
    what: 'a ratio of width and height that are given',
    path: edits({ resize: { width: 40, height: 20, ratio: 0.5 } }),
    size: [13, 10],
    like: (p) => p.resize(20, 10, { fit: 'inside' }),
  },
  // Overlays.
  {
    what: 'an overlay that is half there',
    path: edits({ overlayWith: { key: 'dot.png', alpha: '50', options: { left: 0, top: 0 } } }),
    tolerance: 1,
    like: async (p) => p.composite([{ input: await paler(0.5), left: 0, top: 0 }]),
  },
  {
    what: 'an alpha that is no percentage',
    path: edits({ overlayWith: { key: 'dot.png', alpha: 'x' } }),
    like: (p) => p.composite([{ input: dot() }]),
  },
  {
    what: 'an overlay scaled to a share of the height',
    path: edits({ overlayWith: { key: 'dot.png', hRatio: '50', options: { left: 0, top: 0 } } }),
    tolerance: 1,
    like: async (p) =>
      p.composite([
        {
          input: await sharp(dot()).resize(undefined, 30, { fit: 'inside' }).png().toBuffer(),
          left: 0,
          top: 0,
        },
      ]),
  },
  {
    what: 'a share with a fraction does not scale',
    path: edits({ overlayWith: { key: 'dot.png', wRatio: '50.5', options: { left: 0, top: 0 } } }),
    like: (p) => p.composite([{ input: dot(), left: 0, top: 0 }]),
  },
  {
    what: 'places that are no numbers are dropped',
    path: edits({ overlayWith: { key: 'dot.png', options: { left: 'x', top: 'y' } } }),
    like: (p) => p.composite([{ input: dot() }]),
  },
  {
    what: 'other options of an overlay go to sharp',
    path: edits({ overlayWith: { key: 'dot.png', options: { tile: true, blend: 'xor' } } }),
    like: (p) => p.composite([{ input: dot(), tile: true, blend: 'xor' }]),
  },
  {
    what: 'an overlay of 16 bits keeps its colours',
    path: edits(
      {
        crop: { left: 0, top: 0, width: 80, height: 60 },
        overlayWith: { key: 'wide-deep.png' },
        toFormat: 'png',
      },
      'scene.jpg',
    ),
    tolerance: 2,
    like: (p) => p,
  },
  // Crops by faces, circles, moderation.
  {
    what: 'a smart crop of a picture without faces is the whole picture',
    path: `/nobody${edits({ smartCrop: true })}`,
    size: [80, 60],
    like: (p) => p,
  },
  {
    what: 'a face index where there are no faces',
    path: `/nobody${edits({ smartCrop: { faceIndex: 1 } })}`,
    size: [80, 60],
    like: (p) => p,
  },
  {
    what: 'a round crop of 0 and less has the sides it would have',
    path: edits({ roundCrop: { left: 0, top: -1, rx: 0, ry: -5 } }),
    size: [60, 60],
    type: 'image/png',
    like: (p) => circled(p, [40, 30, 30, 30]),
  },
  {
    what: 'a blur of moderation is rounded up',
    path: edits({ contentModeration: { blur: 3.2 } }),
    like: (p) => p.blur(4),
  },
  {
    what: 'a blur of moderation of nothing does nothing',
    path: edits({ contentModeration: { blur: 0 } }),
    like: (p) => p,
  },
  {
    what: 'a blur of moderation beyond what sharp takes does nothing',
    path: edits({ contentModeration: { blur: 1_001 } }),
    like: (p) => p,
  },
  {
    what: 'moderation without labels leaves what has none',
    path: `/nobody${edits({ contentModeration: true })}`,
    like: (p) => p,
  },
]

const thumbor: readonly Case[] = [
  {
    what: 'a size with 0 on the left',
    path: '/0x20/card.png',
    like: (p) => p.resize(undefined, 20, { fit: 'inside' }),
  },
  { what: 'unsafe is part of the key', path: '/unsafe/20x20/card.png', status: 404, code: 'NoSuchKey' },
  { what: 'a size at the end is part of the key', path: '/sub/20x20', status: 404, code: 'NoSuchKey' },
  {
    what: 'background_color by name',
    path: '/filters:background_color(red)/clear.png',
    from: 'clear.png',
    like: (p) => p.flatten({ background: 'red' }),
  },
  {
    what: 'fill by name',
    path: '/40x40/filters:fill(lime)/card.png',
    size: [40, 40],
    like: (p) => p.resize(40, 40, { fit: 'contain', background: 'lime' }),
  },
  {
    what: 'the order of filters in a path does not count',
    path: '/filters:quality(10):format(jpeg)/card.png',
    type: 'image/jpeg',
    tolerance: 0.5,
    like: (p) => p.jpeg({ quality: 10 }),
  },
  {
    what: 'quality for an extension in capitals is passed over',
    path: '/filters:quality(1)/UPPER.JPG',
    from: 'UPPER.JPG',
    type: 'image/jpeg',
    like: (p) => p.png(),
  },
  ...(
    [
      ['webp', 'card.webp', (p: Sharp) => p.webp({ quality: 5 })],
      ['avif', 'card.avif', (p: Sharp) => p.avif({ quality: 5 })],
      ['tiff', 'card.tiff', (p: Sharp) => p.tiff({ quality: 5 })],
    ] as const
  ).map(([format, file, like]): Case => ({
    what: `quality of ${format}`,
    path: `/filters:quality(5)/${file}`,
    from: file,
    type: `image/${format}`,
    tolerance: 0.5,
    like,
  })),
  {
    what: 'strip_icc strips all',
    path: '/filters:strip_icc()/phone.jpg',
    from: 'phone.jpg',
    size: [80, 60],
    tolerance: 3,
    like: (p) => p,
  },
  {
    what: 'strip_exif cancels a rotate in the same path',
    path: '/filters:strip_exif():rotate(90)/card.png',
    size: [80, 60],
    like: (p) => p,
  },
  {
    what: 'a watermark of a share of the height',
    path: '/filters:watermark(photos,dot.png,0,0,0,x,50)/card.png',
    tolerance: 1,
    like: async (p) =>
      p.composite([
        {
          input: await sharp(dot()).resize(undefined, 30, { fit: 'inside' }).png().toBuffer(),
          left: 0,
          top: 0,
        },
      ]),
  },
  {
    what: 'a watermark without a place is in the middle',
    path: '/filters:watermark(photos,dot.png,x,y,0)/card.png',
    like: (p) => p.composite([{ input: dot() }]),
  },
  {
    what: 'spaces in a watermark are passed over',
    path: '/filters:watermark(photos,%20dot.png,%205,%207,%200)/card.png',
    like: (p) => p.composite([{ input: dot(), left: 5, top: 7 }]),
  },
  {
    what: 'a watermark of a bucket that is no source',
    path: '/filters:watermark(other,dot.png,0,0,0)/card.png',
    status: 403,
    code: 'ImageBucket::CannotAccessBucket',
  },
]

const queries: readonly Case[] = [
  { what: 'fit alone', path: '/card.png?fit=inside', like: (p) => p },
  { what: 'flip without a value', path: '/card.png?flip=', like: (p) => p },
  { what: 'flop=FALSE', path: '/card.png?flop=FALSE', like: (p) => p },
  {
    what: 'rotate without a value',
    path: '/phone.jpg?rotate=',
    from: 'phone.jpg',
    size: [80, 60],
    tolerance: 3,
    like: (p) => p,
  },
  {
    what: 'a format of the query before that of the path',
    path: '/filters:format(webp)/card.png?format=png',
    type: 'image/png',
    like: (p) => p,
  },
  { what: 'a negative width', path: '/card.png?width=-3', status: 400, code: 'InvalidResizeException' },
  {
    what: 'a rotation that is no number',
    path: '/card.png?rotate=left',
    status: 400,
    code: 'QueryParameterParsingError',
  },
]

const refusedArguments: readonly (readonly [edit: string, value: unknown])[] = [
  ['sharpen', { sigma: 11 }],
  ['sharpen', 0],
  ['sharpen', { sigma: 1, m1: -1 }],
  ['median', 0],
  ['median', 'much'],
  ['blur', 0.1],
  ['blur', 'much'],
  ['gamma', 0.5],
  ['gamma', 4],
  ['threshold', 256],
  ['threshold', -1],
  ['clahe', { width: 0, height: 3 }],
  ['clahe', { width: 3, height: 3, maxSlope: 101 }],
  ['convolve', { width: 2, height: 3, kernel: [1, 2, 3, 4, 5, 6] }],
  ['convolve', { width: 3, height: 3, kernel: [1, 2, 3] }],
  ['extend', { left: -1 }],
  ['extend', { left: 1, extendWith: 'tile' }],
  ['extract', { left: -1, top: 0, width: 5, height: 5 }],
  ['trim', { threshold: -1 }],
  ['rotate', 'left'],
  ['resize', { width: 20, fit: 'wide' }],
  ['resize', { width: 20, position: 'nowhere' }],
  ['resize', { width: 20, kernel: 'best' }],
  ['linear', 'much'],
  ['recomb', [[1, 0]]],
  ['modulate', { brightness: -1 }],
  ['tint', 'no colour'],
  ['extractChannel', 'purple'],
  ['ensureAlpha', 2],
  ['bandbool', 'nand'],
  ['toColourspace', 5],
  ['affine', [1, 2]],
  ['jpeg', { quality: 0 }],
  ['jpeg', { quality: 101 }],
  ['png', { compressionLevel: 10 }],
  ['png', { effort: 11 }],
  ['webp', { effort: 7 }],
  ['gif', { colours: 1 }],
  ['avif', { quality: 101 }],
  ['avif', { effort: 10 }],
  ['tiff', { quality: 0 }],
  ['heif', { quality: 50 }],
  ['toFormat', 'jpeg2000'],
]
const refusals: readonly Case[] = refusedArguments.map(([edit, value]) => ({
  what: `${edit} of ${JSON.stringify(value)}`,
  path: edits({ [edit]: value }),
  status: 500,
  code: 'ProcessingFailure',
}))

const place = () => ({ url: edge.url, shelf })
testCases('request types', types, place)
testCases('formats', outputs, place)
testCases('edits', more, place)
testCases('Thumbor paths', thumbor, place)
testCases('query edits', queries, place)
testCases('arguments that sharp refuses', refusals, place)

test('raw is the pixels, and says so', async () => {
  const pixels = await sharp(shelf.bytes.get('card.png')!).raw().toBuffer()
  for (const path of [
    base64({ key: 'card.png', outputFormat: 'raw' }),
    edits({ toFormat: 'raw' }),
    '/filters:format(raw)/card.png',
  ]) {
    const response = await fetch(edge.url + path)
    assert.equal(response.headers.get('content-type'), 'image/raw')
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(pixels))
  }
})

test('animated, and animated() of a path, bring all frames where the format would bring one', async () => {
  const table = [
    ['/filters:animated()/anim.webp', 3],
    ['/filters:animated(TRUE)/anim.webp', 3],
    ['/filters:animated(False)/anim.gif', 1],
    ['/filters:flip()/20x20/anim.webp', 1],
  ] as const
  for (const [path, pages] of table) {
    const response = await fetch(edge.url + path)
    const body = Buffer.from(await response.arrayBuffer())
    const found = await sharp(body, { animated: true }).metadata()
    assert.equal(found.pages ?? 1, pages, path)
  }
})

test('moderation asks with the confidence that is wanted, 75 unless told', async () => {
  for (const contentModeration of [true, { minConfidence: 90 }, {}])
    await (await fetch(edge.url + edits({ contentModeration }))).arrayBuffer()
  const wanted = detector.asked
    .filter(({ operation }) => operation === 'RekognitionService.DetectModerationLabels')
    .map(({ MinConfidence }) => MinConfidence)
  assert.deepEqual(wanted.slice(-3), [75, 90, 75])
})

test('fields of the response that a request may not set are dropped, the others are set', async () => {
  const refused = [
    ...[
      'Authorization',
      'Connection',
      'Server',
      'Transfer-Encoding',
      'Referrer-Policy',
      'Permissions-Policy',
    ],
    ...['WWW-Authenticate', 'Proxy-Authenticate', 'X-Api-Key', 'Set-Cookie', 'X-Frame-Options'],
    ...['X-Content-Type-Options', 'X-XSS-Protection', 'Strict-Transport-Security', 'Permissions-Other'],
    ...['X-Amz-Meta-A', 'X-Amzn-Trace-Id', 'Access-Control-Allow-Origin', 'Cross-Origin-Opener-Policy'],
    ...['Content-Disposition', 'Content-Length', 'a b', 'a:b', ''],
  ]
  const headers = Object.fromEntries(
    [...refused, 'X-Fine', 'Expires', 'Surrogate-Key'].map((name) => [name, 'evil']),
  )
  const response = await fetch(edge.url + base64({ key: 'card.png', headers }))
  await response.arrayBuffer()
  assert.equal(response.status, 200)
  const set = [...response.headers].filter(([, value]) => value.includes('evil')).map(([name]) => name)
  assert.deepEqual(set.sort(), ['expires', 'surrogate-key', 'x-fine'])
})

test('the fields of every answer: what browsers may ask, and the origin that is allowed, also on errors', async () => {
  for (const path of ['/card.png', '/20x20/card.png', '/none.png', '/card.exe']) {
    for (const [prefix, origin] of [
      ['', null],
      ['/auto', 'https://a.example'],
    ] as const) {
      const { headers, body } = await fetch(edge.url + prefix + path)
      await body?.cancel()
      assert.deepEqual(
        ['methods', 'headers', 'credentials', 'origin'].map((name) =>
          headers.get(`access-control-allow-${name}`),
        ),
        ['GET', 'Content-Type, Authorization', 'true', origin],
        path,
      )
    }
  }
})

test('the published vector of a signature is accepted', async () => {
  await (await edge.edge.seams.secrets()).put('images', new Secret('secret'))
  const path = '/eyJidWNrZXQiOiJ2YWxpZEJ1Y2tldCIsImtleSI6InZhbGlkS2V5IiwiZWRpdHMiOnsidG9Gb3JtYXQiOiJwbmcifX0='
  const signature = '4d41311006641a56de7bca8abdbda91af254506107a2c7b338a13ca2fa95eac3'
  const codeOf = async (query: string) => {
    const response = await fetch(`${edge.url}/signed${path}${query}`)
    return ((await response.json()) as Json)['code']
  }
  // Past the signature it is the bucket of the vector that is not among the sources here.
  assert.equal(await codeOf(`?signature=${signature}`), 'ImageBucket::CannotAccessBucket')
  assert.equal(await codeOf(`?signature=${signature.replace('4d', '4e')}`), 'SignatureDoesNotMatch')
  assert.equal(await codeOf(`?signature=${signature}&width=10`), 'SignatureDoesNotMatch')
})
