import type { HeaderList } from '../http/header-list.ts'

/** The two names under which an origin that does not know its prefix may speak of itself. */
export interface OwnNames {
  readonly originAuthority: string
  readonly viewerHost: string
}

/**
 * Puts the prefix back into what an origin says about its own paths: `Location`, `Content-Location`, `Refresh`
 * and the `Path` of `Set-Cookie`. References to other hosts and relative ones stay as they are.
 */
export function mapBack(headers: HeaderList, prefix: string, names: OwnNames): void {
  const raw = headers.raw
  for (let i = 0; i < raw.length; i += 2) {
    switch (raw[i]!.toLowerCase()) {
      case 'location':
      case 'content-location':
        raw[i + 1] = mapReference(raw[i + 1]!, prefix, names)
        break
      case 'refresh':
        raw[i + 1] = raw[i + 1]!.replace(
          /^(\s*\d+\s*[;,]\s*(?:url\s*=\s*)?)(["']?)([^"']+)\2\s*$/i,
          (_all, lead: string, quote: string, url: string) =>
            `${lead}${quote}${mapReference(url, prefix, names)}${quote}`,
        )
        break
      case 'set-cookie':
        raw[i + 1] = raw[i + 1]!.replace(
          /(;\s*path\s*=\s*)(\/[^;]*)/i,
          (_all, lead: string, path: string) => lead + addPrefix(path.trim(), prefix),
        )
        break
    }
  }
}

function mapReference(reference: string, prefix: string, names: OwnNames): string {
  if (reference.startsWith('/') && !reference.startsWith('//')) return addPrefix(reference, prefix)
  const absolute = /^(?:https?:)?\/\/([^/?#]*)(.*)$/i.exec(reference)
  if (absolute === null) return reference
  const authority = absolute[1]!.toLowerCase()
  const isOwn =
    authority === names.originAuthority.toLowerCase() || authority === names.viewerHost.toLowerCase()
  if (!isOwn) return reference
  const rest = absolute[2]!
  return addPrefix(rest.startsWith('/') ? rest : `/${rest}`, prefix)
}

function addPrefix(path: string, prefix: string): string {
  return path === '/' ? `${prefix}/` : prefix + path
}
