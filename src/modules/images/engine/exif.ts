import { MAX_TEXT } from './copyright.ts'

/** What of EXIF is told: what the camera wrote, or where the picture was taken and by whose device as well. */
export type ExifWish = 'camera' | 'all'

/** Groups of tags by their names in Exif 2.32: `Image`, `Photo` and, of all, `GPSInfo`; `location` in degrees. */
export type ExifFacts = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** A segment of JPEG holds 64 KiB; what is larger was not written by a camera. */
const MAX_BYTES = 256 << 10
/** Bytes of values that are read; makers' own notes are not among them. */
const MAX_VALUES = 128 << 10
const MAX_ENTRIES = 1_000
const MAX_ITEMS = 64
/** Characters of all of it together. */
const MAX_TOLD = 64 << 10

/** Tells one device, or its owner, from others (Exif 2.32 section 4.6.5, "Other tags"). */
const OF_ONE_DEVICE = new Set(['BodySerialNumber', 'LensSerialNumber', 'CameraOwnerName', 'ImageUniqueID'])
/** Where other directories are, and what only the maker understands. */
const OF_NO_USE = new Set(['ExifTag', 'GPSTag', 'InteroperabilityTag', 'MakerNote', 'PrintImageMatching'])
/** Eight bytes that name the characters stand before these texts (Exif 2.32 section 4.6.5, UserComment). */
const WITH_CODE = new Set(['UserComment', 'GPSProcessingMethod', 'GPSAreaInformation'])

/** What an EXIF block says, as plain JSON; undefined where it says nothing or cannot be read. Never rejects. */
export async function exifFacts(block: Buffer | undefined, wish: ExifWish): Promise<ExifFacts | undefined> {
  if (block === undefined || !isHarmless(block)) return undefined
  try {
    // Only in image processes, and only where it is asked for.
    const { default: readExif } = await import('exif-reader')
    const { Image, Photo, GPSInfo } = readExif(block)
    const groups = { Image, Photo, ...(wish === 'all' && { GPSInfo }) }
    const facts: Record<string, Record<string, unknown>> = {}
    for (const [name, tags] of Object.entries(groups)) {
      const plain = plainTags(tags ?? {}, wish)
      if (Object.keys(plain).length > 0) facts[name] = plain
    }
    const location = wish === 'all' ? locationOf(facts['GPSInfo'] ?? {}) : undefined
    if (location !== undefined) facts['location'] = location
    const isTelling = Object.keys(facts).length > 0 && JSON.stringify(facts).length <= MAX_TOLD
    return isTelling ? facts : undefined
  } catch {
    return undefined
  }
}

/** The values of a directory that can be told as JSON, by name. */
function plainTags(tags: object, wish: ExifWish): Record<string, unknown> {
  const plain: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(tags)) {
    // Tags without a name in the standard are those of a maker.
    if (/^\d/.test(name) || OF_NO_USE.has(name) || name.startsWith('XP')) continue
    if (wish !== 'all' && OF_ONE_DEVICE.has(name)) continue
    const told = plainValue(WITH_CODE.has(name) && Buffer.isBuffer(value) ? value.subarray(8) : value)
    if (told !== undefined) plain[name] = told
  }
  return plain
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'string') return plainText(value)
  // Clocks of cameras know no zone: OffsetTime tells it where the camera does.
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? undefined : value.toISOString().slice(0, 19)
  if (Buffer.isBuffer(value)) return value.length > MAX_TEXT ? undefined : plainText(value.toString('utf8'))
  if (!Array.isArray(value) || value.length > MAX_ITEMS) return undefined
  return value.every((item) => typeof item === 'number' && Number.isFinite(item)) ? value : undefined
}

/** Undefined for bytes that are no text. */
function plainText(text: string): string | undefined {
  const shown = text.replace(/\0+$/, '').trim().slice(0, MAX_TEXT)
  return shown === '' || NO_TEXT.test(shown) ? undefined : shown
}

// What is between them is control characters, or was no UTF-8.
const NO_TEXT = /[\p{Cc}\uFFFD]/u

/** Degrees north and east, and metres above the sea (Exif 2.32 section 4.6.6). */
function locationOf(gps: Readonly<Record<string, unknown>>): Record<string, number> | undefined {
  const latitude = degreesOf(gps['GPSLatitude'], gps['GPSLatitudeRef'] === 'S', 90)
  const longitude = degreesOf(gps['GPSLongitude'], gps['GPSLongitudeRef'] === 'W', 180)
  if (latitude === undefined || longitude === undefined) return undefined
  const altitude = gps['GPSAltitude']
  const isBelow = gps['GPSAltitudeRef'] === 1
  return {
    latitude,
    longitude,
    ...(typeof altitude === 'number' && { altitude: isBelow ? -altitude : altitude }),
  }
}

function degreesOf(parts: unknown, isNegative: boolean, most: number): number | undefined {
  if (!Array.isArray(parts)) return undefined
  const [degrees = Number.NaN, minutes = 0, seconds = 0] = parts.map(Number)
  const sum = degrees + minutes / 60 + seconds / 3600
  if (!(Math.abs(sum) <= most)) return undefined
  // A ten-millionth of a degree is a centimetre.
  return Math.round((isNegative ? -sum : sum) * 1e7) / 1e7
}

/** Bytes of a value by its type, as `exif-reader` reckons (TIFF 6.0 section 2, "Types"). */
const SIZES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8]
const LONG = 4
const UNDEFINED = 7
/** Where directories lead to others (Exif 2.32 section 4.6.3). */
const EXIF_TAG = 0x8769
const GPS_TAG = 0x8825
const INTEROPERABILITY_TAG = 0xa005
const LEADING = new Set([EXIF_TAG, GPS_TAG, INTEROPERABILITY_TAG])

/**
 * Whether reading a block costs no more than it may. A few bytes can declare thousands of values that all lie at one
 * place, so what is declared is added up first, in the directories that `exif-reader` follows. A block that is cut short
 * is none.
 */
function isHarmless(block: Buffer): boolean {
  if (block.length > MAX_BYTES) return false
  const start = block.toString('latin1', 0, 4) === 'Exif' ? 6 : 0
  const isLittle = block[start] === 0x49
  const u16 = (at: number) => (isLittle ? block.readUInt16LE(at) : block.readUInt16BE(at))
  const u32 = (at: number) => (isLittle ? block.readUInt32LE(at) : block.readUInt32BE(at))
  let values = 0
  let entries = 0
  /** Gives where the directory leads, by tag, and what comes after it under 0. */
  const walk = (directory: number | undefined): ReadonlyMap<number, number> => {
    const led = new Map<number, number>()
    if (directory === undefined) return led
    const count = u16(start + directory)
    for (let i = 0; i < count; i++) {
      const at = start + directory + 2 + i * 12
      const [tag, type, length] = [u16(at), u16(at + 2), u32(at + 4)]
      // Bytes of unknown meaning are only cut out.
      if (type !== UNDEFINED) values += Math.min(length * (SIZES[type] ?? 0), block.length)
      if (++entries > MAX_ENTRIES || values > MAX_VALUES) throw new RangeError('too much')
      if (!LEADING.has(tag)) continue
      if (type !== LONG || length !== 1) throw new RangeError('leads nowhere')
      led.set(tag, u32(at + 8))
    }
    const end = start + directory + 2 + count * 12
    const next = end + 4 <= block.length ? u32(end) : 0
    return next === 0 ? led : led.set(0, next)
  }
  try {
    const image = walk(u32(start + 4))
    walk(image.get(0))
    walk(walk(image.get(EXIF_TAG)).get(INTEROPERABILITY_TAG))
    walk(image.get(GPS_TAG))
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
