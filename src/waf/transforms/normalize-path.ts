/**
 * Resolves `//`, `/./` and `a/../`. What climbs above the beginning of a relative path stays (`../a`), of an absolute
 * one it goes; `.` alone becomes empty text; a slash at the end stays.
 */
export function normalizePath(text: string): string {
  if (text === '' || isNormal(text)) return text
  const isAbsolute = text.charCodeAt(0) === 0x2f
  const kept: string[] = []
  for (const segment of text.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') kept.push(segment)
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop()
    else if (!isAbsolute) kept.push(segment)
  }
  const endsInSlash = text.endsWith('/')
  const joined = kept.join('/')
  if (joined === '') return isAbsolute ? '/' : ''
  return `${isAbsolute ? '/' : ''}${joined}${endsInSlash ? '/' : ''}`
}

/** As NORMALIZE_PATH, after turning backslashes into slashes. */
export function normalizePathWin(text: string): string {
  return normalizePath(text.includes('\\') ? text.replaceAll('\\', '/') : text)
}

/** True where no dot segment and no doubled slash can be: the common case, without a split. */
function isNormal(text: string): boolean {
  return text.charCodeAt(0) !== 0x2e && !text.includes('/.') && !text.includes('//')
}
