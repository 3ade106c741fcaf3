/** ASCII capitals to small letters; bytes above 0x7f stay as they are. */
export function lowercase(text: string): string {
  return foldAscii(text, 0x41, 0x5a, toLower)
}

/** ASCII small letters to capitals; bytes above 0x7f stay as they are. */
export function uppercase(text: string): string {
  return foldAscii(text, 0x61, 0x7a, toUpper)
}

const toLower = (run: string): string => run.toLowerCase()
const toUpper = (run: string): string => run.toUpperCase()

function foldAscii(text: string, first: number, last: number, fold: (run: string) => string): string {
  let found = false
  let isAscii = true
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) isAscii = false
    else if (code >= first && code <= last) found = true
  }
  if (!found) return text
  if (isAscii) return fold(text)
  // Beyond ASCII the built-in would also fold letters of latin1, so runs of ASCII are folded one by one.
  let out = ''
  let start = 0
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && text.charCodeAt(i) <= 0x7f) continue
    out += fold(text.slice(start, i))
    if (i < text.length) out += text[i]!
    start = i + 1
  }
  return out
}
