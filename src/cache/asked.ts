import type { HeaderList } from '../http/header-list.ts'

/** What of a request concerns the cache, as bits, so that a hit finds it out in one pass and keeps nothing. */
export const asked = {
  /** If-Match, If-None-Match, If-Modified-Since or If-Unmodified-Since. */
  conditional: 1,
  range: 2,
  upgrade: 4,
  /** Cache-Control or Pragma. */
  directives: 8,
  authorization: 16,
  /** Cache-Status is wanted. */
  told: 32,
} as const

/** The request header that asks for Cache-Status, in lower case; its value is `cache-status`. */
export const TELL_HEADER = 'edgeward-debug'

/** The bits of a request. */
export function scan(headers: HeaderList): number {
  const { raw } = headers
  let bits = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    switch (name.length) {
      case 5:
        if (name.toLowerCase() === 'range') bits |= asked.range
        break
      case 6:
        if (name.toLowerCase() === 'pragma') bits |= asked.directives
        break
      case 7:
        if (name.toLowerCase() === 'upgrade') bits |= asked.upgrade
        break
      case 8:
        if (name.toLowerCase() === 'if-match') bits |= asked.conditional
        break
      case 13:
        bits |= ofThirteen(name.toLowerCase())
        break
      case 14:
        if (name.toLowerCase() === TELL_HEADER && raw[i + 1]!.toLowerCase() === 'cache-status')
          bits |= asked.told
        break
      case 17:
        if (name.toLowerCase() === 'if-modified-since') bits |= asked.conditional
        break
      case 19:
        if (name.toLowerCase() === 'if-unmodified-since') bits |= asked.conditional
        break
      default:
    }
  }
  return bits
}

function ofThirteen(name: string): number {
  if (name === 'cache-control') return asked.directives
  if (name === 'if-none-match') return asked.conditional
  return name === 'authorization' ? asked.authorization : 0
}
