import type { SourceAddress } from '../task.ts'
import type { ImageSource } from './sources.ts'

/**
 * Where a picture that is named by its URL lies among the sources of a behavior, or undefined when its host, or what stands
 * before its path, is that of none. The host of a source is that of its address, or its name (`https://logos/dot.png`),
 * because folders have no host. The scheme counts for nothing: how a source is asked, the source says.
 */
export function addressOfUrl(url: URL, sources: ReadonlyMap<string, ImageSource>): SourceAddress | undefined {
  let path: string
  try {
    path = decodeURIComponent(url.pathname)
  } catch {
    return undefined
  }
  for (const [bucket, source] of sources) {
    const base = baseFor(url, source)
    if (base === undefined) continue
    const folder = base.endsWith('/') ? base : `${base}/`
    if (path.startsWith(folder)) return { bucket, key: path.slice(folder.length) }
  }
  return undefined
}

/** The path below which the keys of a source lie under the host of `url`; undefined when it has another host. */
function baseFor(url: URL, source: ImageSource): string | undefined {
  if (url.hostname === source.name.toLowerCase()) return '/'
  if (source.kind === 'url') return url.host === source.base.host ? source.base.pathname : undefined
  const { origin, prefix } = source
  if (origin.kind === 'folder' || url.hostname !== origin.domainName.toLowerCase()) return undefined
  return `${origin.originPath}/${prefix.replace(/^\/+/, '')}`
}
