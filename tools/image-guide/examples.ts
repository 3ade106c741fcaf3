/** One row of the guide: what is asked of the edge, and what for. */
export interface Example {
  /** Operations it shows, by the names of edits, filters, parameters or transformations; how it is titled. */
  readonly shows: readonly string[]
  readonly ask: Ask
  /** Instead of the garden. */
  readonly of?: string
  readonly what: string
}

/** Edits of a base64 request, a Thumbor path before the key, or a query of one of the other dialects. */
export type Ask =
  | { readonly edits: Readonly<Record<string, unknown>> }
  | { readonly path: string }
  | { readonly edge: string }
  | { readonly dit: string; readonly headers?: Readonly<Record<string, string>> }

export interface Section {
  readonly title: string
  readonly text: string
  readonly examples: readonly Example[]
}

const edit = (what: string, edits: Readonly<Record<string, unknown>>, of?: string): Example => ({
  shows: [Object.keys(edits)[0]!],
  ask: { edits },
  what,
  ...(of !== undefined && { of }),
})
/** Two spellings of one edit; both must give the same. */
const spelled = (names: readonly [string, string], what: string, value: unknown): Example => ({
  shows: names,
  ask: { edits: { [names[0]]: value } },
  what,
})
const filter = (text: string, what: string, of?: string): Example => ({
  shows: [/^\w+/.exec(text)![0]],
  ask: { path: `/180x0/filters:${text}` },
  what,
  ...(of !== undefined && { of }),
})
const thumbor = (path: string, what: string): Example => ({ shows: [path], ask: { path }, what })
const edge = (query: string, what: string, of?: string): Example => ({
  shows: [/^\w+/.exec(query.split('&').at(-1)!)![0]],
  ask: { edge: query },
  what,
  ...(of !== undefined && { of }),
})
const dit = (query: string, what: string, of?: string): Example => ({
  shows: [/^\w+/.exec(query)![0]],
  ask: { dit: query },
  what,
  ...(of !== undefined && { of }),
})

const WATERMARK = { bucket: 'photos', key: 'logo.png', alpha: '30', wRatio: '30', hRatio: '30' }

export const SECTIONS: readonly Section[] = [
  {
    title: 'Edits of `sih`',
    text: 'What stands in `edits` of a base64 request: `{"key":"garden.jpg","edits":{…}}`. The arguments are those of sharp.',
    examples: [
      edit('a width alone keeps proportions', { resize: { width: 90 } }),
      edit('both: covered, the rest cut off', { resize: { width: 90, height: 90 } }),
      edit('all of it, with borders', {
        resize: { width: 90, height: 90, fit: 'contain', background: '#1d3557' },
      }),
      edit('squeezed', { resize: { width: 90, height: 90, fit: 'fill' } }),
      edit('inside of both', { resize: { width: 90, height: 90, fit: 'inside' } }),
      edit('around both', { resize: { width: 90, height: 90, fit: 'outside' } }),
      edit('covered from the left', { resize: { width: 90, height: 120, position: 'left' } }),
      edit('covered where most happens', { resize: { width: 60, height: 90, position: 'entropy' } }),
      edit('an area', { crop: { left: 50, top: 35, width: 50, height: 55 } }),
      edit('the same, as sharp calls it', { extract: { left: 50, top: 35, width: 50, height: 55 } }),
      edit('borders added', { extend: { top: 10, bottom: 10, left: 20, right: 20, background: '#e63946' } }),
      edit('borders of one colour taken off', { trim: { threshold: 20 } }, 'framed.jpg'),
      edit('a quarter turn', { rotate: 90 }),
      edit('any angle', { rotate: 20 }),
      edit('upside down', { flip: true }),
      edit('mirrored', { flop: true }),
      edit('sheared', {
        affine: [
          [1, 0.3],
          [0, 1],
        ],
      }),
      edit('edges stressed', { sharpen: { sigma: 3 } }),
      edit('single pixels smoothed away', { median: 5 }),
      edit('blurred', { blur: 4 }),
      edit('transparency on a colour', { flatten: { background: '#ffd166' } }, 'logo.png'),
      edit('white made transparent', { unflatten: true }, 'white.png'),
      edit('a resize reckoned in linear light', { gamma: 2.2, resize: { width: 90 } }),
      edit('negative', { negate: true }),
      spelled(['normalise', 'normalize'], 'contrast stretched to the full range', true),
      edit('contrast stretched place by place', { clahe: { width: 30, height: 30, maxSlope: 3 } }),
      edit('a kernel of its own: edges', {
        convolve: { width: 3, height: 3, kernel: [-1, -1, -1, -1, 8, -1, -1, -1, -1] },
      }),
      edit('black and white at a limit', { threshold: 140 }),
      edit('brightness times a number', { linear: 1.6 }),
      edit('channels mixed: sepia', {
        recomb: [
          [0.39, 0.77, 0.19],
          [0.35, 0.69, 0.17],
          [0.27, 0.53, 0.13],
        ],
      }),
      edit('brightness, saturation, hue', { modulate: { brightness: 1.1, saturation: 1.8, hue: 120 } }),
      edit('in one colour', { tint: { r: 255, g: 160, b: 60 } }),
      spelled(['greyscale', 'grayscale'], 'without colour', true),
      spelled(['toColourspace', 'toColorspace'], 'another colour space in the result', 'b-w'),
      spelled(['pipelineColourspace', 'pipelineColorspace'], 'the colour space that is reckoned in', 'rgb16'),
      edit('one channel', { extractChannel: 'red' }),
      edit('channels combined bit by bit', { bandbool: 'and' }),
      edit('transparency dropped', { removeAlpha: true }, 'logo.png'),
      edit('transparency of one half', { ensureAlpha: 0.5, toFormat: 'webp' }),
      edit(
        'a picture laid over: 30 percent of its size, 30 percent transparent, from the right and the top',
        {
          overlayWith: { ...WATERMARK, options: { left: '-5p', top: '5p' } },
        },
      ),
      edit('a face that the detector found', { smartCrop: { padding: 10 } }),
      edit('an ellipse, transparent outside', {
        roundCrop: { left: 72, top: 62, rx: 50, ry: 45 },
        toFormat: 'webp',
      }),
      edit('blurred for what a moderation service objects to', { contentModeration: { blur: 12 } }),
      edit('the first frame of an animation', { animated: false }, 'spin.gif'),
      edit('all frames, as WebP', { animated: true, toFormat: 'webp' }, 'spin.gif'),
      edit('another format', { toFormat: 'webp' }),
      edit('tuned JPEG', { jpeg: { quality: 20 } }),
      edit('tuned PNG', { png: { palette: true, colours: 16 }, toFormat: 'png' }),
      edit('tuned WebP', { webp: { quality: 20 }, toFormat: 'webp' }),
      edit('tuned GIF', { gif: { colours: 8 }, toFormat: 'gif' }),
      edit('tuned AVIF', { avif: { quality: 30 }, toFormat: 'avif' }),
      edit('AVIF by its older name', { heif: { compression: 'av1', quality: 30 } }),
      edit('TIFF, which browsers do not show', { tiff: { quality: 60 }, toFormat: 'tiff' }),
    ],
  },
  {
    title: 'Thumbor paths of `sih`',
    text: 'Sizes, crops and filters before the key.',
    examples: [
      thumbor('/90x90', 'a size: covered'),
      thumbor('/90x0', 'a width alone'),
      thumbor('/fit-in/90x90', 'inside of a size'),
      thumbor('/50x35:100x90', 'an area by its corners'),
      filter('animated(false)', 'the first frame', 'spin.gif'),
      filter('autojpg()', 'JPEG', 'white.png'),
      filter('background_color(ffd166)', 'transparency on a colour', 'logo.png'),
      filter('blur(8)', 'half of the radius is sigma'),
      filter('convolution(-1;-1;-1;-1;8;-1;-1;-1;-1,3,false)', 'a kernel and its columns'),
      filter('equalize()', 'contrast stretched'),
      { ...filter('fill(1d3557)', 'borders in a colour'), ask: { path: '/90x90/filters:fill(1d3557)' } },
      filter('format(webp)', 'another format'),
      filter('grayscale()', 'without colour'),
      { ...filter('no_upscale()', 'not enlarged'), ask: { path: '/400x0/filters:no_upscale()' } },
      {
        ...filter('proportion(0.5)', 'a share of the size'),
        ask: { path: '/180x120/filters:proportion(0.5)' },
      },
      filter('quality(20)', 'of the format of the key'),
      filter('rgb(100,60,20)', 'tinted by percents'),
      filter('rotate(90)', 'turned; empty: upright by the EXIF tag'),
      { ...filter('rotate()', 'upright by the EXIF tag', 'phone.jpg'), ask: { path: '/filters:rotate()' } },
      filter('sharpen(1,4,true)', 'half of the radius counts'),
      { ...filter('smart_crop(0,10)', 'a face and a padding'), ask: { path: '/filters:smart_crop(0,10)' } },
      { ...filter('stretch()', 'squeezed'), ask: { path: '/90x90/filters:stretch()' } },
      filter('strip_exif()', 'no metadata'),
      filter('strip_icc()', 'the same'),
      { ...filter('upscale()', 'inside of both, enlarged'), ask: { path: '/240x240/filters:upscale()' } },
      filter('watermark(photos,logo.png,-10,10,30,30)', 'bucket, key, x, y, alpha, width in percent'),
    ],
  },
  {
    title: 'Parameters of `edge`',
    text: 'Unsigned here, because presets of the same parameters stand in the configuration.',
    examples: [
      edge('w=90', 'width'),
      edge('h=60', 'height'),
      edge('w=90&h=90&fit=cover', 'covered; so it is without `fit`'),
      edge('w=90&h=90&bg=1d3557&fit=contain', 'all of it, with borders'),
      edge('w=90&h=90&fit=fill', 'squeezed'),
      edge('w=90&h=90&fit=inside', 'inside of both'),
      edge('w=90&h=90&fit=outside', 'around both'),
      edge('w=90&h=120&at=left', 'what `cover` keeps'),
      edge('w=60&h=90&at=entropy', 'where most happens'),
      edge('w=90&h=90&at=face', 'a face that the detector found'),
      edge('w=45&dpr=2', 'for a dense screen'),
      edge('w=240&enlarge=1', 'enlarged'),
      edge('crop=50,35,50,55', 'an area'),
      edge('trim=1', 'borders of one colour taken off', 'framed.jpg'),
      edge('rotate=90', 'turned'),
      edge('flip=1', 'upside down'),
      edge('flop=1', 'mirrored'),
      edge('grey=1', 'without colour'),
      edge('blur=4', 'blurred'),
      edge('sharpen=3', 'edges stressed'),
      edge('bg=ffd166', 'transparency on a colour', 'logo.png'),
      edge('w=40&still=1', 'the first frame', 'spin.gif'),
      edge('f=webp', 'another format'),
      edge('q=20', 'quality'),
      edge('q=auto', 'quality by the picture'),
      edge('w=120&meta=none', 'no EXIF, XMP and IPTC', 'phone.jpg'),
      edge('w=90&profile=keep', 'colours and their profile as they are: Display P3 stays it'),
      edge('w=30&from=logos', 'another source', 'logo.png'),
      edge('w=120', 'upright without being asked', 'phone.jpg'),
      edge('w=90&f=json', 'what a page shows before the picture is there'),
    ],
  },
  {
    title: 'Transformations of `dit`',
    text: 'In a query; the same types stand in policies.',
    examples: [
      dit('resize.width=90', 'a width alone'),
      dit(
        'resize.width=90&resize.height=90&resize.fit=contain&resize.background=%231d3557',
        'all of it, with borders',
      ),
      dit('resize.ratio=0.5', 'a share'),
      dit('extract=50,35,100,90', 'an area by its corners'),
      dit('rotate=90', 'turned'),
      dit('flip=true', 'upside down'),
      dit('flop=true', 'mirrored'),
      dit('grayscale=true', 'without colour'),
      dit('normalize=true', 'contrast stretched'),
      dit('blur=4', 'blurred'),
      dit('sharpen.sigma=3', 'edges stressed'),
      dit('convolve.width=3&convolve.height=3&convolve.kernel=-1,-1,-1,-1,8,-1,-1,-1,-1', 'a kernel'),
      dit('tint=%23ffa03c', 'in one colour'),
      dit('flatten=gold', 'transparency on a colour', 'logo.png'),
      dit('smartCrop.index=0&smartCrop.padding=10', 'a face that the detector found'),
      dit(
        'watermark=[https://logos/logo.png,[5p,-10,0.3,0.3]]',
        'a picture of a registered source: y, x, alpha, share of the width',
      ),
      dit('animated=false&resize.width=40', 'the first frame', 'spin.gif'),
      dit('stripExif=true', 'no EXIF; all else stays'),
      dit('stripIcc=true', 'sRGB without a profile; all else stays'),
      dit('format=webp', 'another format'),
      dit('quality=20', 'quality'),
      dit('policyId=card', 'a policy of the configuration: resize and tint'),
      {
        shows: ['condition'],
        ask: { dit: 'policyId=print', headers: { 'X-Print': 'yes' } },
        what: 'a policy whose condition holds: `X-Print: yes`',
      },
      {
        shows: ['autosize'],
        ask: { dit: 'policyId=screen', headers: { 'Sec-CH-Viewport-Width': '100' } },
        what: 'a policy that follows the viewport: `Sec-CH-Viewport-Width: 100`',
      },
    ],
  },
]

/** Policies of the configuration that the examples name. */
export const POLICIES = {
  card: {
    transformations: [
      { transformation: 'resize', value: { width: 90, height: 60 } },
      { transformation: 'tint', value: '#ffa03c' },
    ],
  },
  print: {
    transformations: [
      { transformation: 'grayscale', value: true, condition: { field: 'X-Print', value: 'yes' } },
    ],
  },
  screen: { outputs: { autosize: [60, 100] } },
}
