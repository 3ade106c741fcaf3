import type { Metadata, Sharp } from 'sharp'
import type { Inspected } from './inspect-input.ts'
import { beforeFirstScan } from './probe.ts'

/** What sharp reads of a source without decoding it. */
type Header = () => Promise<Metadata>

/**
 * Keeps the metadata of a source; pixels are converted to sRGB in any case. `withMetadata` also attaches an sRGB profile,
 * which takes as long as the rest of a small JPEG, so it is called only for what needs it. It must not be called for what has
 * no profile: sharp takes 16 bits for Display P3 then, and makes red redder.
 */
export async function addWhatThereIs(
  image: Sharp,
  { bytes, format }: Inspected,
  header: Header,
): Promise<void> {
  const headers = format === 'jpeg' ? beforeFirstScan(bytes) : bytes
  const has = (marker: string) => headers.includes(marker, 0, 'latin1')
  const keepAll = (isConverted: boolean) => (isConverted ? image.withMetadata() : image.keepMetadata())
  switch (format) {
    case 'svg':
    case 'gif':
    // Read as PNG by now (`heic.ts`).
    case 'heic':
      return
    case 'tiff':
    case 'avif':
      keepAll((await header()).hasProfile)
      return
    case 'jpeg':
      if (has('ICC_PROFILE\0') || has('Photoshop 3.0\0')) keepAll(has('ICC_PROFILE\0'))
      else if (has('Exif\0\0') || has('http://ns.adobe.com/xap/')) image.keepExif().keepXmp()
      return
    case 'png':
      if (has('iCCP')) image.withMetadata()
      else if (has('eXIf') || has('XML:com.adobe.xmp')) image.keepExif().keepXmp()
      return
    case 'webp':
      if (has('ICCP')) image.withMetadata()
      else if (has('EXIF') || has('XMP ')) image.keepExif().keepXmp()
  }
}

/** What stands before metadata and profiles in the files of a format. */
const MARKERS = {
  jpeg: ['ICC_PROFILE\0', 'Photoshop 3.0\0', 'Exif\0\0', 'http://ns.adobe.com/xap/'],
  png: ['iCCP', 'eXIf', 'XML:com.adobe.xmp'],
  webp: ['ICCP', 'EXIF', 'XMP '],
} as const

/** Whether the pixels of a source are all there is to its result, so that they may travel without a format. */
export function losesNothingRaw({ bytes, format }: Inspected, isMetadataKept: boolean): boolean {
  switch (format) {
    case 'svg':
    case 'gif':
      return true
    case 'tiff':
    case 'avif':
    case 'heic':
      return false
    case 'jpeg':
    case 'webp':
      if (!isMetadataKept) return true
      break
    case 'png':
      break
  }
  const headers = format === 'jpeg' ? beforeFirstScan(bytes) : bytes
  return !MARKERS[format].some((marker) => headers.includes(marker, 0, 'latin1'))
}

/** What has 16 bits and a profile sharp makes Display P3, and leaves it so without saying it, unless told what to make. */
export async function keepColours(
  image: Sharp,
  { format }: Pick<Inspected, 'format'>,
  header: Header,
): Promise<void> {
  if (format !== 'png' && format !== 'tiff' && format !== 'avif') return
  const { hasProfile, depth } = await header()
  if (hasProfile && depth === 'ushort') image.withIccProfile('srgb', { attach: false })
}
