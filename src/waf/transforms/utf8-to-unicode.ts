/** Multi-byte UTF-8 sequences become `%uHHHH`; bytes that form no valid sequence stay as they are. */
export function utf8ToUnicode(text: string): string {
  let out = ''
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) continue
    const length = sequenceLength(text, i, code)
    if (length === 0) continue
    let point = code & (0xff >> (length + 1))
    for (let j = 1; j < length; j++) point = (point << 6) | (text.charCodeAt(i + j) & 0x3f)
    if (isOverlong(point, length) || (point >= 0xd800 && point <= 0xdfff)) continue
    out += `${text.slice(start, i)}%u${point.toString(16).padStart(4, '0')}`
    i += length - 1
    start = i + 1
  }
  return start === 0 ? text : out + text.slice(start)
}

/** Bytes of the sequence that begins here, or 0 when it is not one (RFC 3629 section 3). */
function sequenceLength(text: string, at: number, lead: number): number {
  const length = lead >= 0xf5 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0
  if (at + length > text.length) return 0
  for (let j = 1; j < length; j++) if ((text.charCodeAt(at + j) & 0xc0) !== 0x80) return 0
  return length
}

function isOverlong(point: number, length: number): boolean {
  return point < (length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000)
}
