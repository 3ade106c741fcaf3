import { ImageError } from '../image-error.ts'
import type { Edit } from '../task.ts'
import { filterEdits, type Filter } from './thumbor-filters.ts'

export interface ThumborRequest {
  readonly bucket: string | undefined
  readonly key: string
  readonly edits: readonly Edit[]
}

export interface ThumborOptions {
  readonly buckets: ReadonlySet<string>
  /**
   * As the original: sizes and `fit-in` count at any depth and are taken out of the key. Otherwise they count only before
   * the key begins, so that folders may be called `100x100`.
   */
  readonly isStrict: boolean
}

const CROP = /^(\d{1,6})x(\d{1,6}):(\d{1,6})x(\d{1,6})$/
const SIZE = /^(\d+)x(\d+)$/

/** Reads a path of the Thumbor form, segment by segment. */
export function readThumborPath(path: string, options: ThumborOptions): ThumborRequest {
  const segments = segmentsOf(path)
  const key: string[] = []
  const filters: Filter[] = []
  let crop: Edit | undefined
  let size: { readonly width: number; readonly height: number; readonly text: string } | undefined
  let fitsIn = false
  let bucket: string | undefined
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1
    // Folders of the key have begun.
    const isInKey = key.length > 0 && !options.isStrict
    if (segment.filters !== undefined) {
      filters.push(...segment.filters)
      return
    }
    const { text } = segment
    const area = CROP.exec(text)
    if (area !== null && !isLast) {
      crop ??= cropEdit(area)
      return
    }
    const sides = SIZE.exec(text)
    if (sides !== null && !isLast && !isInKey) {
      size ??= { width: Number(sides[1]), height: Number(sides[2]), text }
      return
    }
    if (text === 'fit-in' && !isInKey && !isLast) {
      fitsIn = true
      return
    }
    if (text.startsWith('s3:') && bucket === undefined && options.buckets.has(text.slice(3))) {
      bucket = text.slice(3)
      return
    }
    if (text !== '' || key.length > 0) key.push(text)
  })
  const edits: Edit[] = crop === undefined ? [] : [crop]
  const resize = resizeOf(size, fitsIn)
  if (resize !== undefined) edits.push(resize)
  const decodedKey = decodeKey(key.join('/'))
  return { bucket, key: decodedKey, edits: filterEdits(edits, filters, decodedKey) }
}

interface Segment {
  readonly text: string
  readonly filters?: readonly Filter[]
}

/** Splits at slashes, but not inside the arguments of a filter: a watermark names a key. */
function segmentsOf(path: string): readonly Segment[] {
  const segments: Segment[] = []
  let at = path.startsWith('/') ? 1 : 0
  while (at <= path.length) {
    if (path.startsWith('filters:', at)) {
      const { filters, end } = readFilters(path, at + 'filters:'.length)
      segments.push({ text: path.slice(at, end), filters })
      at = end + 1
      continue
    }
    const slash = path.indexOf('/', at)
    const end = slash === -1 ? path.length : slash
    segments.push({ text: path.slice(at, end) })
    at = end + 1
  }
  return segments
}

/** `name(args):name(args)`; arguments hold neither `)` nor `:`, which may be percent-encoded around them. */
function readFilters(
  path: string,
  start: number,
): { readonly filters: readonly Filter[]; readonly end: number } {
  const filters: Filter[] = []
  let at = start
  for (;;) {
    const found = FILTER.exec(path.slice(at))
    // The original fails on a filter without parentheses, and its users see this status.
    if (found === null)
      throw new ImageError(500, 'InternalError', 'A filter must have the form name(arguments).')
    filters.push({ name: decodePart(found[1]!), args: decodePart(found[2]!) })
    at += found[0].length
    if (path[at] !== ':') break
    at++
  }
  const slash = path.indexOf('/', at)
  return { filters, end: slash === -1 ? path.length : slash }
}

const FILTER = /^([^/(:%]+)(?:\(|%28)((?:(?!%29)[^):])*)(?:\)|%29)/i

function cropEdit(area: RegExpExecArray): Edit {
  const [left = 0, top = 0, right = 0, bottom = 0] = area.slice(1).map(Number)
  return {
    name: 'crop',
    value: { left, top, width: right - left, height: bottom - top },
    from: `path ${area[0]}`,
  }
}

/** A side of 0 is automatic, and then the picture fits inside; `fit-in` says so for any size. */
function resizeOf(
  size: { readonly width: number; readonly height: number; readonly text: string } | undefined,
  fitsIn: boolean,
): Edit | undefined {
  if (size === undefined)
    return fitsIn ? { name: 'resize', value: { fit: 'inside' }, from: 'path fit-in' } : undefined
  const isOpen = size.width === 0 || size.height === 0
  return {
    name: 'resize',
    value: {
      width: size.width === 0 ? null : size.width,
      height: size.height === 0 ? null : size.height,
      ...(isOpen || fitsIn ? { fit: 'inside' } : {}),
    },
    from: `path ${fitsIn ? 'fit-in/' : ''}${size.text}`,
  }
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch (error) {
    throw new ImageError(400, 'RequestTypeError', 'The path has broken percent-encoding.', { cause: error })
  }
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
