/** Each `/* … *\/` becomes one space, also one that does not end; a lone end stays. */
export function replaceComments(text: string): string {
  let at = text.indexOf('/*')
  if (at === -1) return text
  let out = ''
  let start = 0
  while (at !== -1) {
    out += `${text.slice(start, at)} `
    const end = text.indexOf('*/', at + 2)
    if (end === -1) return out
    start = end + 2
    at = text.indexOf('/*', start)
  }
  return out + text.slice(start)
}

/** Deletes the marks of comments (slash-star and its end, `--`, `#`, `<!--`, `-->`) and keeps what they enclose. */
export function removeCommentsChar(text: string): string {
  let out = ''
  let start = 0
  for (let i = 0; i < text.length;) {
    const length = markLength(text, i)
    if (length === 0) {
      i++
      continue
    }
    out += text.slice(start, i)
    i += length
    start = i
  }
  return start === 0 ? text : out + text.slice(start)
}

/**
 * Deletes comments of C, HTML and SQL (`--` and `#` to the end of the text). A comment that is not closed becomes a
 * space, and one that ends with the text leaves a NUL byte: ModSecurity reads one too many, and its vectors ask for it.
 */
export function removeComments(text: string): string {
  let out = ''
  for (let i = 0; i < text.length;) {
    const isC = text.startsWith('/*', i)
    if (isC || text.startsWith('<!--', i)) {
      const close = isC ? '*/' : '-->'
      const end = text.indexOf(close, i + (isC ? 2 : 4))
      if (end === -1) return `${out} `
      i = end + close.length
      if (i === text.length) return `${out}\0`
      // What follows is copied without being looked at, so a second comment right behind is only seen after it.
      out += text[i]!
      i++
    } else if (text.startsWith('--', i) || text[i] === '#') {
      return `${out} `
    } else {
      out += text[i]!
      i++
    }
  }
  return out
}

function markLength(text: string, at: number): number {
  switch (text.charCodeAt(at)) {
    case 0x23:
      return 1
    case 0x2f:
      return text.charCodeAt(at + 1) === 0x2a ? 2 : 0
    case 0x2a:
      return text.charCodeAt(at + 1) === 0x2f ? 2 : 0
    case 0x3c:
      return text.startsWith('<!--', at) ? 4 : 0
    case 0x2d:
      if (text.charCodeAt(at + 1) !== 0x2d) return 0
      return text.charCodeAt(at + 2) === 0x3e ? 3 : 2
    default:
      return 0
  }
}
