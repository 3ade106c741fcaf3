/** Strict base64 (RFC 4648 section 4), with or without padding; undefined for anything else. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  const written = bytes.toString('base64')
  return written === text || withoutPadding(written) === text ? bytes : undefined
}

function withoutPadding(text: string): string {
  const end = text.indexOf('=')
  return end === -1 ? text : text.slice(0, end)
}
