import type { Clock } from '../../../base/clock.ts'
import { Fault } from '../../../faults.ts'
import { BodyTooLargeError } from '../../../http/body.ts'
import { HeaderList } from '../../../http/header-list.ts'
import type { PlannedOrigin } from '../../../plan.ts'
import type { EdgeResponse } from '../../../visit.ts'
import { ImageError } from '../image-error.ts'
import type { SourceAddress } from '../task.ts'
import type { ByteShelf } from './byte-shelf.ts'
import { guardedFetch } from './guarded-fetch.ts'
import { HeldPicture } from './held-picture.ts'
import { confirmed, isSameName, lifetimeOf, type Picture, pictureOf } from './picture.ts'
import type { SourceLifetime, SourceValidator } from './picture.ts'
import { joined, pathOf } from './key-path.ts'
import { freshUntil, type SourceCache } from './source-cache.ts'
import { noSuchKey, tooLarge, untilGone } from './source-faults.ts'

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

/** What of a request to a source is not always the same. */
export interface SourceRequest {
  /** GET unless given. */
  readonly method?: 'HEAD'
  /** Fields of it, with the conditions of RFC 9110 section 13 where a copy is kept. */
  readonly headers: HeaderList
  readonly signal: AbortSignal
}

export interface SourcesOptions {
  readonly clock: Pick<Clock, 'now'>
  /** By the bucket name in requests; the first is the default. */
  readonly sources: ReadonlyMap<string, ImageSource>
  readonly fetchFrom: (
    origin: PlannedOrigin,
    path: string,
    request: SourceRequest,
  ) => Promise<EdgeResponse | Fault>
  readonly maxSourceBytes: number
  /** Where the bytes of pictures are put. */
  readonly shelf: ByteShelf
  /** Where pictures stay for the next variants; others keep theirs in it, too. */
  readonly cache: SourceCache
  /** How long an original counts, in milliseconds, whose source does not say. */
  readonly unsaidMs: number
  /** Tells these sources from those of others in the cache. */
  readonly name: string
  /** Another number when sources may have changed: what was fetched before is not shared with those who ask from then on. */
  readonly generation: () => number
}

/** Whether a source still has what it had: by its own words, without its bytes. */
export type SourceState =
  | { readonly kind: 'unchanged'; readonly lifetime: SourceLifetime }
  /** It has something else, has nothing any more, or does not say. */
  | { readonly kind: 'doubtful' }

interface Loading {
  readonly promise: Promise<HeldPicture>
  loaded?: HeldPicture
  readonly stop: AbortController
  users: number
}

/** Fetches sources. Requests for one picture at the same time share one fetch and one copy of its bytes. */
export class Sources {
  readonly #options: SourcesOptions
  readonly #loading = new Map<string, Loading>()

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
    const response = await this.#fetch(source, address.key, { headers: plainFields(), signal })
    if (response instanceof Fault) throw response
    return this.#wanted(source, response)
  }

  #wanted(source: ImageSource, response: EdgeResponse): EdgeResponse {
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
   * a picture for GET where it has changed, and leave out Cache-Control with a 304 where it has not. A copy of which it does
   * not say that it is the same is forgotten. Throws ImageError or Fault.
   */
  async check(
    address: SourceAddress,
    known: readonly SourceValidator[],
    signal: AbortSignal,
  ): Promise<SourceState> {
    const lifetime = known.length === 0 ? undefined : await this.#askAbout(address, known, signal)
    if (lifetime !== undefined) return { kind: 'unchanged', lifetime }
    this.#options.cache.drop(this.#idOf(address))
    return DOUBTFUL
  }

  /** What the source says of the picture by one of these names; undefined where it has another, or none. */
  async #askAbout(
    address: SourceAddress,
    known: readonly SourceValidator[],
    signal: AbortSignal,
  ): Promise<SourceLifetime | undefined> {
    const source = this.find(address.bucket)
    const response = await this.#fetch(source, address.key, {
      method: 'HEAD',
      headers: plainFields(),
      signal,
    })
    if (response instanceof Fault) throw response
    response.body.discard()
    const { status, headers } = response
    const now = { etag: headers.get('etag'), lastModified: headers.get('last-modified') }
    return status === 200 && known.some((each) => isSameName(each, now)) ? lifetimeOf(headers) : undefined
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
    const { cache, clock } = this.#options
    const id = this.#idOf(address)
    const kept = cache.find(id, clock.now())
    if (kept?.isFresh === true) {
      cache.counts.hits++
      return useAndLeave(kept.held, use)
    }
    let loading = this.#loading.get(id)
    if (loading === undefined) {
      const stop = new AbortController()
      loading = { promise: this.#load(id, address, kept?.held, stop.signal), stop, users: 0 }
      this.#loading.set(id, loading)
    }
    loading.users++
    try {
      loading.loaded = await untilGone(loading.promise, signal)
      return await use(loading.loaded.picture)
    } finally {
      loading.users--
      if (loading.users === 0) {
        this.#loading.delete(id)
        // An abort that nobody hears still makes an error with a stack.
        if (loading.loaded === undefined) loading.stop.abort()
        else loading.loaded.release()
      }
    }
  }

  /** The picture, held once for those who wait for it. `old` is asked about, where the source has given it a name. */
  async #load(
    id: string,
    address: SourceAddress,
    old: HeldPicture | undefined,
    signal: AbortSignal,
  ): Promise<HeldPicture> {
    const { cache } = this.#options
    old?.hold()
    try {
      const source = this.find(address.bucket)
      const headers = plainFields()
      addConditions(headers, old?.picture)
      const response = await this.#fetch(source, address.key, { headers, signal })
      if (response instanceof Fault) throw response
      if (response.status === 304 && old !== undefined) {
        response.body.discard()
        cache.counts.confirmed++
        old.renew(confirmed(old.picture, response.headers))
        this.#keep(id, old, response.headers)
        old.hold()
        return old
      }
      cache.counts.misses++
      const held = await this.#read(this.#wanted(source, response))
      held.hold()
      this.#keep(id, held, response.headers)
      return held
    } finally {
      old?.release()
    }
  }

  #keep(id: string, held: HeldPicture, answer: HeaderList): void {
    const { cache, clock, unsaidMs } = this.#options
    cache.keep(id, held, freshUntil(held.picture, answer, clock.now(), unsaidMs))
  }

  async #read({ headers, body }: EdgeResponse): Promise<HeldPicture> {
    const { maxSourceBytes, shelf } = this.#options
    if (body.length !== undefined && body.length > maxSourceBytes) {
      body.discard()
      throw tooLarge(maxSourceBytes)
    }
    let place: Buffer | undefined
    try {
      const bytes = await body.collect(maxSourceBytes, (length) => (place = shelf.take(length)))
      return new HeldPicture(pictureOf(headers, bytes), place, shelf)
    } catch (error) {
      if (error instanceof BodyTooLargeError) throw tooLarge(maxSourceBytes)
      throw new ImageError(500, 'ImageRetrieval::CannotRetrieveImage', 'The picture could not be fetched.', {
        cause: error,
      })
    }
  }

  #idOf({ bucket, key }: SourceAddress): string {
    return `${this.#options.generation()}\n${this.#options.name}\n${bucket ?? ''}\n${key}`
  }

  async #fetch(source: ImageSource, key: string, request: SourceRequest): Promise<EdgeResponse | Fault> {
    const path = pathOf(key)
    if (source.kind === 'origin')
      return this.#options.fetchFrom(source.origin, joined(source.prefix, path), request)
    const url = new URL(source.base)
    url.pathname = joined(source.base.pathname, path)
    const { isAllowed } = source
    return guardedFetch(url, { isAllowed, ...request })
  }
}

function plainFields(): HeaderList {
  return new HeaderList(['Accept', 'image/*'])
}

/** Asks for the picture only if it is another one than this. */
function addConditions(headers: HeaderList, known: Picture | undefined): void {
  if (known === undefined) return
  if (known.etag !== undefined) headers.append('If-None-Match', known.etag)
  if (known.lastModified !== undefined) headers.append('If-Modified-Since', known.lastModified)
}

async function useAndLeave<T>(held: HeldPicture, use: (picture: Picture) => Promise<T>): Promise<T> {
  held.hold()
  try {
    return await use(held.picture)
  } finally {
    held.release()
  }
}

const DOUBTFUL: SourceState = { kind: 'doubtful' }
