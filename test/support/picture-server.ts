import { type CountingOrigin, countRequests } from './counting-origin.ts'

/** A server of pictures whose content and validators a test changes. */
export interface PictureServer extends AsyncDisposable {
  readonly url: string
  /** `undefined` answers 404. */
  set(name: string, picture: Picture | undefined): void
  /** `METHOD /name` of the requests since it was last asked. */
  asked(): readonly string[]
}

export interface Picture {
  readonly bytes: Buffer
  readonly etag?: string
  readonly lastModified?: string
  readonly cacheControl?: string
}

export async function servePictures(): Promise<PictureServer> {
  const served = new Map<string, Picture>()
  const origin: CountingOrigin = await countRequests((request, response) => {
    const picture = served.get(request.url!.slice(1))
    if (picture === undefined) {
      response.writeHead(404).end()
      return
    }
    const { bytes, etag, lastModified, cacheControl = 'max-age=600' } = picture
    response.setHeader('Content-Type', 'image/jpeg').setHeader('Cache-Control', cacheControl)
    if (etag !== undefined) response.setHeader('ETag', etag)
    if (lastModified !== undefined) response.setHeader('Last-Modified', lastModified)
    response.setHeader('Content-Length', bytes.length).end(request.method === 'HEAD' ? undefined : bytes)
  })
  let seen = 0
  return {
    url: origin.url,
    set(name, picture) {
      if (picture === undefined) served.delete(name)
      else served.set(name, picture)
    },
    asked() {
      const news = origin.requests.slice(seen)
      seen += news.length
      return news.map(({ method, url }) => `${method} ${url}`)
    },
    [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
  }
}
