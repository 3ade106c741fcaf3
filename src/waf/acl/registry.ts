import { type Findings, isRecord, type JsonPath } from './problems.ts'

/** What a web ACL may refer to, by name. Contents are documents of AWS or of the configuration, still unread. */
export interface AclRegistry {
  /** Undefined content stands for a set that only the state seam holds: its addresses come from there. */
  readonly ipSets: ReadonlyMap<string, unknown>
  readonly regexPatternSets: ReadonlyMap<string, unknown>
  readonly ruleGroups: ReadonlyMap<string, unknown>
  /** What of them is known not to be valid and was told where it stands, as `ipset/NAME`: references to it say nothing. */
  readonly broken?: ReadonlySet<string>
  /** Reads a JSON file that is named where an ARN could stand; throws with a reason when it cannot. */
  readonly load: ((file: string) => unknown) | undefined
}

export const EMPTY_REGISTRY: AclRegistry = {
  ipSets: new Map(),
  regexPatternSets: new Map(),
  ruleGroups: new Map(),
  load: undefined,
}

export type ReferenceKind = 'ipset' | 'regexpatternset' | 'rulegroup'

/** A reference that was found: the name it goes by and the document behind it. */
export interface Resolved {
  readonly name: string
  /** As it was written, where that was an ARN. */
  readonly arn: string | undefined
  readonly document: unknown
}

const WORDS: Readonly<
  Record<ReferenceKind, { readonly what: string; readonly registry: string; readonly type: string }>
> = {
  ipset: { what: 'IP set', registry: 'ipSets', type: 'AWS::WAFv2::IPSet' },
  regexpatternset: {
    what: 'regex pattern set',
    registry: 'regexPatternSets',
    type: 'AWS::WAFv2::RegexPatternSet',
  },
  rulegroup: { what: 'rule group', registry: 'ruleGroups', type: 'AWS::WAFv2::RuleGroup' },
}

const ARN = /^arn:[\w-]+:wafv2:[\w-]*:\w*:(?:global|regional)\/([a-z]+)\/([\w-]+)\/[\w-]+$/

/** Finds what `ARN` of a reference statement means: an ARN, a name, a file, or a resource of the same template. */
export function resolveReference(
  kind: ReferenceKind,
  reference: unknown,
  registry: AclRegistry,
  resources: ReadonlyMap<string, { readonly type: string; readonly properties: unknown }>,
  path: JsonPath,
  findings: Findings,
): Resolved | undefined {
  const words = WORDS[kind]
  const logical = logicalName(reference)
  if (logical !== undefined) {
    const resource = resources.get(logical)
    if (resource?.type === words.type)
      return { name: nameIn(resource.properties) ?? logical, arn: undefined, document: resource.properties }
    findings.problem(path, `the template has no ${words.type} named ${logical}`)
    return undefined
  }
  if (typeof reference !== 'string' || reference === '') {
    findings.problem(path, `expected the ARN, the name or the file of a ${words.what}`)
    return undefined
  }
  const documents = documentsOf(registry, kind)
  const arn = ARN.exec(reference)
  if (arn !== null && arn[1] !== kind) {
    findings.problem(path, `this is the ARN of a ${arn[1]}; that of a ${kind} is expected`)
    return undefined
  }
  const name = arn?.[2] ?? reference
  if (registry.broken?.has(`${kind}/${name}`) === true) return undefined
  if (documents.has(name))
    return { name, arn: arn === null ? undefined : reference, document: documents.get(name) }
  if (arn === null && registry.load !== undefined && /\.json$/i.test(reference)) {
    try {
      const document = registry.load(reference)
      const base = reference.replace(/^.*\//, '').replace(/\.json$/i, '')
      return { name: nameIn(document) ?? base, arn: undefined, document }
    } catch (error) {
      findings.problem(
        path,
        `${reference} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      )
      return undefined
    }
  }
  findings.problem(path, `there is no ${words.what} named ${name}; add it to ${words.registry}`)
  return undefined
}

/** The logical name in `{ Ref }` or `{ Fn::GetAtt }`. */
function logicalName(reference: unknown): string | undefined {
  if (!isRecord(reference)) return undefined
  const attribute = reference['Fn::GetAtt']
  if (typeof attribute === 'string') return attribute.split('.')[0]
  if (Array.isArray(attribute) && typeof attribute[0] === 'string') return attribute[0]
  return typeof reference['Ref'] === 'string' ? reference['Ref'] : undefined
}

function nameIn(document: unknown): string | undefined {
  return isRecord(document) && typeof document['Name'] === 'string' ? document['Name'] : undefined
}

function documentsOf(registry: AclRegistry, kind: ReferenceKind): ReadonlyMap<string, unknown> {
  if (kind === 'ipset') return registry.ipSets
  return kind === 'rulegroup' ? registry.ruleGroups : registry.regexPatternSets
}
