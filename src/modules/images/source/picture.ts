import type { HeaderList } from '../../../http/header-list.ts'

/** What a source says of how long its picture stays. */
export interface SourceLifetime {
  readonly cacheControl: string | undefined
  readonly expires: string | undefined
  readonly lastModified: string | undefined
}

/** How a source calls what it has. */
export interface SourceValidator {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** A source as it was fetched: its fields, and its bytes once they are wanted. */
export interface Picture extends SourceLifetime {
  readonly contentType: string | undefined
  readonly etag: string | undefined
  readonly bytes: Buffer
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

/** The picture after its source has said 304: what that says anew counts, the rest stays (RFC 9111 section 4.3.4). */
export function confirmed(picture: Picture, headers: HeaderList): Picture {
  const { cacheControl, expires, lastModified } = lifetimeOf(headers)
  return {
    ...picture,
    cacheControl: cacheControl ?? picture.cacheControl,
    expires: expires ?? picture.expires,
    lastModified: lastModified ?? picture.lastModified,
    etag: headers.get('etag') ?? picture.etag,
  }
}

export function lifetimeOf(headers: HeaderList): SourceLifetime {
  return {
    cacheControl: headers.getJoined('cache-control'),
    expires: headers.get('expires'),
    lastModified: headers.get('last-modified'),
  }
}

/** By the entity tag where there is one, weakly (RFC 9110 section 8.8.3.2); by the date to the letter where there is none. */
export function isSameName(known: SourceValidator, now: SourceValidator): boolean {
  if (known.etag !== undefined || now.etag !== undefined)
    return known.etag?.replace(/^W\//, '') === now.etag?.replace(/^W\//, '')
  return known.lastModified !== undefined && known.lastModified === now.lastModified
}
