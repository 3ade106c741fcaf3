import { acceptEdits, kindOfEdit } from './engine/edits.ts'
import { ImageError } from './image-error.ts'
import type { ImageService } from './service.ts'
import type { Edit, ImageRequest, MetadataWish, OutputWish } from './task.ts'
import { isPlain, isUntouched } from './untouched.ts'

const COLOURS = {
  keep: 'and profile as they are',
  srgb: 'sRGB',
  none: 'sRGB without a profile',
} as const satisfies Record<MetadataWish['profile'], string>

function formatLine(edits: readonly Edit[], output: OutputWish): string {
  const format = `format ${output.format ?? 'of the source'}${output.isNegotiated ? ' (by the Accept header)' : ''}`
  const isSkipped = output.skipsSameFormat === true && output.format !== undefined && isPlain(edits, output)
  return isSkipped ? `${format}; a source that is ${output.format} already is sent as it is` : format
}

/** What a request asks for, in lines for people: source, each edit and where it stood, format, what is refused. */
export function explainTask(service: ImageService, request: ImageRequest): readonly string[] {
  try {
    const { source, edits, output, response } = service.dialect.decode(request)
    const { name, kind } = service.sources.find(source.bucket)
    const lines = [`images: source ${name} (${kind}), key ${source.key}`]
    for (const { name: edit, value, from, fromWidth } of edits) {
      const known = kindOfEdit(edit) === undefined ? ' (unknown: passed over)' : ''
      const wide =
        fromWidth === undefined ? '' : ` (if the source is ${fromWidth} pixels wide, then alone of its kind)`
      lines.push(`images: edit ${edit} ${JSON.stringify(value) ?? ''}, from ${from}${wide}${known}`)
    }
    acceptEdits(edits, service.limits)
    if (isUntouched(edits, output)) lines.push('images: no edits: the original is sent as it is')
    else if (output.isDescription === true) lines.push('images: described as JSON')
    else lines.push(`images: ${formatLine(edits, output)}`)
    const { metadata } = output
    if (metadata !== undefined && !isUntouched(edits, output))
      lines.push(
        `images: EXIF ${metadata.exif}, XMP and IPTC ${metadata.keepsRest ? 'keep' : 'strip'}, colours ${COLOURS[metadata.profile]}, within metadata: ${service.metadata}`,
      )
    if (output.quality?.isAutomatic === true)
      lines.push('images: quality chosen for the picture, unless a number is given')
    if (output.quality !== undefined && output.quality.factor < 1)
      lines.push(`images: quality times ${output.quality.factor} (by Save-Data)`)
    if (response.cacheControl !== undefined)
      lines.push(`images: Cache-Control ${response.cacheControl}, from expires`)
    for (const [field, value] of response.headers) lines.push(`images: response header ${field}: ${value}`)
    return lines
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    return [`images: refused with ${error.status} ${error.code}: ${error.message}`]
  }
}
