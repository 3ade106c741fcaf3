import type { ImageError } from './image-error.ts'

/** Formats that come out of the engine. */
export const OUTPUT_FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff', 'heif', 'raw'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]

/** One change of a picture: a name of the engine's table of edits, its argument, and where in the request it stood. */
export interface Edit {
  readonly name: string
  readonly value: unknown
  /** For explain: `path filter blur(2)`, `query width`, `base64 edits.resize`. */
  readonly from: string
  /**
   * Done only where the source is at least so many pixels wide, and then in the place of every earlier edit of the name:
   * `for-source.ts`.
   */
  readonly fromWidth?: number
}

/** Where a picture is: the name of a source of the configuration and the key in it. */
export interface SourceAddress {
  /** Undefined is the first source of the configuration. */
  readonly bucket: string | undefined
  readonly key: string
}

/** What a dialect made of a request. The engine knows nothing of dialects beyond this. */
export interface ImageTask {
  readonly source: SourceAddress
  readonly edits: readonly Edit[]
  readonly output: OutputWish
  readonly response: ResponseWish
}

export interface OutputWish {
  /** What the request asks for, weaker than a `toFormat` among the edits; undefined leaves the format. */
  readonly format: string | undefined
  /** Not the picture is wanted but what describes it, as JSON: size, main colour, placeholders. */
  readonly isDescription?: boolean
  /** The format came out of the Accept header, so the answer varies by it. */
  readonly isNegotiated: boolean
  /** A source that has the negotiated format already is not encoded once more for its sake. */
  readonly skipsSameFormat?: boolean
  /** Undefined keeps metadata and makes colours sRGB, as version 7 does. */
  readonly metadata?: MetadataWish
  /** Options of the encoder of `format`. */
  readonly options: Readonly<Record<string, unknown>>
  /** How the quality of a lossy encoder is found; undefined takes `options` or the default of the encoder as it is. */
  readonly quality?: QualityWish
}

/** What a request says of metadata and colours. The policy of the behavior bounds it. */
export interface MetadataWish {
  /** EXIF: all of it, only copyright and artist beside which side is up, only that, or nothing. */
  readonly exif: 'keep' | 'copyright' | 'orientation' | 'strip'
  /** XMP and IPTC stay. */
  readonly keepsRest: boolean
  /**
   * The colour profile: it stays, and the numbers of the pixels with it; colours become sRGB, and what keeps its metadata says so
   * by a profile; or they become sRGB without one, which is how pictures without a profile are read.
   */
  readonly profile: 'keep' | 'srgb' | 'none'
}

/** What is said of quality beyond a number. */
export interface QualityWish {
  /** Chosen for the content and size of the result, where no number is given. */
  readonly isAutomatic: boolean
  /** The quality, wherever it comes from, is multiplied by it: below 1 for viewers who save data. */
  readonly factor: number
}

export interface ResponseWish {
  /** Fields the request asks to add; the dialect has dropped what it may not set. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Wins over every other Cache-Control. */
  readonly cacheControl: string | undefined
}

/** A request as a dialect sees it: plain data, the same at the edge and in a Lambda function. */
export interface ImageRequest {
  /** As received, with its percent-encoding; starts with `/`. */
  readonly path: string
  /** Without `?`. */
  readonly query: string | undefined
  readonly accept: string | undefined
  /** The name under which the viewer asks, without a port, in lower case. */
  readonly host: string
  /** Of the viewer, by name in lower case. */
  readonly headers: { getJoined(name: string): string | undefined }
  readonly nowMs: number
}

/** How URLs are read and errors are written: everything that differs between image services. */
export interface Dialect {
  /**
   * What of a request tells variants apart beside its path: the normalised format and the parameters that count, in a
   * fixed order. Never throws; two requests with equal path and key parts have equal tasks.
   */
  keyParts(request: ImageRequest): string
  /** Throws ImageError for a request that must not even see what is cached: a missing or wrong signature, for one. */
  admit(request: ImageRequest): void
  /** Throws ImageError. */
  decode(request: ImageRequest): ImageTask
  errorBody(error: ImageError): { readonly contentType: string; readonly body: string }
  /** The status of an error where the service has another one than the engine; undefined keeps it. */
  errorStatus?(error: ImageError): number | undefined
  /** Fields on every answer, successes and errors alike. */
  readonly commonHeaders: readonly (readonly [name: string, value: string])[]
  /** The request fields that were looked at for an answer, for Vary (RFC 9110 section 12.5.5). Never throws. */
  variesBy(request: ImageRequest): readonly string[]
  /** Cache-Control where neither source nor request says anything. */
  readonly defaultCacheControl: string
}
