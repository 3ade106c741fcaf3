import { noSuchKey } from './source-faults.ts'

/** Percent-encoded, without a leading slash. A key that climbs, or names a folder, is no picture. */
export function pathOf(key: string): string {
  const segments = key.replace(/^\/+/, '').split('/')
  if (key === '' || segments.some((segment) => segment === '.' || segment === '..') || key.includes('\0'))
    throw noSuchKey('the key is empty or climbs')
  if (!key.isWellFormed()) throw noSuchKey('the key is not well-formed Unicode')
  return segments.map(encodeURIComponent).join('/')
}

/** Under a folder of the source, which may be empty. */
export function joined(prefix: string, path: string): string {
  const folder = prefix.replace(/^\/+|\/+$/g, '')
  return folder === '' ? `/${path}` : `/${folder}/${path}`
}
