import type { Metadata, Sharp } from 'sharp'
import type { MetadataWish } from '../task.ts'
import { copyrightOf } from './copyright.ts'
import type { Inspected } from './inspect-input.ts'
import type { Job } from './job.ts'
import { beforeFirstScan } from './probe.ts'

/** What sharp reads of a source without decoding it. */
type Header = () => Promise<Metadata>

const AS_VERSION_7: MetadataWish = { exif: 'keep', keepsRest: true, profile: 'srgb' }
const NOTHING: MetadataWish = { exif: 'strip', keepsRest: false, profile: 'none' }

/** What of a source travels to its result: what the request says, and no more than the behavior allows. */
export function keptOf({ metadata, metadataWish = AS_VERSION_7, edits, isDescription }: Job): MetadataWish {
  // "Do not copy metadata" is how version 7 spells stripping.
  if (metadata === 'strip' || edits.some(({ name, value }) => name === 'rotate' && value === null))
    return NOTHING
  if (metadata === 'copyright')
    return { ...NOTHING, exif: metadataWish.exif === 'keep' ? 'copyright' : metadataWish.exif }
  // A description tells colours as pages show them.
  if (isDescription === true && metadataWish.profile === 'keep') return { ...metadataWish, profile: 'none' }
  return metadataWish
}

/** What there is in a source, as far as its first bytes tell; rather too much than too little. */
interface Carried {
  readonly hasProfile: boolean
  readonly hasExif: boolean
  readonly hasXmp: boolean
  readonly hasIptc: boolean
}

/**
 * Makes a result carry what is kept of its source. Unless the profile is kept, pixels are converted to sRGB in any case.
 * Attaching an sRGB profile takes as long as the rest of a small JPEG, so it is only done where version 7 is expected to and
 * the source has a profile; for what has none sharp would take 16 bits for Display P3, and make red redder.
 */
export async function addMetadata(
  image: Sharp,
  source: Inspected,
  { exif, keepsRest, profile }: MetadataWish,
  canKeepProfile: () => Promise<boolean>,
  header: Header,
): Promise<void> {
  if (exif === 'strip' && !keepsRest && profile === 'none') return keepColours(image, source, header)
  const carried = await carriedBy(source, header)
  if (exif === 'keep' && keepsRest && profile === 'srgb' && carried.hasProfile) {
    image.withMetadata()
    return
  }
  if (keepsRest && carried.hasIptc) {
    // IPTC goes with everything else or not at all.
    image.keepMetadata()
    if (exif !== 'keep') image.withExif({})
  } else {
    if (keepsRest && carried.hasXmp) image.keepXmp()
    if (exif === 'keep' && carried.hasExif) image.keepExif()
  }
  // The tag of the orientation stays wherever there is EXIF at all: without it a picture would lie on its side.
  const tags = exif === 'copyright' ? copyrightOf(source.bytes) : undefined
  if (tags !== undefined) image.withExif({ IFD0: tags })
  if (exif === 'orientation' && carried.hasExif && ((await header()).orientation ?? 1) > 1) image.withExif({})
  if (!carried.hasProfile) return
  // Last, because what keeps everything keeps the profile too.
  if (profile === 'keep' && (await canKeepProfile())) image.keepIccProfile()
  else if (keepsRest && carried.hasIptc) image.withIccProfile('srgb', { attach: false })
  else await keepColours(image, source, header)
}

async function carriedBy({ bytes, format }: Inspected, header: Header): Promise<Carried> {
  const headers = format === 'jpeg' ? beforeFirstScan(bytes) : bytes
  const has = (marker: string) => headers.includes(marker, 0, 'latin1')
  switch (format) {
    case 'svg':
    case 'gif':
    // Read as PNG by now (`heic.ts`).
    case 'heic':
      return { hasProfile: false, hasExif: false, hasXmp: false, hasIptc: false }
    case 'tiff':
    case 'avif': {
      const { hasProfile } = await header()
      return { hasProfile, hasExif: true, hasXmp: true, hasIptc: format === 'tiff' }
    }
    case 'jpeg':
      return {
        hasProfile: has(MARKERS.jpeg.profile),
        hasExif: has(MARKERS.jpeg.exif),
        hasXmp: has(MARKERS.jpeg.xmp),
        hasIptc: has(MARKERS.jpeg.iptc),
      }
    case 'png':
    case 'webp': {
      const { profile, exif, xmp } = MARKERS[format]
      return { hasProfile: has(profile), hasExif: has(exif), hasXmp: has(xmp), hasIptc: false }
    }
  }
}

/** What stands before metadata and profiles in the files of a format. */
const MARKERS = {
  jpeg: {
    profile: 'ICC_PROFILE\0',
    exif: 'Exif\0\0',
    xmp: 'http://ns.adobe.com/xap/',
    iptc: 'Photoshop 3.0\0',
  },
  png: { profile: 'iCCP', exif: 'eXIf', xmp: 'XML:com.adobe.xmp' },
  webp: { profile: 'ICCP', exif: 'EXIF', xmp: 'XMP ' },
} as const

/** Whether the pixels of a source are all there is to its result, so that they may travel without a format. */
export function losesNothingRaw({ bytes, format }: Inspected, kept: MetadataWish): boolean {
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
      if (kept.exif !== 'keep' && !kept.keepsRest && kept.profile !== 'keep') return true
      break
    case 'png':
      break
  }
  const headers = format === 'jpeg' ? beforeFirstScan(bytes) : bytes
  return !Object.values(MARKERS[format]).some((marker) => headers.includes(marker, 0, 'latin1'))
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
