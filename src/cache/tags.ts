import type { HeaderList } from '../http/header-list.ts'

const MAX_TAG_CHARACTERS = 1024

/**
 * Tags of a response by which it can be invalidated: from the configured header fields, as words separated by blanks
 * (Surrogate-Key) or commas (Cache-Tag), and those that modules gave. Each tag once.
 */
export function tagsOf(
  headers: HeaderList,
  tagHeaders: readonly string[],
  ofModules?: readonly string[],
): string[] {
  const tags = new Set<string>(ofModules)
  for (const name of tagHeaders) {
    const value = headers.getJoined(name)
    if (value === undefined) continue
    for (const tag of value.split(SEPARATOR))
      if (tag !== '' && tag.length <= MAX_TAG_CHARACTERS) tags.add(tag)
  }
  return [...tags]
}

const SEPARATOR = /[\s,]+/
