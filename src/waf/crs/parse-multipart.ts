import type { Entry } from './entry.ts'

/** What was odd about a multipart body; rules may ask for each. */
export interface MultipartFlags {
  readonly isBoundaryQuoted: boolean
  readonly isBoundarySpaced: boolean
  readonly hasDataBefore: boolean
  readonly hasDataAfter: boolean
  readonly hasHeaderFolding: boolean
  readonly hasLfLine: boolean
  readonly isSemicolonMissing: boolean
  readonly hasInvalidQuoting: boolean
  readonly isUnmatched: boolean
  readonly hasInvalidPart: boolean
}

export interface MultipartFacts {
  readonly args: readonly Entry[]
  /** Name of the field, and the file name as value. */
  readonly files: readonly Entry[]
  readonly fileContents: readonly Entry[]
  /** Name of the part, and each of its header lines. */
  readonly partHeaders: readonly Entry[]
  readonly error: string
  readonly multipart: MultipartFlags
}

const MAX_PARTS = 1_000

/** Reads a multipart/form-data body (RFC 7578), forgiving, and notes what was not as it should be. */
export function parseMultipart(body: string, contentType: string): MultipartFacts {
  const args: Entry[] = []
  const files: Entry[] = []
  const fileContents: Entry[] = []
  const partHeaders: Entry[] = []
  const flags = {
    isBoundaryQuoted: false,
    isBoundarySpaced: false,
    hasDataBefore: false,
    hasDataAfter: false,
    hasHeaderFolding: false,
    hasLfLine: false,
    isSemicolonMissing: false,
    hasInvalidQuoting: false,
    isUnmatched: false,
    hasInvalidPart: false,
  }
  const facts = (error: string): MultipartFacts => ({
    args,
    files,
    fileContents,
    partHeaders,
    error,
    multipart: flags,
  })

  const found = /boundary\s*=\s*(?:"([^"]*)"|([^\s;,]*))/i.exec(contentType)
  const boundary = found?.[1] ?? found?.[2] ?? ''
  if (boundary === '') return facts('multipart: the content type has no boundary')
  flags.isBoundaryQuoted = found?.[1] !== undefined
  flags.isBoundarySpaced = /boundary\s|=\s/i.test(found?.[0] ?? '')
  flags.isSemicolonMissing = !/;\s*boundary/i.test(contentType)

  const mark = `--${boundary}`
  let at = body.startsWith(mark) ? 0 : lineWith(body, mark, 0)
  if (at === -1) return facts('multipart: the boundary is not in the body')
  flags.hasDataBefore = at > 0
  for (let count = 0; ; count++) {
    at += mark.length
    if (body.startsWith('--', at)) {
      flags.hasDataAfter = body.slice(at + 2).trim() !== ''
      return facts('')
    }
    if (count >= MAX_PARTS) return facts(`multipart: more than ${MAX_PARTS} parts`)
    const lineEnd = body.indexOf('\n', at)
    if (lineEnd === -1) break
    if (body[lineEnd - 1] !== '\r') flags.hasLfLine = true
    const next = lineWith(body, mark, lineEnd)
    const part = body.slice(lineEnd + 1, next === -1 ? undefined : trimmedEnd(body, next))
    readPart(part)
    if (next === -1) break
    at = next
  }
  flags.isUnmatched = true
  return facts('multipart: the last boundary is missing')

  function readPart(part: string): void {
    const { lines, content } = splitPart(part, flags)
    let disposition = ''
    for (const line of lines) if (/^content-disposition\s*:/i.test(line)) disposition = line
    const name = parameter(disposition, NAME)
    const file = parameter(disposition, FILE_NAME)
    if (name === undefined) flags.hasInvalidPart = true
    if (/=\s*'/.test(disposition)) flags.hasInvalidQuoting = true
    const field = name ?? ''
    const key = field.toLowerCase()
    for (const line of lines) partHeaders.push({ key, name: field, value: line })
    if (file === undefined) args.push({ key, name: field, value: content })
    else {
      files.push({ key, name: field, value: file })
      fileContents.push({ key, name: field, value: content })
    }
  }
}

/** The beginning of the next line that starts with the mark. */
function lineWith(body: string, mark: string, from: number): number {
  const at = body.indexOf(`\n${mark}`, from)
  return at === -1 ? -1 : at + 1
}

/** A part ends before the line break that belongs to the boundary. */
function trimmedEnd(body: string, next: number): number {
  return body[next - 2] === '\r' ? next - 2 : next - 1
}

function splitPart(
  part: string,
  flags: { hasHeaderFolding: boolean; hasLfLine: boolean },
): { readonly lines: readonly string[]; readonly content: string } {
  const lines: string[] = []
  let at = 0
  while (at < part.length) {
    const end = part.indexOf('\n', at)
    const raw = part.slice(at, end === -1 ? undefined : end)
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (end !== -1 && !raw.endsWith('\r')) flags.hasLfLine = true
    at = end === -1 ? part.length : end + 1
    if (line === '') return { lines, content: part.slice(at) }
    if (/^[ \t]/.test(line) && lines.length > 0) {
      flags.hasHeaderFolding = true
      lines[lines.length - 1] += line
    } else lines.push(line)
  }
  return { lines, content: '' }
}

interface Parameter {
  readonly plain: RegExp
  readonly extended: RegExp
}

const NAME = parameterNamed('name')
const FILE_NAME = parameterNamed('filename')

function parameterNamed(name: string): Parameter {
  return {
    plain: new RegExp(`[;\\s]${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|'([^']*)'|([^;\\s]*))`, 'i'),
    extended: new RegExp(`[;\\s]${name}\\*\\s*=\\s*([^;\\s]*)`, 'i'),
  }
}

/** A parameter of Content-Disposition; the extended form of RFC 5987 counts as well. */
function parameter(disposition: string, { plain, extended }: Parameter): string | undefined {
  const found = plain.exec(disposition)
  if (found !== null) return found[1]?.replaceAll(/\\(.)/g, '$1') ?? found[2] ?? found[3]
  return extended.exec(disposition)?.[1]
}
