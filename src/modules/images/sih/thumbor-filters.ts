import type { Edit } from '../task.ts'

export interface Filter {
  readonly name: string
  readonly args: string
}

type Argument = Readonly<Record<string, unknown>>

/** The edits as filters change them, one name once. */
class Edits {
  readonly map: Map<string, Edit>
  constructor(start: readonly Edit[]) {
    this.map = new Map(start.map((edit) => [edit.name, edit]))
  }

  put(name: string, value: unknown, from: string): void {
    this.map.set(name, { name, value, from })
  }

  /** Adds to an edit whose value is an object, and to where it came from. */
  merge(name: string, value: Argument, from: string): void {
    const before = this.map.get(name)
    this.put(
      name,
      { ...(before?.value as Argument | undefined), ...value },
      before === undefined ? from : `${before.from}, ${from}`,
    )
  }

  argument(name: string): Argument {
    return (this.map.get(name)?.value ?? {}) as Argument
  }
}

/** What a filter does; `path` is the decoded key, whose extension names the format that `quality` means. */
type Apply = (edits: Edits, args: string, from: string, path: string) => void

const FILTERS: Readonly<Record<string, Apply>> = {
  animated: (edits, args, from) => edits.put('animated', args.toLowerCase() !== 'false', from),
  autojpg: (edits, _args, from) => edits.put('toFormat', 'jpeg', from),
  background_color: (edits, args, from) => edits.put('flatten', { background: colour(args) }, from),
  blur: (edits, args, from) => {
    const [radius, sigma] = numbers(args)
    edits.put('blur', sigma ?? radius! / 2, from)
  },
  convolution: (edits, args, from) => {
    const [matrix = '', columns = ''] = args.split(',')
    const kernel = matrix.split(';').map(Number)
    const width = Number(columns)
    edits.put('convolve', { width, height: Math.ceil(kernel.length / width), kernel }, from)
  },
  equalize: (edits, _args, from) => edits.put('normalize', true, from),
  fill: (edits, args, from) => edits.merge('resize', { fit: 'contain', background: colour(args) }, from),
  format: (edits, args, from) => {
    const name = args.replace(/[^0-9a-z]/gi, '').replace(/^jpg$/i, 'jpeg')
    if (FORMATS.has(name)) edits.put('toFormat', name, from)
  },
  grayscale: (edits, _args, from) => edits.put('grayscale', true, from),
  no_upscale: (edits, _args, from) => edits.merge('resize', { withoutEnlargement: true }, from),
  proportion: (edits, args, from) => {
    const ratio = Number(args)
    const { width, height } = edits.argument('resize')
    if (typeof width === 'number' && typeof height === 'number')
      edits.merge('resize', { width: width * ratio, height: height * ratio }, from)
    else edits.merge('resize', { ratio }, from)
  },
  quality: (edits, args, from, path) => {
    const chosen = edits.map.get('toFormat')?.value
    const format =
      BY_EXTENSION[/\.([^./]+)$/.exec(path)?.[1] ?? ''] ?? (typeof chosen === 'string' ? chosen : undefined)
    if (format !== undefined) edits.merge(format, { quality: Number(args) }, from)
  },
  rgb: (edits, args, from) => {
    const [r, g, b] = numbers(args).map((percent) => 255 * (percent / 100))
    edits.put('tint', { r, g, b }, from)
  },
  rotate: (edits, args, from) => edits.put('rotate', args === '' ? 'auto' : Number(args), from),
  sharpen: (edits, args, from) => {
    const [, radius = 0] = numbers(args)
    edits.put('sharpen', 1 + radius / 2, from)
  },
  smart_crop: (edits, args, from) => {
    const [faceIndex, padding] = args
      .split(',')
      .map((part) => (part.trim() === '' ? undefined : Number(part)))
    edits.put(
      'smartCrop',
      { ...(faceIndex === undefined ? {} : { faceIndex }), ...(padding === undefined ? {} : { padding }) },
      from,
    )
  },
  stretch: (edits, _args, from) => {
    if (edits.argument('resize')['fit'] !== 'inside') edits.merge('resize', { fit: 'fill' }, from)
  },
  strip_exif: (edits, _args, from) => edits.put('rotate', null, from),
  strip_icc: (edits, _args, from) => edits.put('rotate', null, from),
  upscale: (edits, _args, from) => edits.merge('resize', { fit: 'inside' }, from),
  watermark: (edits, args, from) => {
    const [bucket, key, left = '', top = '', alpha, wRatio, hRatio] = args.replace(/\s+/g, '').split(',')
    const options = { ...place('left', left), ...place('top', top) }
    edits.put('overlayWith', { bucket, key, alpha, wRatio, hRatio, options }, from)
  },
}

export const FILTER_NAMES: readonly string[] = Object.keys(FILTERS)

const FORMATS = new Set(['heic', 'heif', 'jpeg', 'png', 'raw', 'tiff', 'webp', 'gif', 'avif'])
const BY_EXTENSION: Readonly<Record<string, string>> = {
  ...{
    jpg: 'jpeg',
    jpeg: 'jpeg',
    png: 'png',
    webp: 'webp',
    tiff: 'tiff',
    tif: 'tiff',
    gif: 'gif',
    avif: 'avif',
  },
  heif: 'heif',
}

/**
 * Applies filters to the edits of a path, sorted as text: the order in a URL means nothing, and `format` comes before
 * `quality`. Unknown filters are passed over.
 */
export function filterEdits(
  start: readonly Edit[],
  filters: readonly Filter[],
  path: string,
): readonly Edit[] {
  const edits = new Edits(start)
  const sorted = filters
    .map(({ name, args }) => ({ name, args, text: `${name}(${args})` }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
  for (const { name, args, text } of sorted) {
    if (Object.hasOwn(FILTERS, name)) FILTERS[name]!(edits, args, `filter ${text}`, path)
  }
  return [...edits.map.values()]
}

/** A name, or hexadecimal digits without their number sign. */
function colour(text: string): string {
  return /^(?:[\da-f]{3}|[\da-f]{4}|[\da-f]{6}|[\da-f]{8})$/i.test(text) ? `#${text}` : text
}

function numbers(text: string): number[] {
  return text.split(',').map(Number)
}

/** A number of pixels, or percent from -100p to 100p; anything else leaves the side out. */
function place(side: 'left' | 'top', text: string): Argument {
  return /^-?\d+$/.test(text) || /^-?(?:100|[1-9]?\d)p$/.test(text) ? { [side]: text } : {}
}
