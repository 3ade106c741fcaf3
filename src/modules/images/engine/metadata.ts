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
