import { signatureOf } from './sign.ts'

/** Parameters of the dialect `edge` (docs/guide/images.md); `true` is 1. */
export type LinkParameters = Readonly<Record<string, string | number | true>>

export interface LinkOptions {
  readonly parameters?: LinkParameters
  /** Signs what is not a preset; the value of the secret that `images.signing` names. */
  readonly key?: string
  /** The prefix that the behavior strips: it stands in the URL, and is not signed. */
  readonly prefix?: string
  /** End of a signed link. */
  readonly expires?: Date
}

/**
 * The URL of a variant, for templates: `imageUrl('/photo.jpg', { prefix: '/img', parameters: { w: 400, f: 'auto' }, key })`.
 * `path` is the key with a leading slash, as it is, not percent-encoded. Throws TypeError for a path without one.
 */
export function imageUrl(path: string, options: LinkOptions = {}): string {
  if (!path.startsWith('/'))
    throw new TypeError(`the path of a picture begins with /, and '${path}' does not`)
  const { parameters = {}, key, prefix = '', expires } = options
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const pairs = new Map(
    Object.entries(parameters).map(([name, value]) => [name, value === true ? '1' : String(value)]),
  )
  if (expires !== undefined) pairs.set('expires', String(Math.floor(expires.getTime() / 1000)))
  if (key !== undefined) pairs.set('s', signatureOf(key, encoded, pairs))
  const query = new URLSearchParams([...pairs]).toString()
  return `${prefix}${encoded}${query === '' ? '' : `?${query}`}`
}

/** The value of `srcset` for an `<img>` in the given widths: `/img/photo.jpg?w=400 400w, …`. */
export function srcset(path: string, widths: readonly number[], options: LinkOptions = {}): string {
  return widths
    .map((w) => `${imageUrl(path, { ...options, parameters: { ...options.parameters, w } })} ${w}w`)
    .join(', ')
}
