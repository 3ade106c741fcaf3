import { after, before } from 'node:test'
import { base64, type Case, type Detector, type Json, startDetector, testCases } from '../support/images.ts'
import { circled, type Pictures, pictures } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

const edits = (changes: Json, key = 'card.png', more: Json = {}) => base64({ key, edits: changes, ...more })

let shelf: Pictures
let edge: RunningEdge
let detector: Detector

before(async () => {
  shelf = await pictures()
  detector = await startDetector()
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder }, logos: { folder: shelf.folder } },
    behaviors: [{ path: '/api/*', origin: 'photos' }],
    defaultBehavior: {
      origin: 'photos',
      cachePolicy: 'CachingDisabled',
      images: {
        dialect: 'sih',
        sources: { photos: { origin: 'photos' }, logos: { origin: 'logos' } },
        detector: { url: detector.url },
      },
    },
  })
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
  await detector[Symbol.asyncDispose]()
})

const E: readonly Case[] = [
  {
    what: 'no edits: the original, byte for byte',
    path: base64({ key: 'card.png' }),
    type: 'image/png',
    like: (p) => p,
  },
  {
    what: 'resize to cover',
    path: edits({ resize: { width: 30, height: 30 } }),
    size: [30, 30],
    like: (p) => p.resize(30, 30),
  },
  {
    what: 'numeric text and fractions as sizes',
    path: edits({ resize: { width: '30', height: 20.4 } }),
    size: [30, 20],
    like: (p) => p.resize(30, 20),
  },
  {
    what: 'one side null',
    path: edits({ resize: { width: 40, height: null } }),
    size: [40, 30],
    like: (p) => p.resize(40),
  },
  {
    what: 'resize contain with background',
    path: edits({ resize: { width: 40, height: 40, fit: 'contain', background: '#ff00ff' } }),
    size: [40, 40],
    like: (p) => p.resize(40, 40, { fit: 'contain', background: '#ff00ff' }),
  },
  {
    what: 'resize without enlargement',
    path: edits({ resize: { width: 400, withoutEnlargement: true } }),
    size: [80, 60],
    like: (p) => p,
  },
  {
    what: 'resize with ratio',
    path: edits({ resize: { ratio: 0.5 } }),
    size: [40, 30],
    like: (p) => p.resize(40, 30),
  },
  {
    what: 'resize by attention',
    path: edits({ resize: { width: 20, height: 20, position: 'attention' } }),
    like: (p) => p.resize(20, 20, { position: 'attention' }),
  },
  {
    what: 'resize by entropy',
    path: edits({ resize: { width: 20, height: 20, position: 'entropy' } }),
    like: (p) => p.resize(20, 20, { position: 'entropy' }),
  },
  {
    what: 'crop',
    path: edits({ crop: { left: 40, top: 0, width: 40, height: 30 } }),
    size: [40, 30],
    like: (p) => p.extract({ left: 40, top: 0, width: 40, height: 30 }),
  },
  {
    what: 'extract',
    path: edits({ extract: { left: 0, top: 30, width: 40, height: 30 } }),
    like: (p) => p.extract({ left: 0, top: 30, width: 40, height: 30 }),
  },
  {
    what: 'extend',
    path: edits({ extend: { top: 5, left: 3, bottom: 0, right: 0, background: '#00ffff' } }),
    size: [83, 65],
    like: (p) => p.extend({ top: 5, left: 3, bottom: 0, right: 0, background: '#00ffff' }),
  },
  { what: 'trim', path: edits({ trim: { threshold: 10 } }), like: (p) => p.trim({ threshold: 10 }) },
  { what: 'rotate by a right angle', path: edits({ rotate: 90 }), size: [60, 80], like: (p) => p.rotate(90) },
  { what: 'rotate by any angle', path: edits({ rotate: 45 }), like: (p) => p.rotate(45) },
  { what: 'flip', path: edits({ flip: true }), like: (p) => p.flip() },
  { what: 'flop', path: edits({ flop: true }), like: (p) => p.flop() },
  {
    what: 'affine',
    path: edits({
      affine: [
        [1, 0.3],
        [0.1, 0.7],
      ],
    }),
    like: (p) =>
      p.affine([
        [1, 0.3],
        [0.1, 0.7],
      ]),
  },
  {
    what: 'sharpen with a bare number is sigma',
    path: edits({ sharpen: 2 }),
    like: (p) => p.sharpen({ sigma: 2 }),
  },
  { what: 'sharpen', path: edits({ sharpen: true }), like: (p) => p.sharpen() },
  { what: 'median', path: edits({ median: 3 }), like: (p) => p.median(3) },
  { what: 'blur', path: edits({ blur: 3 }), like: (p) => p.blur(3) },
  {
    what: 'flatten',
    path: edits({ flatten: { background: 'red' } }, 'dot.png'),
    from: 'dot.png',
    like: (p) => p.flatten({ background: 'red' }),
  },
  { what: 'unflatten', path: edits({ unflatten: true }), like: (p) => p.unflatten() },
  { what: 'gamma', path: edits({ gamma: 2 }), like: (p) => p.gamma(2) },
  { what: 'negate', path: edits({ negate: true }), like: (p) => p.negate() },
  { what: 'normalise', path: edits({ normalise: true }), like: (p) => p.normalise() },
  { what: 'normalize', path: edits({ normalize: true }), like: (p) => p.normalize() },
  {
    what: 'clahe',
    path: edits({ clahe: { width: 10, height: 10 } }),
    like: (p) => p.clahe({ width: 10, height: 10 }),
  },
  {
    what: 'convolve',
    path: edits({ convolve: { width: 3, height: 3, kernel: [-1, 0, 1, -2, 0, 2, -1, 0, 1] } }),
    like: (p) => p.convolve({ width: 3, height: 3, kernel: [-1, 0, 1, -2, 0, 2, -1, 0, 1] }),
  },
  { what: 'threshold', path: edits({ threshold: 100 }), like: (p) => p.threshold(100) },
  { what: 'linear', path: edits({ linear: 0.5 }), like: (p) => p.linear(0.5) },
  {
    what: 'recomb',
    path: edits({
      recomb: [
        [0, 1, 0],
        [0, 0, 1],
        [1, 0, 0],
      ],
    }),
    like: (p) =>
      p.recomb([
        [0, 1, 0],
        [0, 0, 1],
        [1, 0, 0],
      ]),
  },
  {
    what: 'modulate',
    path: edits({ modulate: { brightness: 0.5, hue: 90 } }),
    like: (p) => p.modulate({ brightness: 0.5, hue: 90 }),
  },
  { what: 'tint', path: edits({ tint: 'red' }), like: (p) => p.tint('red') },
  { what: 'greyscale', path: edits({ greyscale: true }), like: (p) => p.greyscale() },
  { what: 'grayscale', path: edits({ grayscale: true }), like: (p) => p.grayscale() },
  { what: 'toColourspace', path: edits({ toColourspace: 'b-w' }), like: (p) => p.toColourspace('b-w') },
  { what: 'toColorspace', path: edits({ toColorspace: 'b-w' }), like: (p) => p.toColorspace('b-w') },
  {
    what: 'pipelineColourspace',
    path: edits({ pipelineColourspace: 'rgb16', blur: 2 }),
    like: (p) => p.pipelineColourspace('rgb16').blur(2),
  },
  {
    what: 'pipelineColorspace',
    path: edits({ pipelineColorspace: 'rgb16', blur: 2 }),
    like: (p) => p.pipelineColorspace('rgb16').blur(2),
  },
  {
    what: 'removeAlpha',
    path: edits({ removeAlpha: true }, 'dot.png'),
    from: 'dot.png',
    like: (p) => p.removeAlpha(),
  },
  { what: 'ensureAlpha', path: edits({ ensureAlpha: 0.5 }), like: (p) => p.ensureAlpha(0.5) },
  {
    what: 'extractChannel',
    path: edits({ extractChannel: 'green' }),
    like: (p) => p.extractChannel('green'),
  },
  { what: 'bandbool', path: edits({ bandbool: 'and' }), like: (p) => p.bandbool('and') },
  {
    what: 'an edit named jpeg changes the bytes but not the type',
    path: edits({ jpeg: { quality: 80 } }),
    type: 'image/png',
    tolerance: 6,
    like: (p) => p.jpeg({ quality: 80 }),
  },
  {
    what: 'webp with options',
    path: edits({ toFormat: 'webp', webp: { lossless: true } }),
    type: 'image/webp',
    like: (p) => p,
  },
  {
    what: 'png with a palette',
    path: edits({ png: { palette: true, colours: 4 } }),
    type: 'image/png',
    like: (p) => p.png({ palette: true, colours: 4 }),
  },
  {
    what: 'toFormat gif',
    path: edits({ toFormat: 'gif' }),
    type: 'image/gif',
    tolerance: 4,
    like: (p) => p.gif(),
  },
  {
    what: 'toFormat tiff',
    path: edits({ toFormat: 'tiff' }),
    type: 'image/tiff',
    tolerance: 6,
    like: (p) => p.tiff(),
  },
  {
    what: 'toFormat avif',
    path: edits({ toFormat: 'avif', avif: { effort: 0 } }),
    type: 'image/avif',
    tolerance: 6,
    like: (p) => p.avif({ effort: 0 }),
  },
  {
    what: 'outputFormat',
    path: base64({ key: 'card.png', outputFormat: 'webp', effort: 9 }),
    type: 'image/webp',
    tolerance: 6,
    like: (p) => p.webp(),
  },
  {
    what: 'outputFormat loses to toFormat',
    path: edits({ toFormat: 'png' }, 'card.jpg', { outputFormat: 'webp' }),
    type: 'image/png',
    from: 'card.jpg',
    like: (p) => p.png(),
  },
  {
    what: 'outputFormat jpg has the type image/jpeg',
    path: base64({ key: 'card.png', outputFormat: 'jpg' }),
    type: 'image/jpeg',
    tolerance: 6,
    like: (p) => p.jpeg(),
  },
  {
    what: 'unknown edits are passed over',
    path: edits({
      teleport: true,
      composite: [{ input: '/etc/passwd' }],
      joinChannel: '/etc/passwd',
      boolean: { operand: '/etc/passwd' },
      raw: {},
      flip: true,
    }),
    like: (p) => p.flip(),
  },
  {
    what: 'the order of crop and resize is the order of the keys',
    path: edits({ resize: { width: 40 }, crop: { left: 20, top: 0, width: 20, height: 15 } }),
    size: [20, 15],
    like: (p) => p.resize(40).extract({ left: 20, top: 0, width: 20, height: 15 }),
  },
  {
    what: 'JPEG in',
    path: edits({ resize: { width: 100 } }, 'scene.jpg'),
    from: 'scene.jpg',
    type: 'image/jpeg',
    tolerance: 2,
    like: (p) => p.resize(100).jpeg(),
  },
  { what: 'WebP in', path: edits({ flip: true, toFormat: 'png' }, 'card.webp'), like: (p) => p.flip() },
  {
    what: 'AVIF in',
    path: edits({ flip: true, toFormat: 'png' }, 'card.avif'),
    tolerance: 6,
    like: (p) => p.flip(),
  },
  {
    what: 'TIFF in',
    path: edits({ flip: true, toFormat: 'png' }, 'card.tiff'),
    tolerance: 6,
    like: (p) => p.flip(),
  },
  {
    what: 'a wrong declared type is inferred',
    path: edits({ flip: true }, 'card.bin'),
    type: 'image/png',
    like: (p) => p.flip(),
  },
  {
    what: 'a key with letters of every kind',
    path: edits({ flip: true }, 'großes Bild.png'),
    like: (p) => p.flip(),
  },
  {
    what: 'SVG becomes PNG when edited',
    path: edits({ resize: { width: 20 } }, 'drawing.svg'),
    from: 'drawing.svg',
    type: 'image/png',
    size: [20, 15],
    like: (p) => p.resize(20).png(),
  },
  {
    what: 'SVG as it is',
    path: base64({ key: 'drawing.svg' }),
    type: 'image/svg+xml',
    from: 'drawing.svg',
    like: (p) => p,
  },
  {
    what: 'round crop of PNG',
    path: edits({ roundCrop: true }),
    size: [60, 60],
    type: 'image/png',
    like: (p) => circled(p, [40, 30, 30, 30]),
  },
  {
    what: 'round crop of JPEG becomes PNG',
    path: edits({ roundCrop: { left: 20, top: 20, rx: 10, ry: 15 } }, 'card.jpg'),
    from: 'card.jpg',
    size: [20, 30],
    type: 'image/png',
    like: (p) => circled(p, [20, 20, 10, 15]),
  },
  {
    what: 'overlay in the middle',
    path: edits({ overlayWith: { bucket: 'logos', key: 'dot.png' } }),
    like: (p) => p.composite([{ input: shelf.bytes.get('dot.png')! }]),
  },
  {
    what: 'overlay placed from left and top',
    path: edits({ overlayWith: { key: 'dot.png', options: { left: 5, top: 7 } } }),
    like: (p) => p.composite([{ input: shelf.bytes.get('dot.png')!, left: 5, top: 7 }]),
  },
  {
    what: 'overlay placed from right and bottom',
    path: edits({ overlayWith: { key: 'dot.png', options: { left: -5, top: '-7' } } }),
    like: (p) => p.composite([{ input: shelf.bytes.get('dot.png')!, left: 80 - 5 - 20, top: 60 - 7 - 10 }]),
  },
  {
    what: 'overlay placed by percent',
    path: edits({ overlayWith: { key: 'dot.png', options: { left: '10p', top: '-10p' } } }),
    like: (p) => p.composite([{ input: shelf.bytes.get('dot.png')!, left: 8, top: 44 }]),
  },
  {
    what: 'overlay scaled after the resize',
    path: edits({
      resize: { width: 40 },
      overlayWith: { key: 'dot.png', wRatio: '50', options: { left: 0, top: 0 } },
    }),
    like: (p) => p.resize(40).composite([{ input: shelf.bytes.get('dot.png')!, left: 0, top: 0 }]),
  },
  {
    what: 'overlay by gravity',
    path: edits({ overlayWith: { key: 'dot.png', options: { gravity: 'southeast' } } }),
    like: (p) => p.composite([{ input: shelf.bytes.get('dot.png')!, gravity: 'southeast' }]),
  },
  {
    what: 'an invisible overlay',
    path: edits({ overlayWith: { key: 'dot.png', alpha: '100' } }),
    like: (p) => p,
  },
  {
    what: 'a ratio that is no percentage does not scale',
    path: edits({ overlayWith: { key: 'dot.png', wRatio: '150', options: { left: 0, top: 0 } } }),
    like: (p) => p.composite([{ input: shelf.bytes.get('dot.png')!, left: 0, top: 0 }]),
  },
  {
    what: 'smart crop to the first face',
    path: edits({ smartCrop: true }),
    size: [20, 15],
    like: (p) => p.extract({ left: 8, top: 6, width: 20, height: 15 }),
  },
  {
    what: 'smart crop to the second face with padding, clipped',
    path: edits({ smartCrop: { faceIndex: 1, padding: 10 } }),
    size: [40, 30],
    like: (p) => p.extract({ left: 40, top: 30, width: 40, height: 30 }),
  },
  {
    what: 'moderation blurs what has an unwanted label',
    path: edits({ contentModeration: { moderationLabels: ['Smoking'], blur: 4 } }),
    like: (p) => p.blur(4),
  },
  {
    what: 'moderation leaves what has other labels',
    path: edits({ contentModeration: { moderationLabels: ['Alcohol'], blur: 4 } }),
    like: (p) => p,
  },
  {
    what: 'moderation without labels blurs at any label',
    path: edits({ contentModeration: true }),
    like: (p) => p.blur(50),
  },
]

const T: readonly Case[] = [
  { what: 'a plain key', path: '/card.png', type: 'image/png', like: (p) => p },
  { what: 'a size', path: '/30x20/card.png', size: [30, 20], like: (p) => p.resize(30, 20) },
  { what: 'a size with 0', path: '/30x0/card.png', like: (p) => p.resize(30, undefined, { fit: 'inside' }) },
  {
    what: 'fit-in',
    path: '/fit-in/30x30/card.png',
    size: [30, 23],
    like: (p) => p.resize(30, 30, { fit: 'inside' }),
  },
  {
    what: 'a crop',
    path: '/40x0:80x30/card.png',
    size: [40, 30],
    like: (p) => p.extract({ left: 40, top: 0, width: 40, height: 30 }),
  },
  {
    what: 'a crop, then a size',
    path: '/40x0:80x30/20x20/card.png',
    size: [20, 20],
    like: (p) => p.extract({ left: 40, top: 0, width: 40, height: 30 }).resize(20, 20),
  },
  {
    what: 'segments in any order',
    path: '/filters:grayscale()/20x20/card.png',
    like: (p) => p.resize(20, 20).grayscale(),
  },
  {
    what: 'chained filters and separate ones',
    path: '/filters:grayscale():blur(4)/filters:rotate(90)/card.png',
    like: (p) => p.grayscale().blur(2).rotate(90),
  },
  { what: 'a bucket', path: '/s3:logos/dot.png', from: 'dot.png', like: (p) => p },
  {
    what: 'folders that look like options',
    path: '/30x30/folder/100x100/fit-in/card.png',
    size: [30, 30],
    like: (p) => p.resize(30, 30),
  },
  { what: 'a percent-encoded key', path: '/20x20/gro%C3%9Fes%20Bild.png', like: (p) => p.resize(20, 20) },
  {
    what: 'autojpg',
    path: '/filters:autojpg()/card.png',
    type: 'image/jpeg',
    tolerance: 6,
    like: (p) => p.jpeg(),
  },
  {
    what: 'background_color',
    path: '/filters:background_color(ff0000)/dot.png',
    from: 'dot.png',
    like: (p) => p.flatten({ background: '#ff0000' }),
  },
  { what: 'blur with radius', path: '/filters:blur(6)/card.png', like: (p) => p.blur(3) },
  { what: 'blur with radius and sigma', path: '/filters:blur(6,1.5)/card.png', like: (p) => p.blur(1.5) },
  {
    what: 'convolution',
    path: '/filters:convolution(1;2;1;2;4;2;1;2;1,3,true)/card.png',
    like: (p) => p.convolve({ width: 3, height: 3, kernel: [1, 2, 1, 2, 4, 2, 1, 2, 1] }),
  },
  { what: 'equalize', path: '/filters:equalize()/card.png', like: (p) => p.normalize() },
  {
    what: 'fill',
    path: '/40x40/filters:fill(00ff00)/card.png',
    size: [40, 40],
    like: (p) => p.resize(40, 40, { fit: 'contain', background: '#00ff00' }),
  },
  {
    what: 'format',
    path: '/filters:format(jpg)/card.png',
    type: 'image/jpeg',
    tolerance: 6,
    like: (p) => p.jpeg(),
  },
  {
    what: 'an unknown format is passed over',
    path: '/filters:format(bmp)/card.png',
    type: 'image/png',
    like: (p) => p,
  },
  { what: 'no_upscale', path: '/400x0/filters:no_upscale()/card.png', size: [80, 60], like: (p) => p },
  {
    what: 'proportion of a size',
    path: '/40x20/filters:proportion(0.5)/card.png',
    size: [20, 10],
    like: (p) => p.resize(20, 10),
  },
  {
    what: 'proportion of the source',
    path: '/filters:proportion(0.25)/card.png',
    size: [20, 15],
    like: (p) => p.resize(20, 15),
  },
  {
    what: 'quality of the extension',
    path: '/filters:quality(10)/scene.jpg',
    from: 'scene.jpg',
    type: 'image/jpeg',
    tolerance: 1,
    like: (p) => p.jpeg({ quality: 10 }),
  },
  {
    what: 'quality moves to the format that comes out',
    path: '/filters:quality(10):format(webp)/scene.jpg',
    from: 'scene.jpg',
    type: 'image/webp',
    tolerance: 1,
    like: (p) => p.webp({ quality: 10 }),
  },
  { what: 'rgb', path: '/filters:rgb(100,0,0)/card.png', like: (p) => p.tint({ r: 255, g: 0, b: 0 }) },
  { what: 'rotate', path: '/filters:rotate(180)/card.png', like: (p) => p.rotate(180) },
  {
    what: 'an empty rotate turns as EXIF says',
    path: '/filters:rotate()/phone.jpg',
    from: 'phone.jpg',
    size: [60, 80],
    tolerance: 3,
    like: (p) => p.autoOrient(),
  },
  { what: 'sharpen', path: '/filters:sharpen(1,2,true)/card.png', like: (p) => p.sharpen({ sigma: 2 }) },
  {
    what: 'smart_crop',
    path: '/filters:smart_crop(0,2)/card.png',
    like: (p) => p.extract({ left: 6, top: 4, width: 24, height: 19 }),
  },
  {
    what: 'stretch',
    path: '/40x40/filters:stretch()/card.png',
    size: [40, 40],
    like: (p) => p.resize(40, 40, { fit: 'fill' }),
  },
  {
    what: 'stretch after fit-in',
    path: '/fit-in/40x40/filters:stretch()/card.png',
    size: [40, 30],
    like: (p) => p.resize(40, 40, { fit: 'inside' }),
  },
  {
    what: 'upscale',
    path: '/160x160/filters:upscale()/card.png',
    size: [160, 120],
    like: (p) => p.resize(160, 160, { fit: 'inside' }),
  },
  {
    what: 'watermark',
    path: '/filters:watermark(logos,dot.png,5,-7,0)/card.png',
    like: (p) => p.composite([{ input: shelf.bytes.get('dot.png')!, left: 5, top: 43 }]),
  },
  {
    what: 'watermark of a share of the width, by percent',
    path: '/filters:watermark(photos,dot.png,50p,0,0,25)/card.png',
    like: (p) => p.composite([{ input: shelf.bytes.get('dot.png')!, left: 40, top: 0 }]),
  },
  {
    what: 'unknown filters are passed over',
    path: '/filters:colorize(1,2,3,fff)/filters:flop()/card.png',
    like: (p) => p,
  },
  {
    what: 'animated(false) takes the first frame',
    path: '/filters:animated(false)/filters:format(png)/anim.gif',
    from: 'anim.gif',
    size: [16, 12],
    like: (p) => p,
  },
  {
    what: 'no extension at all',
    path: '/20x20/filters:format(png)/s3:photos/card',
    status: 404,
    code: 'NoSuchKey',
  },
]

const Q: readonly Case[] = [
  { what: 'width', path: '/card.png?width=40', size: [40, 30], like: (p) => p.resize(40) },
  {
    what: 'width, height and fit',
    path: '/card.png?width=40&height=40&fit=inside',
    size: [40, 30],
    like: (p) => p.resize(40, 40, { fit: 'inside' }),
  },
  {
    what: 'an empty height is automatic',
    path: '/card.png?width=40&height=',
    size: [40, 30],
    like: (p) => p.resize(40),
  },
  {
    what: 'a zero width is automatic',
    path: '/card.png?width=0&height=30',
    size: [40, 30],
    like: (p) => p.resize(null, 30),
  },
  {
    what: 'the last value wins',
    path: '/card.png?width=10&width=40',
    size: [40, 30],
    like: (p) => p.resize(40),
  },
  {
    what: 'any of width, height and fit replaces the resize of the path',
    path: '/10x10/card.png?width=40',
    size: [40, 30],
    like: (p) => p.resize(40),
  },
  { what: 'format', path: '/card.png?format=webp', type: 'image/webp', tolerance: 6, like: (p) => p.webp() },
  { what: 'rotate', path: '/card.png?rotate=90', like: (p) => p.rotate(90) },
  { what: 'flip and flop', path: '/card.png?flip=true&flop=1', like: (p) => p.flip().flop() },
  { what: 'flip=false', path: '/card.png?flip=False', like: (p) => p },
  { what: 'grayscale', path: '/card.png?grayscale=yes', like: (p) => p.grayscale() },
  { what: 'greyscale', path: '/card.png?greyscale=1', like: (p) => p.greyscale() },
  {
    what: 'on base64',
    path: `${base64({ key: 'card.png', edits: { flip: true } })}?width=40`,
    size: [40, 30],
    like: (p) => p.flip().resize(40),
  },
  { what: 'other parameters are passed over', path: '/card.png?quality=5&blur=9', like: (p) => p },
]

const X: readonly Case[] = [
  { what: 'a path of no form', path: '/card.exe', status: 400, code: 'RequestTypeError' },
  {
    what: 'a bucket that is not a source',
    path: base64({ bucket: 'other', key: 'card.png' }),
    status: 403,
    code: 'ImageBucket::CannotAccessBucket',
  },
  {
    what: 'an overlay from a bucket that is not a source',
    path: edits({ overlayWith: { bucket: 'other', key: 'dot.png' } }),
    status: 403,
    code: 'ImageBucket::CannotAccessBucket',
  },
  {
    what: 's3: with a bucket that is not a source is part of the key',
    path: '/s3:other/card.png',
    status: 404,
    code: 'NoSuchKey',
  },
  { what: 'no such key', path: '/20x20/none.png', status: 404, code: 'NoSuchKey' },
  { what: 'no such key, no edits', path: '/none.png', status: 404, code: 'NoSuchKey' },
  { what: 'base64 of a number has no key', path: '/MTIz', status: 404, code: 'NoSuchKey' },
  {
    what: 'a key that climbs',
    path: base64({ key: '../../etc/passwd', edits: { flip: true } }),
    status: 404,
    code: 'NoSuchKey',
  },
  {
    what: 'a width of zero',
    path: edits({ resize: { width: 0 } }),
    status: 400,
    code: 'InvalidResizeException',
  },
  {
    what: 'a negative height',
    path: edits({ resize: { height: -3 } }),
    status: 400,
    code: 'InvalidResizeException',
  },
  {
    what: 'a width beyond the limit',
    path: edits({ resize: { width: 100_000 } }),
    status: 400,
    code: 'InvalidResizeException',
  },
  {
    what: 'an area beyond the limit',
    path: edits({ resize: { width: 16_000, height: 16_000 } }),
    status: 400,
    code: 'InvalidResizeException',
  },
  {
    what: 'an extension beyond the limit',
    path: edits({ extend: { right: 20_000 } }),
    status: 400,
    code: 'BadRequest',
  },
  {
    what: 'a crop beyond the picture',
    path: edits({ crop: { left: 70, top: 0, width: 20, height: 10 } }),
    status: 400,
    code: 'Crop::AreaOutOfBounds',
  },
  {
    what: 'a crop beyond the picture in a path',
    path: '/0x0:500x10/card.png',
    status: 400,
    code: 'Crop::AreaOutOfBounds',
  },
  {
    what: 'a crop with negative sides',
    path: '/50x50:10x10/card.png',
    status: 400,
    code: 'Crop::AreaOutOfBounds',
  },
  {
    what: 'a crop without a width',
    path: edits({ crop: { left: 0, top: 0, height: 5 } }),
    status: 400,
    code: 'Crop::AreaOutOfBounds',
  },
  {
    what: 'a crop without an area',
    path: edits({ crop: { left: 0, top: 0, width: 0, height: 5 } }),
    status: 400,
    code: 'Crop::AreaOutOfBounds',
  },
  {
    what: 'an extract without an area',
    path: edits({ extract: { left: 0, top: 0, width: 5, height: 0 } }),
    status: 500,
    code: 'ProcessingFailure',
  },
  {
    what: 'a face that is not there',
    path: edits({ smartCrop: { faceIndex: 7 } }),
    status: 400,
    code: 'SmartCrop::FaceIndexOutOfRange',
  },
  {
    what: 'a padding that leaves nothing',
    path: edits({ smartCrop: { padding: -50 } }),
    status: 400,
    code: 'SmartCrop::PaddingOutOfBounds',
  },
  {
    what: 'an overlay that is not there',
    path: edits({ overlayWith: { key: 'none.png' } }),
    status: 400,
    code: 'OverlayImageException',
  },
  {
    what: 'an overlay that is no picture',
    path: edits({ overlayWith: { key: 'no-picture.jpg' } }),
    status: 400,
    code: 'OverlayImageException',
  },
  {
    what: 'an overlay larger than the picture',
    path: edits({ resize: { width: 10 }, overlayWith: { key: 'dot.png' } }),
    status: 400,
    code: 'BadRequest',
  },
  {
    what: 'an overlay with left alone',
    path: edits({ overlayWith: { key: 'dot.png', options: { left: 3 } } }),
    status: 500,
    code: 'ProcessingFailure',
  },
  {
    what: 'text in the place of a picture',
    path: '/20x20/no-picture.jpg',
    status: 400,
    code: 'InstantiationError',
  },
  {
    what: 'a type that cannot be inferred',
    path: edits({ flip: true }, 'no-picture.bin'),
    status: 400,
    code: 'RequestTypeError',
  },
  {
    what: 'arguments that sharp refuses',
    path: edits({ blur: 5000 }),
    status: 500,
    code: 'ProcessingFailure',
  },
  { what: 'format heic', path: '/filters:format(heic)/card.png', status: 500, code: 'ProcessingFailure' },
  {
    what: 'a filter without parentheses',
    path: '/filters:blur/card.png',
    status: 500,
    code: 'InternalError',
  },
  {
    what: 'a query that is no number',
    path: '/card.png?width=wide',
    status: 400,
    code: 'QueryParameterParsingError',
  },
  {
    what: 'broken percent-encoding in the query',
    path: '/card.png?fit=%zz',
    status: 400,
    code: 'QueryParameterParsingError',
  },
  {
    what: 'an expiry of another form',
    path: '/card.png?expires=tomorrow',
    status: 400,
    code: 'ImageRequestExpiryFormat',
  },
  {
    what: 'an expiry on a day that is not in the calendar',
    path: '/card.png?expires=20300231T000000Z',
    status: 400,
    code: 'ImageRequestExpiryFormat',
  },
  {
    what: 'an expiry in the past',
    path: '/card.png?expires=20200101T000000Z',
    status: 400,
    code: 'ImageRequestExpired',
  },
]

const place = () => ({ url: edge.url, shelf })
testCases('edits', E, place)
testCases('Thumbor paths', T, place)
testCases('query edits', Q, place)
testCases('errors', X, place)
