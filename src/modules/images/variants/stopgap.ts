import { parseCacheControl, secondsOf } from '../../../http/cache-control.ts'
import type { HeaderList } from '../../../http/header-list.ts'

/** How long viewers and caches keep what stands in for a slow format. */
export const STOPGAP_SECONDS = 10

/** An Accept header without one format. */
export function withoutFormat(accept: string | undefined, format: string): string | undefined {
  const name = `image/${format}`
  return accept
    ?.split(',')
    .filter((range) => range.split(';', 1)[0]!.trim().toLowerCase() !== name)
    .join(',')
}

/** Shortens the lifetime that a response gives itself; a shorter one stays, and so does what forbids keeping it. */
export function shortenLifetime(headers: HeaderList, seconds: number): void {
  headers.delete('expires')
  const directives = parseCacheControl(headers.getJoined('cache-control'))
  if (directives.has('no-store') || directives.has('no-cache')) return
  const given = [secondsOf(directives, 'max-age'), secondsOf(directives, 's-maxage')]
  const shortest = Math.min(seconds, ...given.map((each) => (Number.isNaN(each) ? 0 : (each ?? seconds))))
  headers.set(
    'Cache-Control',
    `${directives.has('private') ? 'private' : 'public'}, max-age=${Math.floor(shortest)}`,
  )
}
