import type { Edit, SourceAddress } from '../task.ts'
import { inRange, type Value } from './value.ts'

/** A watermark of version 8: `[url,[y,x,alpha,wRatio,hRatio]]`. */
export interface Watermark {
  readonly url: URL
  /** Pixels, or `NNp` percent; negative from the other side. */
  readonly top: string | number
  readonly left: string | number
  /** 0 opaque, 1 invisible. */
  readonly alpha: number
  /** Shares of the picture's own width and height; one of them alone keeps proportions. */
  readonly width: number | undefined
  readonly height: number | undefined
}

/** Undefined for what version 8 would not take for one. */
export function readWatermark(value: Value | undefined): Watermark | undefined {
  if (!Array.isArray(value)) return undefined
  const [address, place, ...more] = value as readonly Value[]
  if (typeof address !== 'string' || !Array.isArray(place) || more.length > 0 || place.length > 5)
    return undefined
  const [top = 0, left = 0, alpha = 0, width, height] = (place as readonly Value[]).map(absentWhenEmpty)
  // Another scheme than https is replaced by it there, and there need not be one.
  const text = `https://${address.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')}`
  const isPlace = isOffset(top) && isOffset(left) && inRange(alpha, 0, 1)
  const isShare = (share: Value | undefined): share is number | undefined =>
    share === undefined || (inRange(share, 0, 1) && share > 0)
  if (!isPlace || !isShare(width) || !isShare(height) || (width ?? height) === undefined) return undefined
  return URL.canParse(text) ? { url: new URL(text), top, left, alpha, width, height } : undefined
}

/** What the engine is asked to lay over. */
export function watermarkEdit(
  { top, left, alpha, width, height }: Watermark,
  { bucket, key }: SourceAddress,
  from: string,
): Edit {
  const scale = { ...(width !== undefined && { width }), ...(height !== undefined && { height }) }
  return {
    name: 'overlayWith',
    value: { bucket, key, scale, transparency: alpha, options: { top, left } },
    from,
  }
}

function absentWhenEmpty(value: Value): Value | undefined {
  return value === '' || value === null ? undefined : value
}

function isOffset(value: Value | undefined): value is string | number {
  return Number.isInteger(value) || (typeof value === 'string' && /^-?\d{1,5}p$/.test(value))
}
