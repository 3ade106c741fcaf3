import sharp, { type OverlayOptions, type ResizeOptions } from 'sharp'
import { ImageError } from '../image-error.ts'
import type { Canvas } from './canvas.ts'
import { isRecord } from './edits.ts'
import { keepColours } from './metadata.ts'
import { inspectInput, type Inspected } from './inspect-input.ts'

/**
 * Lays a second picture over the first: scaled to a share of the base after its resize, made translucent, placed in
 * pixels or percent. Without a place it lies in the middle.
 */
export async function overlay(canvas: Canvas, value: unknown, input: Buffer | undefined): Promise<void> {
  if (!isRecord(value) || input === undefined)
    throw new ImageError(400, 'OverlayImageException', 'The picture to lay over could not be read.')
  const base = await canvas.settle()
  const top = await prepared(canvas, value, input, base)
  if (top.width > base.width || top.height > base.height)
    throw new ImageError(
      400,
      'BadRequest',
      'The picture to lay over must have the same dimensions as the one below it, or be smaller.',
    )
  const options = isRecord(value['options']) ? value['options'] : {}
  const left = offset(options['left'], base.width, top.width)
  const topEdge = offset(options['top'], base.height, top.height)
  const passed: Record<string, unknown> = { ...options, left, top: topEdge }
  for (const name of NOT_PASSED) delete passed[name]
  if (left === undefined) delete passed['left']
  if (topEdge === undefined) delete passed['top']
  const layers = layersFor(canvas, { ...passed, input: top.bytes }, base, top)
  try {
    canvas.image.composite(layers)
  } catch (error) {
    throw new ImageError(500, 'ProcessingFailure', 'The place of the picture to lay over is not possible.', {
      cause: error,
    })
  }
  // sharp composes once per pipeline: the next edit starts from the result.
  await canvas.settle()
}

/** What would name another input, or files. */
const NOT_PASSED = ['input', 'raw', 'density', 'failOn', 'limitInputPixels', 'animated', 'autoOrient']

interface Layer {
  readonly bytes: Buffer
  readonly width: number
  readonly height: number
}

async function prepared(
  canvas: Canvas,
  value: Readonly<Record<string, unknown>>,
  input: Buffer,
  base: { readonly width: number; readonly height: number },
): Promise<Layer> {
  let inspected: Inspected
  try {
    inspected = inspectInput(input, canvas.job, false)
    const { maxPixels } = canvas.job.limits
    let picture = sharp(inspected.bytes, {
      failOn: 'none',
      limitInputPixels: maxPixels === 0 ? false : maxPixels,
    })
    if ((await canvas.space()) === 'p3') picture.withIccProfile('p3', { attach: false })
    else await keepColours(picture, inspected, () => picture.metadata())
    const size = sizeOf(value, base)
    if (size !== undefined) picture = picture.resize(size)
    const transparency = transparencyOf(value)
    if (transparency > 0) {
      const mask = Buffer.from([255, 255, 255, Math.round(255 * (1 - transparency))])
      picture = picture
        .ensureAlpha()
        .composite([{ input: mask, raw: { width: 1, height: 1, channels: 4 }, tile: true, blend: 'dest-in' }])
    }
    const { data, info } = await picture.png({ compressionLevel: 0 }).toBuffer({ resolveWithObject: true })
    return { bytes: data, width: info.width, height: info.height }
  } catch (error) {
    throw new ImageError(400, 'OverlayImageException', 'The picture to lay over could not be read.', {
      cause: error,
    })
  }
}

/** On an animation the layer lies on every frame; frames are a strip from top to bottom. */
function layersFor(
  canvas: Canvas,
  layer: OverlayOptions & { readonly input: Buffer },
  base: { readonly width: number; readonly height: number },
  top: Layer,
): OverlayOptions[] {
  if (!canvas.source.isAnimated) return [layer]
  const left = layer.left ?? Math.floor((base.width - top.width) / 2)
  const edge = layer.top ?? Math.floor((base.height - top.height) / 2)
  return Array.from({ length: canvas.source.frames }, (_, frame) => ({
    ...layer,
    left,
    top: edge + frame * base.height,
  }))
}

/**
 * Percent fit inside, as version 7 has it (`wRatio`, `hRatio`); shares fill, as version 8 has it (`scale`), but that one alone
 * keeps proportions.
 */
function sizeOf(
  { wRatio, hRatio, scale }: Readonly<Record<string, unknown>>,
  base: { readonly width: number; readonly height: number },
): ResizeOptions | undefined {
  if (isRecord(scale)) {
    const part = (name: 'width' | 'height') => {
      const share = scale[name]
      return typeof share === 'number' && share > 0 && share <= 1
        ? { [name]: Math.max(1, Math.round(base[name] * share)) }
        : {}
    }
    const size = { ...part('width'), ...part('height') }
    // `fill` of sharp leaves the side that is not named as it is.
    return Object.keys(size).length === 2 ? { ...size, fit: 'fill' } : size
  }
  const across = percentage(wRatio)
  const down = percentage(hRatio)
  if (across === undefined && down === undefined) return undefined
  return {
    ...(across === undefined ? {} : { width: share(base.width, across) }),
    ...(down === undefined ? {} : { height: share(base.height, down) }),
    fit: 'inside',
  }
}

/** 0 opaque, 1 invisible: a percentage in version 7 (`alpha`), a share in version 8 (`transparency`). */
function transparencyOf({ alpha, transparency }: Readonly<Record<string, unknown>>): number {
  if (typeof transparency === 'number') return Math.min(1, Math.max(0, transparency))
  return (percentage(alpha) ?? 0) / 100
}

function share(side: number, percent: number): number {
  return Math.max(1, Math.floor((side * percent) / 100))
}

/** Whole numbers from 0 to 100 as text or number; anything else is as if it were not there. */
function percentage(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  return /^(?:100|[1-9]?\d)$/.test(String(value)) ? Number(value) : undefined
}

/**
 * Pixels from the left or top; a negative number counts from the other side, `NNp` is percent of the base. What is
 * neither is as if it were not there.
 */
function offset(value: unknown, base: number, layer: number): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const found = /^(-?\d+(?:\.\d+)?)(p?)$/.exec(String(value))
  if (found === null) return undefined
  const amount = Number(found[1])
  if (found[2] === 'p') {
    const share = (base * amount) / 100
    return amount < 0 ? Math.floor(base + share - layer) : Math.floor(share)
  }
  return Math.trunc(amount < 0 ? base + amount - layer : amount)
}
