/* What the boxes of AVIF and HEIC say; bounded by the length of what is given, as `probe.ts` is. */

/** By the brands of the file (ISO/IEC 14496-12 section 4.3): AV1 inside, or HEVC (ISO/IEC 23008-12 annex B). */
export function formatOfBrands(bytes: Buffer): 'avif' | 'heic' | undefined {
  let format: 'heic' | undefined
  const end = Math.min(bytes.readUInt32BE(0), bytes.length, 256)
  for (let at = 8; at + 4 <= end; at += 4) {
    const brand = bytes.toString('latin1', at, at + 4)
    if (brand === 'avif' || brand === 'avis') return 'avif'
    if (HEVC.has(brand)) format = 'heic'
  }
  return format
}

const HEVC = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx'])

/** The largest `ispe` and the depth in `pixi` or `av1C` below meta, iprp, ipco (ISO/IEC 23008-12, AV1-ISOBMFF). */
export function measureHeif(bytes: Buffer): {
  readonly width: number
  readonly height: number
  readonly bitDepth: number
} {
  let width = 0
  let height = 0
  let bitDepth = 8
  const walk = (start: number, end: number, depth: number): void => {
    let at = start
    while (at + 8 <= end) {
      let size = bytes.readUInt32BE(at)
      const kind = bytes.toString('latin1', at + 4, at + 8)
      if (size === 0) size = end - at
      if (size < 8) return
      const stop = Math.min(end, at + size)
      if (kind === 'ispe' && at + 20 <= stop) {
        width = Math.max(width, bytes.readUInt32BE(at + 12))
        height = Math.max(height, bytes.readUInt32BE(at + 16))
      } else if (kind === 'pixi' && at + 14 <= stop) bitDepth = Math.max(bitDepth, bytes[at + 13]!)
      else if (kind === 'av1C' && at + 11 <= stop) {
        const flags = bytes[at + 10]!
        if ((flags & 0x40) !== 0) bitDepth = Math.max(bitDepth, (flags & 0x20) === 0 ? 10 : 12)
      } else if (depth < 4 && (kind === 'iprp' || kind === 'ipco')) walk(at + 8, stop, depth + 1)
      else if (depth < 4 && kind === 'meta') walk(at + 12, stop, depth + 1)
      at += size
    }
  }
  walk(0, bytes.length, 0)
  return { width, height, bitDepth }
}
