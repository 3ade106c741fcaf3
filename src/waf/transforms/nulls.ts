/** Without NUL bytes. */
export function removeNulls(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '') : text
}

/** NUL bytes become spaces. */
export function replaceNulls(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', ' ') : text
}
