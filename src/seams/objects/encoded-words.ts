/*
 * Text in headers of S3. Only US-ASCII travels safely; for the rest S3 itself uses the encoded words of RFC 2047: it
 * decodes them before it stores, and encodes again what it returns (S3 User Guide, "Working with object metadata").
 */

/** A word may have 75 characters, of which `=?UTF-8?B?` and `?=` take twelve; base64 makes four of three bytes. */
const WORD_BYTES = 45
const IS_PLAIN = /^(?! )[\x20-\x7e]*(?<! )$/
const WORD = /=\?([A-Za-z0-9-]+)(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([^ ?]*)\?=/g
/** Space between two words belongs to neither (RFC 2047 section 6.2). */
const BETWEEN_WORDS = /(\?=)[ \t]+(?==\?[A-Za-z0-9*-]+\?[BbQq]\?)/g

/** The text as it stands in a header: itself, or encoded words of UTF-8. */
export function encodeHeaderText(text: string): string {
  if (IS_PLAIN.test(text) && !text.includes('=?')) return text
  const words: string[] = []
  let bytes = 0
  let word = ''
  // A character is never cut in two (RFC 2047 section 5).
  for (const character of text) {
    const size = Buffer.byteLength(character)
    if (bytes + size > WORD_BYTES) {
      words.push(word)
      word = ''
      bytes = 0
    }
    word += character
    bytes += size
  }
  words.push(word)
  return words.map((each) => `=?UTF-8?B?${Buffer.from(each).toString('base64')}?=`).join(' ')
}

/** What a header says. Words in other charsets than UTF-8, ASCII and Latin-1 stay as they are. */
export function decodeHeaderText(text: string): string {
  if (!text.includes('=?')) return text
  return text
    .replace(BETWEEN_WORDS, '$1')
    .replace(WORD, (word, charset: string, form: string, content: string) => {
      const encoding = charsetOf(charset)
      if (encoding === undefined) return word
      const bytes = form === 'B' || form === 'b' ? Buffer.from(content, 'base64') : bytesOfQ(content)
      return bytes.toString(encoding)
    })
}

function charsetOf(name: string): 'utf8' | 'latin1' | undefined {
  const lower = name.toLowerCase()
  if (lower === 'utf-8' || lower === 'us-ascii') return 'utf8'
  return lower === 'iso-8859-1' ? 'latin1' : undefined
}

/** The Q encoding (RFC 2047 section 4.2): `_` is a space, `=20` a byte. */
function bytesOfQ(content: string): Buffer {
  const latin1 = content
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(latin1, 'latin1')
}
