import { Buffer } from 'node:buffer'
import { type Findings, isRecord, type JsonPath } from './problems.ts'

/** How the text of `SearchString` is to be read: bytes in base64 (API, CLI), or as it stands (console, templates). */
export type SearchStringForm = 'base64' | 'text' | 'auto'

/** One of AWS' documents (web ACL, rule group, set) in the form of the API. */
export interface ApiForm {
  /** Members named as in the API; search strings are latin1 text. */
  readonly value: unknown
  /** Where it stood in what was given. */
  readonly path: JsonPath
  /** The other resources of a CloudFormation template, by logical name, with their type. */
  readonly resources: ReadonlyMap<string, { readonly type: string; readonly properties: unknown }>
}

export type DocumentKind = 'WebACL' | 'RuleGroup' | 'IPSet' | 'RegexPatternSet'

/** Statements whose `ARN` CloudFormation spells `Arn`. */
const REFERENCES = new Set([
  'IPSetReferenceStatement',
  'RegexPatternSetReferenceStatement',
  'RuleGroupReferenceStatement',
])
const MAX_DEPTH = 400

/**
 * Takes a document as the API gives it (bare, or wrapped as in the answer of GetWebACL), as the console's JSON editor
 * shows it, as a CloudFormation resource, or as a template with exactly one resource of the kind. A problem is noted
 * where it is none of them.
 */
export function toApiForm(
  input: unknown,
  kind: DocumentKind,
  findings: Findings,
  path: JsonPath = [],
  searchStrings: SearchStringForm = 'auto',
): ApiForm | undefined {
  if (!isRecord(input)) {
    findings.problem(path, `a ${kind} must be a JSON object`)
    return undefined
  }
  if (isRecord(input['Resources'])) return fromTemplate(input['Resources'], kind, findings, path)
  if (typeof input['Type'] === 'string' && 'Properties' in input) {
    if (input['Type'] !== `AWS::WAFv2::${kind}`) {
      findings.problem([...path, 'Type'], `expected AWS::WAFv2::${kind}, found ${input['Type']}`)
      return undefined
    }
    return { value: rename(input['Properties'], 'text'), path: [...path, 'Properties'], resources: new Map() }
  }
  const inner = input[kind]
  if (isRecord(inner))
    return { value: rename(inner, readAs(inner, searchStrings)), path: [...path, kind], resources: new Map() }
  return { value: rename(input, readAs(input, searchStrings)), path, resources: new Map() }
}

function fromTemplate(
  resources: Readonly<Record<string, unknown>>,
  kind: DocumentKind,
  findings: Findings,
  path: JsonPath,
): ApiForm | undefined {
  const all = new Map<string, { type: string; properties: unknown }>()
  for (const [name, resource] of Object.entries(resources)) {
    if (!isRecord(resource) || typeof resource['Type'] !== 'string') continue
    all.set(name, { type: resource['Type'], properties: rename(resource['Properties'], 'text') })
  }
  const wanted = [...all].filter(([, each]) => each.type === `AWS::WAFv2::${kind}`)
  const [first] = wanted
  if (first === undefined || wanted.length > 1) {
    findings.problem(
      [...path, 'Resources'],
      `expected exactly one AWS::WAFv2::${kind}, found ${wanted.length}`,
    )
    return undefined
  }
  return { value: first[1].properties, path: [...path, 'Resources', first[0], 'Properties'], resources: all }
}

/**
 * API documents carry search strings in base64 and the console's do not, and nothing else tells them apart: they are
 * taken for base64 where every one of them decodes to printable text and encodes back to what it was.
 */
function readAs(document: unknown, form: SearchStringForm): 'base64' | 'text' {
  if (form !== 'auto') return form
  const strings: string[] = []
  collect(document, strings, 0)
  return strings.length > 0 && strings.every(isPrintableBase64) ? 'base64' : 'text'
}

function collect(value: unknown, into: string[], depth: number): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'SearchString' && typeof inner === 'string') into.push(inner)
    else collect(inner, into, depth + 1)
  }
}

function isPrintableBase64(text: string): boolean {
  if (text.length === 0 || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return false
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) return false
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d))
}

function rename(value: unknown, searchStrings: 'base64' | 'text', parent = '', depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  if (Array.isArray(value))
    return value.map((item: unknown) => rename(item, searchStrings, parent, depth + 1))
  const renamed: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'Arn' && REFERENCES.has(parent)) renamed['ARN'] = inner
    else if (key === 'SearchStringBase64' && typeof inner === 'string') {
      renamed['SearchString'] = Buffer.from(inner, 'base64').toString('latin1')
    } else if (key === 'SearchString' && typeof inner === 'string') {
      renamed['SearchString'] = Buffer.from(inner, searchStrings === 'base64' ? 'base64' : 'utf8').toString(
        'latin1',
      )
    } else renamed[key] = rename(inner, searchStrings, key, depth + 1)
  }
  return renamed
}
