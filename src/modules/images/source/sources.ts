import { Fault } from '../../../faults.ts'
import { BodyTooLargeError } from '../../../http/body.ts'
import type { HeaderList } from '../../../http/header-list.ts'
import type { PlannedOrigin } from '../../../plan.ts'
import type { EdgeResponse } from '../../../visit.ts'
import { ImageError } from '../image-error.ts'
import type { SourceAddress } from '../task.ts'
import type { ByteShelf } from './byte-shelf.ts'
import { guardedFetch } from './guarded-fetch.ts'

/** A place pictures may come from. */
export type ImageSource =
  | {
      readonly kind: 'origin'
      readonly name: string
      readonly origin: PlannedOrigin
      readonly prefix: string
    }
  | {
      readonly kind: 'url'
      readonly name: string
      readonly base: URL
      readonly isAllowed: (address: string) => boolean
    }

export interface SourcesOptions {
  /** By the bucket name in requests; the first is the default. */
  readonly sources: ReadonlyMap<string, ImageSource>
  readonly fetchFrom: (
    origin: PlannedOrigin,
    path: string,
    signal: AbortSignal,
    method?: 'HEAD',
  ) => Promise<EdgeResponse | Fault>
  readonly maxSourceBytes: number
  /** Where the bytes of pictures are put. */
  readonly shelf: ByteShelf
  /** Another number when sources may have changed: fetches of before are not shared with those who ask from then on. */
  readonly generation: () => number
}

/** How a source calls what it has. */
export interface SourceValidator {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** Whether a source still has what it had: by its own words, without its bytes. */
export type SourceState =
  | { readonly kind: 'unchanged'; readonly lifetime: SourceLifetime }
  /** It has something else, has nothing any more, or does not say. */
  | { readonly kind: 'doubtful' }

/** What a source says of how long its picture stays. */
export interface SourceLifetime {
  readonly cacheControl: string | undefined
  readonly expires: string | undefined
  readonly lastModified: string | undefined
}

/** A source as it was fetched: its fields, and its bytes once they are wanted. */
export interface Picture extends SourceLifetime {
  readonly contentType: string | undefined
  readonly etag: string | undefined
  readonly bytes: Buffer
}

interface Loaded {
  readonly picture: Picture
  /** Of the shelf, where the bytes lie in it. */
  readonly place: Buffer | undefined
}

/** Fetches sources. Requests for one picture at the same time share one fetch and one copy of its bytes. */
export class Sources {
  readonly #options: SourcesOptions
  readonly #held = new Map<
    string,
    { readonly loading: Promise<Loaded>; loaded?: Loaded; readonly stop: AbortController; users: number }
  >()

  constructor(options: SourcesOptions) {
    this.#options = options
  }

  /** Names of buckets that requests may use. */
  get names(): ReadonlySet<string> {
    return new Set(this.#options.sources.keys())
  }

  /** The source a request names, or the first. Throws ImageError when it is not allowed. */
  find(bucket: string | undefined): ImageSource {
    const { sources } = this.#options
    const [first] = sources.values()
    if (first === undefined)
      throw new ImageError(
        400,
        'GetAllowedSourceBuckets::NoSourceBuckets',
        'No source of pictures is configured.',
      )
    const found = bucket === undefined ? first : sources.get(bucket)
    if (found === undefined)
      throw new ImageError(
        403,
        'ImageBucket::CannotAccessBucket',
        'This bucket is not among the allowed sources.',
      )
    return found
  }

  /** The response of a source with its body still to come, for what is passed through. Throws ImageError or Fault. */
  async open(address: SourceAddress, signal: AbortSignal): Promise<EdgeResponse> {
    const source = this.find(address.bucket)
    const response = await this.#fetch(source, address.key, signal)
    if (response instanceof Fault) throw response
    if (response.status === 200) return response
    response.body.discard()
    if (response.status >= 500)
      throw new ImageError(500, 'ImageRetrieval::CannotRetrieveImage', 'The picture could not be fetched.', {
        cause: new Error(`source ${source.name} answered ${response.status}`),
      })
    // Which keys exist and which are only forbidden is nobody's business.
    throw noSuchKey(`source ${source.name} answered ${response.status}`)
  }

  /**
   * Asks a source whether it still has what it called by one of these names. A plain HEAD: a condition would make it send
   * a picture for GET where it has changed, and leave out Cache-Control with a 304 where it has not. Throws ImageError or
   * Fault.
   */
  async check(
    address: SourceAddress,
    known: readonly SourceValidator[],
    signal: AbortSignal,
  ): Promise<SourceState> {
    if (known.length === 0) return DOUBTFUL
    const source = this.find(address.bucket)
    const response = await this.#fetch(source, address.key, signal, 'HEAD')
    if (response instanceof Fault) throw response
    response.body.discard()
    const { status, headers } = response
    if (status !== 200) return DOUBTFUL
    const etag = headers.get('etag')
    const lifetime = lifetimeOf(headers)
    const { lastModified } = lifetime
    return known.some((each) => isSameName(each, { etag, lastModified }))
      ? { kind: 'unchanged', lifetime }
      : DOUBTFUL
  }

  /**
   * Runs `use` with the whole picture, whose bytes are others' when it is over: they are copied by who needs them longer.
   * `signal` is the requester's: the fetch stops when nobody waits for it any more. Throws ImageError or Fault.
   */
  async using<T>(
    address: SourceAddress,
    signal: AbortSignal,
    use: (picture: Picture) => Promise<T>,
  ): Promise<T> {
    const id = `${this.#options.generation()}\n${address.bucket ?? ''}\n${address.key}`
    let entry = this.#held.get(id)
    if (entry === undefined) {
      const stop = new AbortController()
      entry = { loading: this.#load(address, stop.signal), stop, users: 0 }
      this.#held.set(id, entry)
    }
    const held = entry
    held.users++
    try {
      held.loaded = await untilGone(held.loading, signal)
      return await use(held.loaded.picture)
    } finally {
      held.users--
      if (held.users === 0) {
        this.#held.delete(id)
        // An abort that nobody hears still makes an error with a stack.
        if (held.loaded === undefined) held.stop.abort()
        else if (held.loaded.place !== undefined) this.#options.shelf.give(held.loaded.place)
      }
    }
  }

  async #load(address: SourceAddress, signal: AbortSignal): Promise<Loaded> {
    const { maxSourceBytes, shelf } = this.#options
    const { headers, body } = await this.open(address, signal)
    if (body.length !== undefined && body.length > maxSourceBytes) {
      body.discard()
      throw tooLarge(maxSourceBytes)
    }
    let bytes: Buffer
    let place: Buffer | undefined
    try {
      bytes = await body.collect(maxSourceBytes, (length) => (place = shelf.take(length)))
    } catch (error) {
      if (error instanceof BodyTooLargeError) throw tooLarge(maxSourceBytes)
      throw new ImageError(500, 'ImageRetrieval::CannotRetrieveImage', 'The picture could not be fetched.', {
        cause: error,
      })
    }
    return { picture: pictureOf(headers, bytes), place }
  }

  async #fetch(
    source: ImageSource,
    key: string,
    signal: AbortSignal,
    method?: 'HEAD',
  ): Promise<EdgeResponse | Fault> {
    const path = pathOf(key)
    if (source.kind === 'origin')
      return this.#options.fetchFrom(source.origin, joined(source.prefix, path), signal, method)
    const url = new URL(source.base)
    url.pathname = joined(source.base.pathname, path)
    const { isAllowed } = source
    return guardedFetch(url, {
      isAllowed,
      signal,
      ...(method !== undefined && { method }),
    })
  }
}

/** A picture by what its source says of it. */
export function pictureOf(headers: HeaderList, bytes: Buffer): Picture {
  return {
    ...lifetimeOf(headers),
    contentType: headers.get('content-type'),
    etag: headers.get('etag'),
    bytes,
  }
}

function lifetimeOf(headers: HeaderList): SourceLifetime {
  return {
    cacheControl: headers.getJoined('cache-control'),
    expires: headers.get('expires'),
    lastModified: headers.get('last-modified'),
  }
}

const DOUBTFUL: SourceState = { kind: 'doubtful' }

/** By the entity tag where there is one, weakly (RFC 9110 section 8.8.3.2); by the date to the letter where there is none. */
function isSameName(known: SourceValidator, now: SourceValidator): boolean {
  if (known.etag !== undefined || now.etag !== undefined)
    return known.etag?.replace(/^W\//, '') === now.etag?.replace(/^W\//, '')
  return known.lastModified !== undefined && known.lastModified === now.lastModified
}

/** Percent-encoded, without a leading slash. A key that climbs, or names a folder, is no picture. */
function pathOf(key: string): string {
  const segments = key.replace(/^\/+/, '').split('/')
  if (key === '' || segments.some((segment) => segment === '.' || segment === '..') || key.includes('\0'))
    throw noSuchKey('the key is empty or climbs')
  if (!key.isWellFormed()) throw noSuchKey('the key is not well-formed Unicode')
  return segments.map(encodeURIComponent).join('/')
}

function joined(prefix: string, path: string): string {
  const folder = prefix.replace(/^\/+|\/+$/g, '')
  return folder === '' ? `/${path}` : `/${folder}/${path}`
}

function noSuchKey(detail: string): ImageError {
  return new ImageError(404, 'NoSuchKey', 'The picture does not exist or cannot be read.', {
    cause: new Error(detail),
  })
}

function tooLarge(maxBytes: number): ImageError {
  return new ImageError(413, 'TooLargeImageException', `The source is larger than ${maxBytes} bytes.`)
}

/** The promise, or a rejection as soon as its user has gone; the work goes on for others. */
function untilGone<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const left = () =>
      reject(new ImageError(499, 'ClientClosedRequest', 'Nobody waits for this picture any more.'))
    if (signal.aborted) left()
    signal.addEventListener('abort', left)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', left))
  })
}
