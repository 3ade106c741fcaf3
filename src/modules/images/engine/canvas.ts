import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp'
import { ImageError } from '../image-error.ts'
import type { Pixels } from './automatic-quality.ts'
import { isRecord, kindOfEdit } from './edits.ts'
import { isRgbProfile, type KnownSpace, spaceOf } from './icc.ts'
import type { Inspected } from './inspect-input.ts'
import type { Ask, Job, JobEdit, Rendered } from './job.ts'
import { addMetadata, keptOf, losesNothingRaw } from './metadata.ts'
import { moderate } from './moderation.ts'
import { overlay } from './overlay.ts'
import { roundCrop } from './round-crop.ts'
import { faultOf, guarded } from './sharp-faults.ts'
import { smartCrop } from './smart-crop.ts'
import { tuneQuality } from './tune-quality.ts'
import type { MetadataWish } from '../task.ts'

/** Formats in which transparent corners survive. */
const WITH_ALPHA = new Set(['png', 'webp', 'avif', 'gif', 'tiff', 'heif', 'raw'])

/** Formats that have no place for a profile: their colours are read as sRGB. */
const WITHOUT_PROFILE = new Set(['gif', 'raw'])

/** A picture on its way through the edits. */
export class Canvas {
  image: Sharp
  readonly job: Job
  readonly source: Inspected
  /** Encoder edits so far, in order: `['jpeg', { quality: 60 }]`. */
  readonly #encoders: JobEdit[] = []
  /** What of the source travels to the result. */
  readonly #kept: MetadataWish
  #space: Promise<KnownSpace | 'other' | undefined> | undefined
  #needsAlpha = false

  constructor(job: Job, source: Inspected) {
    this.job = job
    this.source = source
    this.#kept = keptOf(job)
    this.image = sharp(source.bytes, this.#optionsFor(source.isAnimated))
    // Without its tag a picture would lie on its side.
    if (job.metadata === 'strip' && !source.isAnimated) this.image.autoOrient()
  }

  async apply(edit: JobEdit, inputs: readonly Buffer[], ask: Ask): Promise<void> {
    const { name, value } = edit
    switch (kindOfEdit(name)) {
      case 'encoder':
        this.#encoders.push(edit)
        return
      case 'direct':
        guarded(() => this.#call(name, value))
        return
      case 'special':
        return this.#applySpecial(edit, inputs, ask)
      case undefined:
        return
    }
  }

  async #applySpecial({ name, value, input }: JobEdit, inputs: readonly Buffer[], ask: Ask): Promise<void> {
    switch (name) {
      case 'resize':
        guarded(() => this.#resize(value))
        return
      case 'crop':
        guarded(() => this.#call('extract', value), { status: 400, code: 'Crop::AreaOutOfBounds' })
        return
      case 'rotate':
        guarded(() => this.#rotate(value))
        return
      case 'overlayWith':
        return overlay(this, value, inputs[input ?? -1])
      case 'smartCrop':
        return smartCrop(this, value, ask)
      case 'roundCrop':
        this.#needsAlpha = true
        return roundCrop(this, value)
      case 'contentModeration':
        return moderate(this, value, ask)
    }
  }

  /** Calls the method of sharp that an edit names; `true` and null are "with its defaults". */
  #call(name: string, value: unknown): void {
    // Sharp lets it pass, and what is below it complains to the terminal of whoever runs the edge.
    if (name === 'extract' && isRecord(value) && (value['width'] === 0 || value['height'] === 0))
      throw new Error('Expected an area of at least one pixel')
    const method = (this.image as unknown as Record<string, (argument?: unknown) => Sharp>)[name]!
    method.call(this.image, value === null ? undefined : value)
  }

  #resize(value: unknown): void {
    if (!isRecord(value)) return
    const { ratio, ...given } = value
    const options: Record<string, unknown> = given
    const scale = Number(ratio)
    if (ratio !== undefined && scale > 0) {
      const { width, height } = options
      const isSized = typeof width === 'number' && typeof height === 'number'
      options['width'] = Math.max(1, Math.round((isSized ? width : this.source.width) * scale))
      options['height'] = Math.max(1, Math.round((isSized ? height : this.source.height) * scale))
      options['fit'] ??= 'inside'
    }
    this.image.resize(options)
  }

  /** A number turns; nothing at all (only an empty filter says that) turns as the EXIF tag says; null only strips. */
  #rotate(value: unknown): void {
    if (value === undefined || value === 'auto') this.image.autoOrient()
    else if (value !== null) this.image.rotate(value as number)
  }

  /** The format of the result as far as it is known at this place. */
  get format(): string {
    const chosen = this.#encoders.findLast(
      ({ name, value }) => name !== 'toFormat' || typeof value === 'string',
    )
    if (chosen === undefined) return this.job.format ?? this.source.outputFormat
    return chosen.name === 'toFormat' ? String(chosen.value) : chosen.name
  }

  /** Makes the pixels of the edits so far, without loss, and goes on from there. Gives them and their size. */
  async settle(): Promise<{ readonly bytes: Buffer; readonly width: number; readonly height: number }> {
    const isAnimated = this.source.isAnimated
    await this.#addMetadata(this.image, true)
    const lossless = isAnimated
      ? this.image.webp({ lossless: true, effort: 0 })
      : this.image.png({ compressionLevel: 0 })
    const { data, info } = await this.run(() => lossless.toBuffer({ resolveWithObject: true }))
    this.image = sharp(data, this.#optionsFor(isAnimated))
    return { bytes: data, width: info.width, height: info.pageHeight ?? info.height }
  }

  /** The pixels of the edits so far, from which the canvas goes on: whoever looks at them does not have them made twice. */
  async pixels(): Promise<Pixels> {
    // Raw pixels carry nothing but themselves.
    const isPlain = losesNothingRaw(this.source, this.#kept)
    if (!isPlain) await this.settle()
    const { data, info } = await this.run(() => this.image.raw().toBuffer({ resolveWithObject: true }))
    const { width, height, channels } = info
    if (isPlain) this.image = sharp(data, { raw: { width, height, channels } })
    return { data, width, height, channels }
  }

  /** A rendering of the edits so far for a detector: JPEG for what came as JPEG, PNG otherwise. */
  async rendering(): Promise<{ readonly bytes: Buffer; readonly width: number; readonly height: number }> {
    const settled = await this.settle()
    const pixels = sharp(settled.bytes, this.#optionsFor(false))
    const encoded = this.source.format === 'jpeg' ? pixels.jpeg({ quality: 90 }) : pixels.png()
    return { ...settled, bytes: await this.run(() => encoded.toBuffer()) }
  }

  /** Awaits pixel work and turns what sharp and libvips say into an ImageError. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const fault = faultOf(error, this.job.isStrict, this.source)
      if (fault.status !== 500 || (await this.#isReadable())) throw fault
      throw new ImageError(400, 'InstantiationError', 'The source is damaged and cannot be read.', {
        cause: error,
      })
    }
  }

  /** Whether the source can be decoded at all: only asked when it is not known whose fault a failure is. */
  async #isReadable(): Promise<boolean> {
    try {
      await sharp(this.source.bytes, this.#optionsFor(this.source.isAnimated)).resize(16, 16).png().toBuffer()
      return true
    } catch {
      return false
    }
  }

  /** `pixels` is what the result has at most. */
  async encode(pixels: number): Promise<{ readonly rendered: Rendered; readonly bytes: Buffer }> {
    const { job, source } = this
    const asked = this.format
    const isForced =
      this.#needsAlpha &&
      !job.isStrict &&
      !WITH_ALPHA.has(asked) &&
      job.format === undefined &&
      this.#encoders.every(({ name }) => name !== 'toFormat')
    const tuned = await tuneQuality(this, isForced ? 'png' : asked, this.#encoders, pixels)
    const { image } = this
    guarded(() => {
      for (const { name, value } of this.#encoders) {
        if (name === 'toFormat') image.toFormat(String(value) as 'jpeg')
        else
          (image as unknown as Record<string, (argument?: unknown) => Sharp>)[name]!(
            isRecord(value) ? value : {},
          )
      }
      const options = { ...job.options, ...tuned }
      if (isForced) image.png()
      else if (job.format !== undefined) image.toFormat(job.format as 'jpeg', options)
      else if (this.#encoders.length === 0) image.toFormat(source.outputFormat as 'jpeg', options)
      else if (tuned !== undefined) image.toFormat(asked as 'jpeg', tuned)
    })
    await this.#addMetadata(image, !WITHOUT_PROFILE.has(isForced ? 'png' : asked))
    image.timeout({ seconds: job.timeoutSeconds })
    const { data, info } = await this.run(() => image.toBuffer({ resolveWithObject: true }))
    return {
      bytes: data,
      rendered: {
        format: info.format,
        isForced,
        width: info.width,
        height: info.pageHeight ?? info.height,
        frames: info.pages ?? 1,
      },
    }
  }

  /** What of the source's metadata is to be kept; unless its profile is, its colours become those of sRGB. */
  #addMetadata(image: Sharp, takesProfile: boolean): Promise<void> {
    const canKeepProfile = async () => takesProfile && (await this.space()) !== undefined
    return addMetadata(image, this.source, this.#kept, canKeepProfile, this.#header)
  }

  /**
   * The colour space of the pixels where they keep the profile of their source; undefined where they become sRGB. A layer has to
   * be brought to the space of what it lies on, so in other spaces than those nothing is laid over: such a picture becomes sRGB.
   */
  space(): Promise<KnownSpace | 'other' | undefined> {
    return (this.#space ??= this.#findSpace())
  }

  async #findSpace(): Promise<KnownSpace | 'other' | undefined> {
    if (this.#kept.profile !== 'keep') return undefined
    const { icc, space } = await this.#header()
    if (icc === undefined || space === 'cmyk' || !isRgbProfile(icc)) return undefined
    const known = spaceOf(icc)
    return known ?? (this.job.edits.some(({ name }) => name === 'overlayWith') ? undefined : 'other')
  }

  /** What sharp reads of the source without decoding it. */
  readonly #header = (): Promise<Metadata> =>
    this.run(() => sharp(this.source.bytes, this.#optionsFor(false)).metadata())

  #optionsFor(isAnimated: boolean): SharpOptions {
    const { maxPixels } = this.job.limits
    return {
      // Damaged pictures are shown as far as they go, as browsers do.
      failOn: 'none',
      limitInputPixels: maxPixels === 0 ? false : maxPixels,
      animated: isAnimated,
    }
  }
}
