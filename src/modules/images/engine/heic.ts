import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { ImageError } from '../image-error.ts'
import type { Inspected } from './inspect-input.ts'

/** What users install to have HEIC read; it is no dependency of ours (docs/decisions/0127). */
const DECODER = 'heic-decode'

/** What we use of it. It gives sRGB as the file has it, turned and mirrored as the file says. */
type Decode = (input: { readonly buffer: Uint8Array }) => Promise<{
  readonly width: number
  readonly height: number
  readonly data: Uint8ClampedArray
}>

/**
 * The pictures of phones: HEVC, which libvips cannot decode here. Makes a PNG of one, without loss, with its profile and its
 * EXIF, and everything after goes on from there. Only after header and limits have been looked at.
 */
export async function readHeic(source: Inspected): Promise<Inspected> {
  const decode = await loadDecoder()
  // Of the container, which needs no decoder.
  const { icc, exif, hasAlpha } = await sharp(source.bytes).metadata().catch(unreadable)
  const { width, height, data } = await decodeQuietly(decode, source.bytes)
  if (width * height > source.width * source.height) throw unreadable()
  const image = sharp(data, { raw: { width, height, channels: 4 } })
  if (!hasAlpha) image.removeAlpha()
  const png = await image.png({ compressionLevel: 0 }).toBuffer()
  const chunks: Buffer[] = []
  if (icc !== undefined) chunks.push(chunkOf('iCCP', Buffer.from('icc\0\0', 'latin1'), deflateSync(icc)))
  if (exif !== undefined) chunks.push(chunkOf('eXIf', uprightExif(exif)))
  return {
    ...source,
    bytes: Buffer.concat([png.subarray(0, AFTER_IHDR), ...chunks, png.subarray(AFTER_IHDR)]),
    format: 'png',
    readFrom: 'heic',
    width,
    height,
    bitDepth: 8,
    outputFormat: 'jpeg',
  }
}

async function loadDecoder(): Promise<Decode> {
  try {
    // By a name that is no literal, because it need not be there. Its types are written down above.
    const module = (await import(DECODER)) as { readonly default: Decode }
    return module.default
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
    throw new ImageError(
      415,
      'HeicDecoderMissing',
      'The picture is HEIC, as phones write it, and nothing is installed that decodes it: npm install heic-decode.',
    )
  }
}

/** The decoder tells its faults to the console, which here is the way to the edge: they are taken from there. */
async function decodeQuietly(decode: Decode, buffer: Buffer): ReturnType<Decode> {
  const { log } = console
  let said = ''
  console.log = (...parts: readonly unknown[]) => {
    for (const part of parts) said += ` ${messageOf(part)}`
  }
  try {
    return await decode({ buffer })
  } catch (error) {
    if (said.includes('Memory allocation'))
      throw new ImageError(413, 'TooLargeImageException', 'The picture needs more memory than it may have.', {
        cause: error,
      })
    throw unreadable(said === '' ? error : new Error(said.trim(), { cause: error }))
  } finally {
    console.log = log
  }
}

function messageOf(part: unknown): string {
  if (typeof part === 'string') return part
  return typeof part === 'object' && part !== null && 'message' in part ? String(part.message) : ''
}

function unreadable(cause?: unknown): never {
  throw new ImageError(400, 'InstantiationError', 'The HEIC picture cannot be read.', { cause })
}

/** Signature, and the chunk that comes first (W3C PNG 5.6). */
const AFTER_IHDR = 8 + 25

/** Length, type, data, checksum (W3C PNG 5.3). */
function chunkOf(type: string, ...parts: readonly Buffer[]): Buffer {
  const data = Buffer.concat([Buffer.from(type, 'latin1'), ...parts])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length - 4)
  checksum.writeUInt32BE(crc32(data))
  return Buffer.concat([length, data, checksum])
}

const ORIENTATION = 0x0112

/** EXIF without its head, and without the turn that the decoder has made already (ISO/IEC 23008-12, A.2.1). */
function uprightExif(exif: Buffer): Buffer {
  const block = Buffer.from(exif.toString('latin1', 0, 4) === 'Exif' ? exif.subarray(6) : exif)
  const isLittle = block[0] === 0x49
  const u16 = (at: number) => (isLittle ? block.readUInt16LE(at) : block.readUInt16BE(at))
  try {
    const directory = isLittle ? block.readUInt32LE(4) : block.readUInt32BE(4)
    const count = u16(directory)
    for (let i = 0; i < count; i++) {
      const at = directory + 2 + i * 12
      if (u16(at) !== ORIENTATION) continue
      if (isLittle) block.writeUInt16LE(1, at + 8)
      else block.writeUInt16BE(1, at + 8)
    }
  } catch (error) {
    // Cut short: then nobody reads a turn off it.
    if (!(error instanceof RangeError)) throw error
  }
  return block
}
