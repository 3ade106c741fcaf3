export type RequestType = 'default' | 'custom' | 'thumbor'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const KNOWN_EXTENSION = /\.(?:jpe?g|png|webp|tiff?|svg|gif|avif)$/i
const ANY_EXTENSION = /\.[^./\\]+$/

/** Which of the three forms a path has; undefined is none of them. */
export function requestTypeOf(path: string, hasRewrite: boolean): RequestType | undefined {
  if (decodeBase64Json(path) !== undefined) return 'default'
  if (hasRewrite) return 'custom'
  return KNOWN_EXTENSION.test(path) || !ANY_EXTENSION.test(path) ? 'thumbor' : undefined
}

/**
 * The JSON in a path that is wholly base64 of the standard alphabet, padded; undefined for every other path. Viewers
 * may have percent-encoded `+`, `/` and `=`.
 */
export function decodeBase64Json(path: string): { readonly json: unknown } | undefined {
  const text = (path.startsWith('/') ? path.slice(1) : path)
    .replace(/%2B/gi, '+')
    .replace(/%2F/gi, '/')
    .replace(/%3D/gi, '=')
  if (text === '' || !BASE64.test(text)) return undefined
  try {
    return { json: JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as unknown }
  } catch {
    return undefined
  }
}
