import type { PlainImageError } from '../image-error.ts'
import type { MetadataWish, QualityWish } from '../task.ts'
import type { EngineLimits } from './edits.ts'
import type { ExifWish } from './exif.ts'

/** How metadata of a source travels to the result. */
export type MetadataPolicy = 'keep' | 'copyright' | 'strip'

/** One transformation, as it crosses to the process that does it. */
export interface Job {
  /** The source is an SVG that is sent as one: it is only made harmless. */
  readonly isDrawing?: boolean
  /** The result is described as JSON instead of being encoded. */
  readonly isDescription?: boolean
  /** Several results of one decode, made of what the edits give, instead of one (`derive.ts`). */
  readonly derive?: Derive
  readonly edits: readonly JobEdit[]
  /** Chosen format and options of its encoder; undefined keeps the source's. */
  readonly format: string | undefined
  readonly options: Readonly<Record<string, unknown>>
  /** Undefined takes `options`, or the default of the encoder, as it is. */
  readonly quality?: QualityWish
  /** Whether all frames are read where no edit says so. */
  readonly isAnimatedByDefault: boolean
  readonly metadata: MetadataPolicy
  /** What the request says of metadata, within the policy. */
  readonly metadataWish?: MetadataWish
  readonly limits: EngineLimits
  /** Quirks of the original service that are mended otherwise. */
  readonly isStrict: boolean
  readonly faces: 'detector' | 'attention'
  /** Seconds for the pixel work. */
  readonly timeoutSeconds: number
}

/** What is made of one picture at once. */
export interface Derive {
  readonly derivatives: readonly JobDerivative[]
  /** A picture with a shorter side is refused: IMAGE_TOO_SMALL. */
  readonly minSide: number
  /** Types of sources by their bytes; others are refused: UNSUPPORTED_TYPE. Undefined takes what the engine reads. */
  readonly types: readonly string[] | undefined
  /** Confidence from which a label of the moderation service refuses a picture: FAILED_MODERATION. */
  readonly moderation: number | undefined
  /** How people are found, of whom there may be none: NO_PEOPLE_ALLOWED. Left out: nobody is looked for. */
  readonly people?: PeopleSearch
  /** Whether EXIF of the source is told as well, and how much of it. */
  readonly exif?: ExifWish
}

/** By faces, by labels such as "Person", or both; from which confidence one counts. */
export interface PeopleSearch {
  readonly faces: boolean
  readonly labels: boolean
  readonly minConfidence: number
}

/** One result; a side that is left out follows from the other, and both together are covered. */
export interface JobDerivative {
  readonly width?: number
  readonly height?: number
  readonly format: string
  readonly options: Readonly<Record<string, unknown>>
}

export interface JobEdit {
  readonly name: string
  readonly value: unknown
  /** For `overlayWith`: which of the inputs is laid over. */
  readonly input?: number
}

export interface Rendered {
  /** What the bytes are. */
  readonly format: string
  /** The format was not asked for: the picture needs transparency that its own format lacks. */
  readonly isForced: boolean
  readonly width: number
  readonly height: number
  readonly frames: number
}

/** What a job asks its parent in the middle of the work. */
export type Question = 'faces' | 'moderation' | 'labels'

/** Puts a question about a rendering to whoever can answer it. */
export type Ask = (question: Question, rendering: Buffer, minConfidence?: number) => Promise<unknown>

/** From the edge to a child. */
export type ToChild =
  /** The bytes of the inputs, of these lengths, lie in the scratch file or follow, one after the other. */
  | {
      readonly kind: 'job'
      readonly job: Job
      readonly inputs: readonly number[]
      readonly areInScratch: boolean
    }
  | { readonly kind: 'answer'; readonly value: unknown }
  | { readonly kind: 'no-answer'; readonly error: PlainImageError }

/** From a child to the edge. */
export type FromChild =
  | { readonly kind: 'ready' }
  /** Its memory limit is reached: the last word of the process. */
  | { readonly kind: 'memory' }
  /** A rendering follows, for a detector. */
  | { readonly kind: 'question'; readonly question: Question; readonly minConfidence: number | undefined }
  /** The result follows, or lies in the scratch file, so many bytes of it. */
  | {
      readonly kind: 'done'
      readonly rendered: Rendered
      readonly scratchBytes: number | undefined
      readonly bytesInUse: number
    }
  | { readonly kind: 'failed'; readonly error: PlainImageError; readonly bytesInUse: number }
