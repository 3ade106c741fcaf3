import { formatOfBrands, measureHeif } from './probe-heif.ts'

/**
 * Reads type and declared size off the first bytes of a picture without decoding it. Everything here is bounded by
 * the length of what it is given; a header that makes no sense gives undefined.
 */

export type InputFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'heic' | 'svg'

export interface Probe {
  readonly format: InputFormat
  /** Pixels; 0 where an SVG declares none. */
  readonly width: number
  readonly height: number
  /** Frames of an animation or pages of a TIFF; counting stops at `MAX_COUNTED_FRAMES`. */
  readonly frames: number
  /** Bits per channel where the header says so. */
  readonly bitDepth: number
}

export const MAX_COUNTED_FRAMES = 100_000

/** The type by magic number, or undefined. */
export function sniffFormat(bytes: Buffer): InputFormat | undefined {
  if (bytes.length >= 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg'
  if (bytes.length >= 8 && bytes.readUInt32BE(0) === 0x89504e47 && bytes.readUInt32BE(4) === 0x0d0a1a0a)
    return 'png'
  const start = bytes.toString('latin1', 0, 12)
  if (start.startsWith('GIF87a') || start.startsWith('GIF89a')) return 'gif'
  if (start.startsWith('RIFF') && start.slice(8) === 'WEBP') return 'webp'
  if (start.startsWith('II*\0') || start.startsWith('MM\0*')) return 'tiff'
  if (start.slice(4, 8) === 'ftyp') return formatOfBrands(bytes)
  return looksLikeSvg(bytes) ? 'svg' : undefined
}

export function probe(bytes: Buffer): Probe | undefined {
  const format = sniffFormat(bytes)
  try {
    switch (format) {
      case 'jpeg':
        return probeJpeg(bytes)
      case 'png':
        return probePng(bytes)
      case 'gif':
        return probeGif(bytes)
      case 'webp':
        return probeWebp(bytes)
      case 'tiff':
        return probeTiff(bytes)
      case 'avif':
      case 'heic':
        return probeHeif(bytes, format)
      case 'svg':
        return probeSvg(bytes)
      case undefined:
        return undefined
    }
  } catch (error) {
    // A read past the end: the header is cut short.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** The size stands in the frame header, which comes before the first scan. */
function probeJpeg(bytes: Buffer): Probe | undefined {
  for (const { marker, at } of jpegSegments(bytes)) {
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (!isFrame) continue
    const height = bytes.readUInt16BE(at + 5)
    const width = bytes.readUInt16BE(at + 7)
    return sized('jpeg', width, height, 1, bytes[at + 4]!)
  }
  return undefined
}

/** What of a JPEG stands before its first scan: the tables, and all metadata. */
export function beforeFirstScan(bytes: Buffer): Buffer {
  let end = 2
  for (const { at } of jpegSegments(bytes)) end = at + 2 + bytes.readUInt16BE(at + 2)
  return bytes.subarray(0, end)
}

/** Marker segments up to the first scan or the end of the image (ITU-T T.81 annex B), and where each begins. */
function* jpegSegments(bytes: Buffer): Generator<{ readonly marker: number; readonly at: number }> {
  let at = 2
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return
    const marker = bytes[at + 1]!
    if (marker === 0xff) at++
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2
    else if (marker === 0xd9 || marker === 0xda) return
    else {
      yield { marker, at }
      at += 2 + Math.max(2, bytes.readUInt16BE(at + 2))
    }
  }
}

/** IHDR is the first chunk (W3C PNG 5.6). Frames of an APNG are not read, so they do not count. */
/**
 * Deflate makes at most 1,032 bytes of one (RFC 1951: 258 of two bits). What declares more pixels than its bytes could
 * hold would be shown as emptiness, after minutes of reading nothing.
 */
const MAX_EXPANSION = 1_032

function probePng(bytes: Buffer): Probe | undefined {
  if (bytes.toString('latin1', 12, 16) !== 'IHDR') return undefined
  const width = bytes.readUInt32BE(16)
  const height = bytes.readUInt32BE(20)
  const bitDepth = bytes.readUInt8(24)
  const channels = PNG_CHANNELS[bytes.readUInt8(25)] ?? 1
  if ((width * height * channels * bitDepth) / 8 > bytes.length * MAX_EXPANSION) return undefined
  return sized('png', width, height, 1, bitDepth)
}

/** By colour type (RFC 2083 section 4.1.1). */
const PNG_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** Counts image descriptors (GIF89a section 20); the canvas is the logical screen. */
function probeGif(bytes: Buffer): Probe | undefined {
  const width = bytes.readUInt16LE(6)
  const height = bytes.readUInt16LE(8)
  const flags = bytes.readUInt8(10)
  let at = 13 + colourTableBytes(flags)
  let frames = 0
  while (at < bytes.length && frames < MAX_COUNTED_FRAMES) {
    const block = bytes[at]
    if (block === 0x3b) break
    if (block === 0x21) at = afterSubBlocks(bytes, at + 2)
    else if (block === 0x2c) {
      if (at + 10 > bytes.length) break
      frames++
      at = afterSubBlocks(bytes, at + 10 + colourTableBytes(bytes[at + 9]!) + 1)
    } else break
  }
  return frames === 0 ? undefined : sized('gif', width, height, frames, 8)
}

function colourTableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)
}

function afterSubBlocks(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1
  return at + 1
}

/** RIFF chunks (RFC 9649 section 2.4); a simple file has one VP8 or VP8L chunk, an extended one begins with VP8X. */
function probeWebp(bytes: Buffer): Probe | undefined {
  const kind = bytes.toString('latin1', 12, 16)
  if (kind === 'VP8 ') {
    if (bytes.readUIntLE(23, 3) !== 0x2a019d) return undefined
    return sized('webp', bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff, 1, 8)
  }
  if (kind === 'VP8L') {
    if (bytes.readUInt8(20) !== 0x2f) return undefined
    const bits = bytes.readUInt32LE(21)
    return sized('webp', (bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1, 1, 8)
  }
  if (kind !== 'VP8X') return undefined
  const width = bytes.readUIntLE(24, 3) + 1
  const height = bytes.readUIntLE(27, 3) + 1
  let frames = 0
  let at = 30
  while (at + 8 <= bytes.length && frames < MAX_COUNTED_FRAMES) {
    if (bytes.toString('latin1', at, at + 4) === 'ANMF') frames++
    const size = bytes.readUInt32LE(at + 4)
    at += 8 + size + (size & 1)
  }
  return sized('webp', width, height, Math.max(1, frames), 8)
}

/** Image file directories (TIFF 6.0 section 2); the largest page counts. */
function probeTiff(bytes: Buffer): Probe | undefined {
  const isLittle = bytes[0] === 0x49
  const u16 = (at: number) => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
  const u32 = (at: number) => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const seen = new Set<number>()
  let directory = u32(4)
  let width = 0
  let height = 0
  let bitDepth = 8
  while (directory !== 0 && !seen.has(directory) && seen.size < MAX_COUNTED_FRAMES) {
    seen.add(directory)
    const count = u16(directory)
    for (let i = 0; i < count; i++) {
      const at = directory + 2 + i * 12
      const tag = u16(at)
      const value = u16(at + 2) === 3 ? u16(at + 8) : u32(at + 8)
      if (tag === 256) width = Math.max(width, value)
      else if (tag === 257) height = Math.max(height, value)
      else if (tag === 258 && u32(at + 4) === 1) bitDepth = value
    }
    directory = u32(directory + 2 + count * 12)
  }
  return sized('tiff', width, height, seen.size, bitDepth)
}

function probeHeif(bytes: Buffer, format: 'avif' | 'heic'): Probe | undefined {
  const { width, height, bitDepth } = measureHeif(bytes)
  return sized(format, width, height, 1, bitDepth)
}

/** The root element is `svg`, after the XML declaration, comments and a document type. */
function looksLikeSvg(bytes: Buffer): boolean {
  const start = textStart(bytes, 4096)
  let at = 0
  for (;;) {
    while (/\s/.test(start[at] ?? '')) at++
    const mark = PROLOGUE.find(([open]) => start.startsWith(open, at))
    if (mark === undefined) break
    const end = start.indexOf(mark[1], at + mark[0].length)
    if (end === -1) return false
    at = end + mark[1].length
    // A document type may have declarations of its own.
    if (mark[0] === '<!' && start.slice(0, at).includes('[')) {
      const close = start.indexOf(']', at)
      at = close === -1 ? at : start.indexOf('>', close) + 1
    }
  }
  ROOT.lastIndex = at
  return ROOT.test(start)
}

const PROLOGUE = [
  ['<?', '?>'],
  ['<!--', '-->'],
  ['<!', '>'],
] as const
const ROOT = /<(?:[A-Za-z_][\w.-]*:)?svg[\s>/]/y

function probeSvg(bytes: Buffer): Probe {
  const tag = /<(?:[A-Za-z_][\w.-]*:)?svg\b[^>]*/.exec(textStart(bytes, 65_536))?.[0] ?? ''
  const box = /\bviewBox\s*=\s*["']\s*[-\d.e]+[\s,]+[-\d.e]+[\s,]+([\d.e]+)[\s,]+([\d.e]+)/i.exec(tag)
  const side = (name: string, fallback: string | undefined): number => {
    const given = new RegExp(`\\s${name}\\s*=\\s*["']\\s*([\\d.e]+)(px|pt|in|cm|mm)?\\s*["']`, 'i').exec(tag)
    const unit = { pt: 4 / 3, in: 96, cm: 96 / 2.54, mm: 96 / 25.4 }[given?.[2]?.toLowerCase() ?? ''] ?? 1
    const pixels = Number(given?.[1] ?? fallback ?? 0) * unit
    return Number.isFinite(pixels) ? Math.ceil(pixels) : Number.MAX_SAFE_INTEGER
  }
  return {
    format: 'svg',
    width: side('width', box?.[1]),
    height: side('height', box?.[2]),
    frames: 1,
    bitDepth: 8,
  }
}

/** The beginning as text, whatever Unicode encoding its byte order mark says. */
function textStart(bytes: Buffer, limit: number): string {
  const part = bytes.subarray(0, limit)
  if (part[0] === 0xff && part[1] === 0xfe) return part.toString('utf16le').slice(1)
  if (part[0] === 0xef && part[1] === 0xbb && part[2] === 0xbf) return part.toString('utf8', 3)
  return part.toString('utf8')
}

function sized(
  format: InputFormat,
  width: number,
  height: number,
  frames: number,
  bitDepth: number,
): Probe | undefined {
  return width > 0 && height > 0 ? { format, width, height, frames, bitDepth } : undefined
}
