import { readFile } from 'node:fs/promises'
import { basename, extname, relative, resolve } from 'node:path'
import { type AclProblem, Findings as AclFindings, formatPath as formatAclPath } from '../waf/acl/problems.ts'
import { readIpSet, readRegexSet } from '../waf/acl/read-sets.ts'
import type { AclRegistry, ReferenceKind } from '../waf/acl/registry.ts'
import { readRuleGroupAlone, readWebAcl, type WebAclOptions } from '../waf/config.ts'
import type { ExternalGroup } from '../waf/external-group.ts'
import { managedGroups } from '../waf/managed/managed-groups.ts'
import type { PlannedWafLog, PlannedWebAcl } from '../waf/plan.ts'
import { wafSettingsSchema, type WafSettings } from '../waf/settings-schema.ts'
import { CrsGroups } from './crs-groups.ts'
import { ConfigLoadError } from './config-load-error.ts'
import { suggest } from './nearest.ts'
import { parseJson } from './parse-text.ts'
import type { Findings, Segments } from '../base/problem.ts'
import type { DistributionConfig, EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

type View = Salvaged<EdgeConfig>
type DistributionView = Salvaged<DistributionConfig>

/** The web ACLs of a configuration, read and compiled as far as a plan needs them. */
export interface CheckedWebAcls {
  /** By the name of the distribution. */
  readonly webAcls: ReadonlyMap<string, PlannedWebAcl>
  /** Absolute names of the files that were read. */
  readonly files: readonly string[]
}

/** A document and where problems of it are told. */
interface Document {
  readonly value: unknown
  readonly segments: Segments
  /** The name of its file, relative to the configuration; undefined where it stands inline. */
  readonly file: string | undefined
  readonly name: string | undefined
}

/** Reads every web ACL with all it refers to and tells of everything that is wrong, with the paths of the documents. */
export async function checkWebAcls(
  view: View,
  baseFolder: string,
  findings: Findings,
): Promise<CheckedWebAcls> {
  const files = new DocumentFiles(baseFolder)
  const registry = await readRegistry(view, files, findings)
  const groups = new CrsGroups(baseFolder)
  const webAcls = new Map<string, PlannedWebAcl>()
  for (const [name, distribution] of Object.entries(view.distributions ?? {})) {
    if (distribution?.webAcl === undefined) {
      if (distribution?.waf !== undefined) {
        findings.warning(['distributions', name, 'waf'], 'does nothing without webAcl')
      }
      continue
    }
    const document = await findDocument(view, name, distribution.webAcl, files, findings)
    if (document === undefined) continue
    const load = await files.loaderFor(document.value)
    const external = groups.for(document.value, name, distribution, findings)
    const planned = readDocument(
      document,
      { ...registry, load },
      distribution,
      external,
      baseFolder,
      findings,
    )
    if (planned !== undefined) webAcls.set(name, planned)
  }
  return { webAcls, files: [...files.names, ...groups.files] }
}

function readDocument(
  document: Document,
  registry: AclRegistry,
  distribution: DistributionView,
  external: ReadonlyMap<string, ExternalGroup>,
  baseFolder: string,
  findings: Findings,
): PlannedWebAcl | undefined {
  const settings = wafSettingsSchema.safeParse(distribution.waf ?? {}).data
  const options: WebAclOptions = {
    registry,
    external,
    managed: managedGroups(registry),
    ...(document.name === undefined ? {} : { defaultName: document.name }),
    ...(settings === undefined ? {} : optionsOf(settings, baseFolder)),
  }
  const { acl, problems, notes } = readWebAcl(document.value, options)
  tell(document, problems, notes, findings)
  return acl
}

function tell(
  { file, segments }: Document,
  problems: readonly AclProblem[],
  notes: readonly AclProblem[],
  findings: Findings,
): void {
  for (const [list, level] of [
    [problems, 'error'],
    [notes, 'warning'],
  ] as const) {
    for (const { path, message } of list) {
      if (file === undefined) findings[level]([...segments, ...path], message)
      else if (path.length === 0) findings[level](segments, `${file}: ${message}`)
      else findings[level](segments, `${file}: ${formatAclPath(path)}: ${message}`)
    }
  }
}

const FILES_HINT = 'files are relative to the folder of the configuration'

function optionsOf(settings: WafSettings, baseFolder: string): Partial<WebAclOptions> {
  const { bodyLimitBytes, ipv6Networks, accountId, searchStrings, log } = settings
  return {
    ipv6Networks,
    accountId,
    searchStrings,
    ...(bodyLimitBytes === undefined ? {} : { bodyLimitBytes }),
    ...(log === undefined ? {} : { log: planLog(log, baseFolder) }),
  }
}

function planLog(log: NonNullable<WafSettings['log']>, baseFolder: string): PlannedWafLog {
  const { redactedFields, filter } = log
  const headers = redactedFields.flatMap((field) =>
    'SingleHeader' in field ? [field.SingleHeader.Name.toLowerCase()] : [],
  )
  return {
    folder: resolve(baseFolder, log.folder),
    gzip: log.gzip,
    redaction: {
      method: redactedFields.some((field) => 'Method' in field),
      uriPath: redactedFields.some((field) => 'UriPath' in field),
      queryString: redactedFields.some((field) => 'QueryString' in field),
      headers: new Set(headers),
    },
    filter: {
      keepsByDefault: filter?.DefaultBehavior !== 'DROP',
      filters: (filter?.Filters ?? []).map(({ Behavior, Requirement, Conditions }) => ({
        keeps: Behavior === 'KEEP',
        needsAll: Requirement === 'MEETS_ALL',
        conditions: Conditions.map((each) =>
          'ActionCondition' in each
            ? { action: each.ActionCondition.Action }
            : { label: each.LabelNameCondition.LabelName },
        ),
      })),
    },
  }
}

/** The document that `webAcl` of a distribution means. */
async function findDocument(
  view: View,
  distribution: string,
  reference: unknown,
  files: DocumentFiles,
  findings: Findings,
): Promise<Document | undefined> {
  const segments: Segments = ['distributions', distribution, 'webAcl']
  if (typeof reference !== 'string') {
    return { value: reference, segments, file: undefined, name: `${distribution}-web-acl` }
  }
  const registered = view.webAcls ?? {}
  if (Object.hasOwn(registered, reference)) {
    const at: Segments = ['webAcls', reference]
    const found = registered[reference]
    if (typeof found !== 'string') return { value: found, segments: at, file: undefined, name: reference }
    return readFileDocument(found, at, reference, files, findings)
  }
  if (!looksLikeFile(reference)) {
    findings.error(segments, `there is no web ACL named ${JSON.stringify(reference)} in webAcls`, {
      expected: 'a JSON file such as ./waf/web-acl.json, the name of one in webAcls, or the document itself',
      hint: suggest(reference, Object.keys(registered), 'web ACLs'),
    })
    return undefined
  }
  return readFileDocument(reference, segments, undefined, files, findings)
}

async function readFileDocument(
  reference: string,
  segments: Segments,
  name: string | undefined,
  files: DocumentFiles,
  findings: Findings,
): Promise<Document | undefined> {
  const read = await files.read(reference)
  if (read.kind === 'bad') {
    findings.error(segments, read.why, { hint: FILES_HINT })
    return undefined
  }
  const base = basename(reference, extname(reference))
  return { value: read.value, segments, file: read.name, name: name ?? base.replaceAll(/[^\w-]/g, '-') }
}

function looksLikeFile(text: string): boolean {
  return text.includes('/') || text.includes('\\') || /\.(?:json|txt)$/i.test(text)
}

type RegistryKey = 'ipSets' | 'regexPatternSets' | 'ruleGroups'

/** Reads the registries and checks what is in them, whether a web ACL refers to it or not. */
async function readRegistry(view: View, files: DocumentFiles, findings: Findings): Promise<AclRegistry> {
  const broken = new Set<string>()
  const fileOf = new Map<unknown, string>()
  const read = async (key: RegistryKey, kind: ReferenceKind): Promise<Map<string, unknown>> => {
    const documents = new Map<string, unknown>()
    for (const [name, given] of Object.entries(view[key] ?? {})) {
      const found = typeof given === 'string' ? await files.read(given) : undefined
      if (found?.kind === 'bad') {
        findings.error([key, name], found.why, { hint: FILES_HINT })
        broken.add(`${kind}/${name}`)
      }
      if (found?.kind === 'good') fileOf.set(found.value, found.name)
      documents.set(name, found === undefined ? given : found.kind === 'good' ? found.value : undefined)
    }
    return documents
  }
  const registry: AclRegistry = {
    ipSets: await read('ipSets', 'ipset'),
    regexPatternSets: await read('regexPatternSets', 'regexpatternset'),
    ruleGroups: await read('ruleGroups', 'rulegroup'),
    load: undefined,
    broken,
  }

  const check = (
    key: RegistryKey,
    kind: ReferenceKind,
    readOne: (name: string, document: unknown) => AclFindings,
  ): void => {
    for (const [name, document] of registry[key]) {
      const id = `${kind}/${name}`
      if (broken.has(id)) continue
      const { problems, notes } = readOne(name, document)
      tell(
        { value: document, segments: [key, name], file: fileOf.get(document), name },
        problems,
        notes,
        findings,
      )
      if (problems.length > 0) broken.add(id)
    }
  }
  check('ipSets', 'ipset', (name, document) => {
    const own = new AclFindings()
    readIpSet(name, document, [], own)
    return own
  })
  check('regexPatternSets', 'regexpatternset', (name, document) => {
    const own = new AclFindings()
    readRegexSet(name, document, [], own)
    return own
  })
  check('ruleGroups', 'rulegroup', (name, document) =>
    readRuleGroupAlone(name, document, { registry, managed: managedGroups(registry) }),
  )
  return registry
}

type FileReading =
  | { readonly kind: 'good'; readonly value: unknown; readonly name: string }
  | { readonly kind: 'bad'; readonly why: string }

/** Files of documents, each read once. */
class DocumentFiles {
  readonly #baseFolder: string
  readonly #readings = new Map<string, FileReading>()

  constructor(baseFolder: string) {
    this.#baseFolder = baseFolder
  }

  get names(): readonly string[] {
    return [...this.#readings.keys()]
  }

  /** JSON, or for `.txt` the lines that are neither empty nor comments. */
  async read(reference: string): Promise<FileReading> {
    const file = resolve(this.#baseFolder, reference)
    let reading = this.#readings.get(file)
    if (reading === undefined)
      this.#readings.set(file, (reading = await readDocumentFile(file, this.#baseFolder)))
    return reading
  }

  /** Reads every JSON file that stands in a document where an ARN could, because rules are read without waiting. */
  async loaderFor(document: unknown): Promise<(reference: string) => unknown> {
    for (const reference of filesIn(document)) await this.read(reference)
    return (reference) => {
      const reading = this.#readings.get(resolve(this.#baseFolder, reference))
      if (reading?.kind === 'good') return reading.value
      throw new Error(reading?.why ?? `${reference} was not found in time`)
    }
  }
}

const MAX_DEPTH = 200

function filesIn(value: unknown, depth = 0): string[] {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return []
  return Object.entries(value).flatMap(([key, each]) =>
    (key === 'ARN' || key === 'Arn') && typeof each === 'string' && /\.json$/i.test(each)
      ? [each]
      : filesIn(each, depth + 1),
  )
}

async function readDocumentFile(file: string, baseFolder: string): Promise<FileReading> {
  const name = relative(baseFolder, file)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    return { kind: 'bad', why: `the file ${file} cannot be read: ${reasonOf(error)}` }
  }
  if (extname(file).toLowerCase() === '.txt') {
    const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim())
    return { kind: 'good', value: lines.filter((line) => line !== ''), name }
  }
  try {
    return { kind: 'good', value: parseJson(text, name), name }
  } catch (error) {
    if (!(error instanceof ConfigLoadError)) throw error
    return { kind: 'bad', why: error.message }
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'it does not exist'
  if (code === 'EACCES') return 'permission is denied'
  if (code === 'EISDIR') return 'it is a folder'
  return error instanceof Error ? error.message : String(error)
}
