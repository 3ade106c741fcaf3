/** EXIF tags of IFD0 that say whose picture it is (Exif 2.32 section 4.6.4). */
const TAGS: ReadonlyMap<number, 'Copyright' | 'Artist'> = new Map([
  [0x8298, 'Copyright'],
  [0x013b, 'Artist'],
])

/** Characters of a text of EXIF that count. */
export const MAX_TEXT = 2_000

/** Copyright and artist of a JPEG, PNG or WebP, found in its EXIF block; undefined where there is none. */
export function copyrightOf(bytes: Buffer): Partial<Record<'Copyright' | 'Artist', string>> | undefined {
  const start = exifStart(bytes)
  if (start === undefined) return undefined
  const exif = bytes.subarray(start)
  const found: Partial<Record<'Copyright' | 'Artist', string>> = {}
  try {
    const isLittle = exif[0] === 0x49
    const u16 = (at: number) => (isLittle ? exif.readUInt16LE(at) : exif.readUInt16BE(at))
    const u32 = (at: number) => (isLittle ? exif.readUInt32LE(at) : exif.readUInt32BE(at))
    const directory = u32(4)
    const entries = u16(directory)
    for (let i = 0; i < entries; i++) {
      const at = directory + 2 + i * 12
      const name = TAGS.get(u16(at))
      if (name === undefined || u16(at + 2) !== 2) continue
      const length = Math.min(u32(at + 4), MAX_TEXT)
      const from = length <= 4 ? at + 8 : u32(at + 8)
      const text = exif.toString('utf8', from, from + length).replace(/\0+$/, '')
      if (text.trim() !== '') found[name] = text
    }
  } catch (error) {
    // A read past the end: the block is cut short, and what was found before counts.
    if (!(error instanceof RangeError)) throw error
  }
  return Object.keys(found).length === 0 ? undefined : found
}

/** Where the TIFF header of the EXIF block begins. It stands near the start in JPEG, anywhere in PNG and WebP. */
function exifStart(bytes: Buffer): number | undefined {
  const marker = bytes.indexOf('Exif\0\0', 0, 'latin1')
  if (marker !== -1) return marker + 6
  for (const chunk of ['eXIf', 'EXIF']) {
    const at = bytes.indexOf(chunk, 0, 'latin1')
    if (at !== -1) return chunk === 'eXIf' ? at + 4 : at + 8
  }
  return undefined
}
