/**
 * Makes an SVG harmless: no scripts, no event handlers, no foreign content, nothing fetched from elsewhere. What is
 * harmless already comes back byte for byte. Gives undefined for what is refused altogether: a document type with
 * declarations of its own (entities that expand or name files), or text that is no XML.
 */
export function sanitiseSvg(bytes: Buffer): Buffer | undefined {
  const text = decode(bytes)
  if (text === undefined) return undefined
  let out = ''
  let isChanged = false
  let at = 0
  // The element being dropped with everything in it, and how deep it nests in itself.
  let dropping: string | undefined
  let depth = 0
  let isInStyle = false
  while (at < text.length) {
    const open = text.indexOf('<', at)
    const run = text.slice(at, open === -1 ? text.length : open)
    if (dropping !== undefined) isChanged ||= run !== ''
    else if (isInStyle) {
      const safe = safeStyle(run)
      isChanged ||= safe !== run
      out += safe
    } else out += run
    if (open === -1) break
    const markup = readMarkup(text, open)
    if (markup === undefined) return undefined
    at = markup.end
    const whole = text.slice(open, markup.end)
    switch (markup.kind) {
      case 'doctype':
        if (whole.includes('[')) return undefined
        if (dropping === undefined) out += whole
        break
      case 'comment':
        if (dropping === undefined) out += whole
        break
      case 'cdata': {
        if (dropping !== undefined) break
        const safe = isInStyle ? safeStyle(whole) : whole
        isChanged ||= safe !== whole
        out += safe
        break
      }
      case 'instruction':
        // Only the XML declaration stays: a style sheet would be fetched.
        if (/^<\?xml\s/.test(whole)) out += whole
        else isChanged = true
        break
      case 'close': {
        const name = localName(markup.name)
        if (dropping !== undefined) {
          if (name === dropping && --depth === 0) dropping = undefined
          break
        }
        if (name === 'style') isInStyle = false
        out += whole
        break
      }
      case 'open': {
        const name = localName(markup.name)
        if (dropping !== undefined) {
          if (name === dropping && !markup.isEmpty) depth++
          break
        }
        if (DROPPED.has(name) || animatesReference(name, markup.attributes)) {
          isChanged = true
          if (!markup.isEmpty) {
            dropping = name
            depth = 1
          }
          break
        }
        if (name === 'style' && !markup.isEmpty) isInStyle = true
        const kept = markup.attributes.map((attribute) => ({ attribute, safe: safeAttribute(attribute) }))
        if (kept.every(({ attribute, safe }) => safe === attribute.value)) {
          out += whole
          break
        }
        isChanged = true
        const rest = kept
          .filter(({ safe }) => safe !== undefined)
          .map(({ attribute, safe }) => ` ${attribute.name}=${attribute.quote}${safe}${attribute.quote}`)
        out += `<${markup.name}${rest.join('')}${markup.isEmpty ? '/' : ''}>`
        break
      }
    }
  }
  return isChanged ? Buffer.from(out) : bytes
}

const DROPPED = new Set([
  ...[
    'script',
    'foreignobject',
    'iframe',
    'object',
    'embed',
    'audio',
    'video',
    'form',
    'handler',
    'listener',
  ],
  ...['link', 'meta', 'base'],
])

interface Attribute {
  readonly name: string
  readonly value: string
  readonly quote: string
}

type Markup =
  | { readonly kind: 'comment' | 'cdata' | 'instruction' | 'doctype'; readonly end: number }
  | { readonly kind: 'close'; readonly end: number; readonly name: string }
  | {
      readonly kind: 'open'
      readonly end: number
      readonly name: string
      readonly attributes: readonly Attribute[]
      readonly isEmpty: boolean
    }

/** UTF-8, or UTF-16 with a byte order mark; any other declared encoding would be read differently by the renderer. */
function decode(bytes: Buffer): string | undefined {
  try {
    if (bytes[0] === 0xff && bytes[1] === 0xfe)
      return new TextDecoder('utf-16le', { fatal: true }).decode(bytes)
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const declared = /^\uFEFF?<\?xml[^>]*\sencoding\s*=\s*["']([^"']*)["']/.exec(text)?.[1]?.toLowerCase()
    const isKnown = declared === undefined || declared === 'utf-8' || declared === 'us-ascii'
    // Latin encodings agree with UTF-8 as long as only ASCII is used.
    const isAscii = () => bytes.every((byte) => byte < 128)
    return isKnown || (/^(iso-8859-|windows-125)\d+$/.test(declared) && isAscii()) ? text : undefined
  } catch {
    return undefined
  }
}

const NAME = /[A-Za-z_:\u0080-\uFFFF][\w:.\-\u0080-\uFFFF]*/y
const SPACE = /\s*/y
const CLOSE = /<\/([A-Za-z_:\u0080-\uFFFF][\w:.\-\u0080-\uFFFF]*)\s*>/y

function readMarkup(text: string, open: number): Markup | undefined {
  const until = (
    mark: string,
    from: number,
    kind: 'comment' | 'cdata' | 'instruction',
  ): Markup | undefined => {
    const end = text.indexOf(mark, from)
    return end === -1 ? undefined : { kind, end: end + mark.length }
  }
  if (text.startsWith('<!--', open)) return until('-->', open + 4, 'comment')
  if (text.startsWith('<![CDATA[', open)) return until(']]>', open + 9, 'cdata')
  if (text.startsWith('<?', open)) return until('?>', open + 2, 'instruction')
  if (text.startsWith('<!', open)) {
    const end = text.indexOf('>', open)
    return end === -1 ? undefined : { kind: 'doctype', end: end + 1 }
  }
  if (text.startsWith('</', open)) {
    CLOSE.lastIndex = open
    const found = CLOSE.exec(text)
    return found === null ? undefined : { kind: 'close', end: CLOSE.lastIndex, name: found[1]! }
  }
  return readOpenTag(text, open)
}

function readOpenTag(text: string, open: number): Markup | undefined {
  NAME.lastIndex = open + 1
  const name = NAME.exec(text)?.[0]
  if (name === undefined) return undefined
  let at = NAME.lastIndex
  const attributes: Attribute[] = []
  for (;;) {
    at = skipSpace(text, at)
    if (text[at] === '>') return { kind: 'open', end: at + 1, name, attributes, isEmpty: false }
    if (text.startsWith('/>', at)) return { kind: 'open', end: at + 2, name, attributes, isEmpty: true }
    NAME.lastIndex = at
    const attribute = NAME.exec(text)?.[0]
    if (attribute === undefined) return undefined
    at = skipSpace(text, NAME.lastIndex)
    if (text[at] !== '=') return undefined
    at = skipSpace(text, at + 1)
    const quote = text[at]
    if (quote !== '"' && quote !== "'") return undefined
    const end = text.indexOf(quote, at + 1)
    const value = text.slice(at + 1, end)
    if (end === -1 || value.includes('<')) return undefined
    attributes.push({ name: attribute, value, quote })
    at = end + 1
  }
}

function skipSpace(text: string, at: number): number {
  SPACE.lastIndex = at
  SPACE.exec(text)
  return SPACE.lastIndex
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1).toLowerCase()
}

/** `<set attributeName="href" to="javascript:…">` would put back what was taken out. */
function animatesReference(name: string, attributes: readonly Attribute[]): boolean {
  if (name !== 'set' && !name.startsWith('animate')) return false
  const target = attributes.find((attribute) => attribute.name.toLowerCase() === 'attributename')?.value ?? ''
  const lower = localName(unescape(target).trim())
  return lower === 'href' || lower === 'src' || lower.startsWith('on')
}

/** The value an attribute may keep, or undefined where the whole attribute goes. */
function safeAttribute({ name, value }: Attribute): string | undefined {
  const lower = localName(name)
  if (lower.startsWith('on')) return undefined
  if (lower === 'href' || lower === 'src' || lower === 'data' || lower === 'action' || lower === 'formaction')
    return isHarmlessReference(value) ? value : undefined
  if (lower === 'base' && name.includes(':')) return undefined
  return /url|@|expression|\\|&/i.test(value) ? safeStyle(value) : value
}

/** A fragment of the same document, or an embedded raster picture. */
function isHarmlessReference(value: string): boolean {
  const plain = unescape(value).trim()
  return plain === '' || plain.startsWith('#') || /^data:image\/(?:png|jpeg|gif|webp|avif)[;,]/i.test(plain)
}

/** Style text without imports and without addresses outside the document. */
function safeStyle(value: string): string {
  const plain = unescape(value)
  const isHarmless =
    !/@import|expression\s*\(|javascript:|-moz-binding|behavior\s*:/i.test(plain) &&
    // A backslash can spell any of these words.
    !/\\/.test(plain) &&
    [...plain.matchAll(/url\s*\(\s*(["']?)([^)]*)/gi)].every(({ 2: target }) =>
      isHarmlessReference((target ?? '').replace(/["']\s*$/, '')),
    ) &&
    !/\b(?:image-set|image|src)\s*\(/i.test(plain)
  return isHarmless ? value : ''
}

/** Character references resolved; named ones beyond XML's five cannot occur without declarations. */
function unescape(value: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return value.replace(/&(#x[\da-f]+|#\d+|\w+);?/gi, (whole, reference: string) => {
    if (!reference.startsWith('#')) return named[reference] ?? whole
    const code = /^#x/i.test(reference) ? Number.parseInt(reference.slice(2), 16) : Number(reference.slice(1))
    return code <= 0x10ffff ? String.fromCodePoint(code) : ''
  })
}
