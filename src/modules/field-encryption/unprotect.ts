import { createScanner, type Format } from './formats/format.ts'
import { type FoundField, type Syntax, styleOf } from './formats/found-field.ts'
import { jsonSyntax } from './formats/json.ts'
import { formSyntax } from './formats/urlencoded.ts'
import { attributeSyntax, textSyntax } from './formats/xml.ts'
import { PathMatcher } from './path-pattern.ts'
import { type Replacement, splice } from './protect.ts'
import { type OpenBlock, type Sealed, type SealFinder, unseal } from './wire.ts'

/** Who opens, and what. */
export interface Opener {
  readonly finder: SealFinder
  /** Bytes of one block of a key; undefined for a key that this caller may not use or nobody knows. */
  readonly blockBytes: (keyId: string) => number | undefined
  readonly open: OpenBlock
  /** Encrypted values that are opened at most; the rest stays as it is. */
  readonly maxFields: number
}

export interface Opened {
  readonly pieces: Buffer[]
  readonly opened: number
  /** Values that were left as they are: no right, no key, not made for the key, or too many. */
  readonly left: number
}

const NOTHING = new PathMatcher([])
const SYNTAXES: readonly (Syntax | undefined)[] = [
  jsonSyntax,
  formSyntax,
  undefined,
  textSyntax,
  attributeSyntax,
]

interface Found {
  readonly field: FoundField
  readonly sealed: readonly Sealed[]
}

/**
 * Opens the encrypted values of a whole document and writes each as its format does, so that what was encrypted here comes
 * back to the byte. Values that cannot be opened stay. Throws a MalformedError.
 */
export async function openDocument(
  bytes: Buffer,
  format: Format,
  boundary: string | undefined,
  opener: Opener,
): Promise<Opened> {
  const found: Found[] = []
  createScanner(format, { matcher: NOTHING, everyText: true, boundary }).scan(bytes, true, (field) => {
    if (field.type !== 's') return
    const sealed = opener.finder.find(field.text)
    if (sealed.length > 0) found.push({ field, sealed })
  })
  const values = await openAll(
    found.flatMap(({ sealed }) => sealed),
    opener,
  )
  const replacements: Replacement[] = []
  for (const { field, sealed } of found) {
    const written = write(field, sealed, values, bytes)
    if (written !== undefined) replacements.push({ start: field.start, end: field.end, bytes: written })
  }
  return { pieces: splice(bytes, replacements), opened: values.size, left: countOf(found) - values.size }
}

/** Opens the encrypted values of a text without fields. */
export async function openText(text: string, opener: Opener): Promise<Opened> {
  const sealed = opener.finder.find(text)
  const values = await openAll(sealed, opener)
  let out = ''
  let at = 0
  for (const each of sealed) {
    const value = values.get(each)
    if (value === undefined) continue
    out += text.slice(at, each.start) + (textOf(each, value) ?? '')
    at = each.end
  }
  return {
    pieces: [Buffer.from(out + text.slice(at))],
    opened: values.size,
    left: sealed.length - values.size,
  }
}

function countOf(found: readonly Found[]): number {
  return found.reduce((sum, { sealed }) => sum + sealed.length, 0)
}

async function openAll(all: readonly Sealed[], opener: Opener): Promise<ReadonlyMap<Sealed, Buffer>> {
  const values = new Map<Sealed, Buffer>()
  const blockOf = (keyId: string): number => opener.blockBytes(keyId) ?? 0
  await Promise.all(
    all.slice(0, opener.maxFields).map(async (sealed) => {
      if (opener.blockBytes(sealed.keyId) === undefined) return
      try {
        values.set(sealed, await unseal(sealed, blockOf, opener.open))
      } catch {
        // One value that was not made for its key does not keep the others closed; it stays as it is and is counted.
      }
    }),
  )
  return values
}

/** The literal of a field with its values opened; undefined when none was. */
function write(
  field: FoundField,
  sealed: readonly Sealed[],
  values: ReadonlyMap<Sealed, Buffer>,
  window: Buffer,
): Buffer | undefined {
  const [first] = sealed
  const value = values.get(first!)
  if (first!.start === 0 && first!.end === field.text.length) {
    if (value === undefined) return undefined
    const { type, style } = first!.mark
    if (type === 'l' && style === field.syntax.id) return value
    if (field.syntax === jsonSyntax && (type === 'n' || type === 'b' || type === 'z' || type === 'j'))
      return value
    const text = textOf(first!, value)
    return text === undefined ? undefined : Buffer.from(writerOf(field.syntax, style)(text))
  }
  if (!sealed.some((each) => values.has(each))) return undefined
  let text = ''
  let at = 0
  let style = styleOf(field, window.subarray(field.start, field.end))
  for (const each of sealed) {
    const opened = values.get(each)
    const part = opened === undefined ? undefined : textOf(each, opened)
    if (part === undefined) continue
    if (each.mark.style > 0) style = each.mark.style
    text += field.text.slice(at, each.start) + part
    at = each.end
  }
  return Buffer.from(writerOf(field.syntax, style)(text + field.text.slice(at)))
}

function writerOf(syntax: Syntax, style: number): (text: string) => string {
  return syntax.writers[style] ?? syntax.writers[0]!
}

/** The value as text, whatever format it came from. */
function textOf({ mark }: Sealed, value: Buffer): string | undefined {
  if (mark.type !== 'l') return value.toString()
  return SYNTAXES[mark.style]?.read(value.toString()) ?? value.toString()
}
