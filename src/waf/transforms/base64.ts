/** The six bits of a character of the base64 alphabet (RFC 4648 section 4), or -1. */
function sextet(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41
  if (code >= 0x61 && code <= 0x7a) return code - 0x47
  if (code >= 0x30 && code <= 0x39) return code + 4
  return code === 0x2b ? 62 : code === 0x2f ? 63 : -1
}

/** Strict: stops at the first character outside the alphabet, padding included, and gives what came out so far. */
export function base64Decode(text: string): string {
  let end = 0
  while (end < text.length && sextet(text.charCodeAt(end)) >= 0) end++
  return decodeRun(end === text.length ? text : text.slice(0, end))
}

/** Forgiving: looks past every character outside the alphabet; padding ends one group and the next goes on. */
export function base64DecodeExt(text: string): string {
  let out = ''
  let run = ''
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (sextet(code) >= 0) continue
    run += text.slice(start, i)
    start = i + 1
    if (code !== 0x3d) continue
    out += decodeRun(run)
    run = ''
  }
  return out + decodeRun(run + text.slice(start))
}

export function base64Encode(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64')
}

/** Characters of the alphabet only; a single one left over says nothing and is dropped. */
function decodeRun(run: string): string {
  return run.length < 2 ? '' : Buffer.from(run, 'base64').toString('latin1')
}
