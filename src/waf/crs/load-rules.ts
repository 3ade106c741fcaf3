import {
  parseIdRanges,
  parseMode,
  parseSecAction,
  parseSecRule,
  readActions,
  type RuleSyntax,
} from './parse-rule.ts'
import { parseActions } from './parse-actions.ts'
import { parseTargets, type Target } from './parse-targets.ts'
import { type Directive, readDirectives } from './read-directives.ts'
import type { Decision, EngineMode, Link, Phase, Rule, RuleItem } from './rule.ts'
import type { RuleFiles } from './rule-files.ts'
import type { Place, SecLangProblem } from './seclang-problem.ts'

/** What rule files say, in the order in which they say it. */
export interface RuleSet {
  readonly items: readonly RuleItem[]
  readonly settings: RuleSettings
}

export interface RuleSettings {
  mode: EngineMode
  readsRequestBody: boolean
  readsResponseBody: boolean
  requestBodyBytes: number | undefined
  responseBodyBytes: number | undefined
  responseTypes: readonly string[]
  collectionSeconds: number
}

/** Where rules come from: files, or text of the caller's own that stands for one. */
export type RuleSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'text'; readonly name: string; readonly text: string }

/**
 * Reads rule files. Problems of all files are added to `problems`, with file and line; unknown directives are among
 * them, because a rule file that is half understood protects nobody.
 */
export function loadRules(
  sources: readonly RuleSource[],
  files: RuleFiles,
  problems: SecLangProblem[],
): RuleSet {
  const reader = new RuleReader(files, problems)
  for (const source of sources) {
    if (source.kind === 'text') reader.readText(source.text, source.name)
    else reader.readFile(source.path, { file: source.path, line: 0 })
  }
  return reader.finish()
}

/** Directives that only concern ModSecurity's process, its logs or its host: nothing follows from them here. */
const WITHOUT_EFFECT = new Set([
  'SecArgumentSeparator',
  'SecArgumentsLimit',
  'SecAuditEngine',
  'SecAuditLog',
  'SecAuditLogDirMode',
  'SecAuditLogFileMode',
  'SecAuditLogFormat',
  'SecAuditLogParts',
  'SecAuditLogRelevantStatus',
  'SecAuditLogStorageDir',
  'SecAuditLogType',
  'SecComponentSignature',
  'SecConnEngine',
  'SecCookieFormat',
  'SecDataDir',
  'SecDebugLog',
  'SecDebugLogLevel',
  'SecGeoLookupDb',
  'SecPcreMatchLimit',
  'SecPcreMatchLimitRecursion',
  'SecRequestBodyInMemoryLimit',
  'SecRequestBodyJsonDepthLimit',
  'SecRequestBodyLimitAction',
  'SecRequestBodyNoFilesLimit',
  'SecResponseBodyLimitAction',
  'SecRuleInheritance',
  'SecServerSignature',
  'SecStatusEngine',
  'SecTmpDir',
  'SecUnicodeMapFile',
  'SecUploadDir',
  'SecUploadFileLimit',
  'SecUploadFileMode',
  'SecUploadKeepFiles',
  'SecXmlExternalEntity',
])

const MAX_INCLUDE_DEPTH = 16

class RuleReader {
  readonly #files: RuleFiles
  readonly #problems: SecLangProblem[]
  #items: RuleItem[] = []
  readonly #ids = new Map<number, Place>()
  readonly #defaults = new Map<Phase, ReturnType<typeof readActions>>()
  readonly #settings: RuleSettings = {
    mode: 'on',
    readsRequestBody: true,
    readsResponseBody: true,
    requestBodyBytes: undefined,
    responseBodyBytes: undefined,
    responseTypes: ['text/plain', 'text/html', 'text/xml'],
    collectionSeconds: 3_600,
  }
  #chain: RuleSyntax[] = []
  #depth = 0

  constructor(files: RuleFiles, problems: SecLangProblem[]) {
    this.#files = files
    this.#problems = problems
  }

  readFile(path: string, from: Place): void {
    if (++this.#depth > MAX_INCLUDE_DEPTH)
      this.#problem(from, `includes are nested more than ${MAX_INCLUDE_DEPTH} deep`)
    else {
      const text = this.#files.read(path)
      if (text === undefined) this.#problem(from, `the file ${path} cannot be read`)
      else this.readText(text, path)
    }
    this.#depth--
  }

  readText(text: string, name: string): void {
    for (const directive of readDirectives(text, name, this.#problems)) {
      try {
        this.#read(directive)
      } catch (error) {
        // Parsers of the parts throw plain errors without a place; here the place is known.
        this.#problem(directive, error instanceof Error ? error.message : String(error))
        this.#chain = []
      }
    }
    this.#endChain(name)
  }

  finish(): RuleSet {
    this.#checkMarkers()
    return { items: this.#items, settings: this.#settings }
  }

  #problem({ file, line }: Place, message: string): void {
    this.#problems.push({ file, line, message })
  }

  #read(directive: Directive): void {
    const { name, args } = directive
    switch (name) {
      case 'SecRule':
        this.#add(parseSecRule(args, directive))
        return
      case 'SecAction':
        this.#add(parseSecAction(args, directive))
        return
      case 'SecMarker':
        this.#items.push({
          kind: 'marker',
          name: only(directive),
          file: directive.file,
          line: directive.line,
        })
        return
      case 'SecDefaultAction': {
        const facts = readActions(parseActions(only(directive)))
        if (facts.phase === undefined) throw new Error('SecDefaultAction needs a phase')
        this.#defaults.set(facts.phase, facts)
        return
      }
      case 'Include':
      case 'IncludeOptional':
        this.#include(directive, name === 'IncludeOptional')
        return
      case 'SecRuleRemoveById': {
        const ranges = parseIdRanges(args.join(' '))
        this.#items = this.#items.filter(
          (item) =>
            item.kind !== 'rule' || !ranges.some(([first, last]) => item.id >= first && item.id <= last),
        )
        return
      }
      case 'SecRuleRemoveByTag':
      case 'SecRuleRemoveByMsg': {
        const text = only(directive)
        const belongs = name === 'SecRuleRemoveByTag' ? hasTag : hasMessage
        this.#items = this.#items.filter((item) => item.kind !== 'rule' || !belongs(item, text))
        return
      }
      case 'SecRuleUpdateTargetById': {
        const ranges = parseIdRanges(args[0] ?? '')
        const belongs = (rule: Rule): boolean =>
          ranges.some(([first, last]) => rule.id >= first && rule.id <= last)
        this.#updateTargets(belongs, args)
        return
      }
      case 'SecRuleUpdateTargetByTag':
        this.#updateTargets((rule) => hasTag(rule, args[0] ?? ''), args)
        return
      case 'SecRuleUpdateTargetByMsg':
        this.#updateTargets((rule) => hasMessage(rule, args[0] ?? ''), args)
        return
      case 'SecRuleUpdateActionById':
        this.#updateActions(args)
        return
    }
    this.#readSetting(directive)
  }

  #readSetting(directive: Directive): void {
    const settings = this.#settings
    switch (directive.name) {
      case 'SecRuleEngine':
        settings.mode = parseMode(only(directive))
        return
      case 'SecRequestBodyAccess':
        settings.readsRequestBody = isOn(directive)
        return
      case 'SecResponseBodyAccess':
        settings.readsResponseBody = isOn(directive)
        return
      case 'SecRequestBodyLimit':
        settings.requestBodyBytes = count(directive)
        return
      case 'SecResponseBodyLimit':
        settings.responseBodyBytes = count(directive)
        return
      case 'SecResponseBodyMimeType':
        settings.responseTypes = directive.args.map((type) => type.toLowerCase())
        return
      case 'SecResponseBodyMimeTypesClear':
        settings.responseTypes = []
        return
      case 'SecCollectionTimeout':
        settings.collectionSeconds = count(directive)
        return
    }
    if (!WITHOUT_EFFECT.has(directive.name)) {
      throw new Error(`the directive ${directive.name} is not known; remove it or correct its name`)
    }
  }

  #include(directive: Directive, isOptional: boolean): void {
    const pattern = only(directive)
    const found = this.#files.find(pattern, directive.file)
    if (found.length === 0 && !isOptional) throw new Error(`Include finds no file ${pattern}`)
    for (const file of found) this.readFile(file, directive)
  }

  #add(syntax: RuleSyntax): void {
    this.#chain.push(syntax)
    if (syntax.facts.isChained) return
    const chain = this.#chain
    this.#chain = []
    const rule = this.#join(chain)
    const before = rule.id === 0 ? undefined : this.#ids.get(rule.id)
    if (before !== undefined) {
      this.#problem(rule, `the rule id ${rule.id} is taken already, by ${before.file}:${before.line}`)
    }
    this.#ids.set(rule.id, rule)
    this.#items.push(rule)
  }

  #endChain(file: string): void {
    const first = this.#chain[0]
    if (first === undefined) return
    this.#problem(first, `a chain begins here and ${file} ends before its last rule`)
    this.#chain = []
  }

  /** Chain and default actions put together: the first rule speaks for all of them. */
  #join(chain: readonly RuleSyntax[]): Rule {
    const head = chain[0]!
    const { facts } = head
    const phase = facts.phase ?? 2
    const defaults = this.#defaults.get(phase)
    const links = chain.map(({ link, facts: own }): Link => {
      const inherited = own.clearsTransforms ? [] : (defaults?.transforms ?? [])
      return inherited.length === 0 ? link : { ...link, transforms: [...inherited, ...link.transforms] }
    })
    const decision: Decision = facts.decision ?? { kind: 'block' }
    return {
      kind: 'rule',
      id: facts.id,
      phase,
      links,
      decision: decision.kind === 'block' ? (defaults?.decision ?? { kind: 'deny' }) : decision,
      status: facts.status ?? defaults?.status,
      skipAfter: facts.skipAfter,
      skip: facts.skip,
      message: facts.message,
      logdata: facts.logdata !== '' ? facts.logdata : (chain.at(-1)?.facts.logdata ?? ''),
      tags: facts.tags,
      severity: facts.severity,
      version: facts.version,
      isLogged: facts.isLogged ?? defaults?.isLogged ?? true,
      file: head.file,
      line: head.line,
    }
  }

  #updateTargets(belongs: (rule: Rule) => boolean, args: readonly string[]): void {
    if (args.length < 2) throw new Error('the directive needs a rule and the variables to add or leave out')
    const added = parseTargets(args[1]!)
    const replaced = args[2] === undefined ? undefined : parseTargets(args[2])
    this.#items = this.#items.map((item) => {
      if (item.kind !== 'rule' || !belongs(item)) return item
      const [head, ...rest] = item.links
      const kept =
        replaced === undefined
          ? head!.targets
          : head!.targets.filter((target) => !replaced.some((other) => isSameTarget(target, other)))
      return { ...item, links: [{ ...head!, targets: [...kept, ...added] }, ...rest] }
    })
  }

  #updateActions(args: readonly string[]): void {
    const id = Number.parseInt(args[0] ?? '', 10)
    const facts = readActions(parseActions(args[1] ?? ''))
    this.#items = this.#items.map((item) => {
      if (item.kind !== 'rule' || item.id !== id) return item
      return {
        ...item,
        decision: facts.decision ?? item.decision,
        status: facts.status ?? item.status,
        tags: [...item.tags, ...facts.tags],
        severity: facts.severity ?? item.severity,
        message: facts.message === '' ? item.message : facts.message,
        logdata: facts.logdata === '' ? item.logdata : facts.logdata,
        isLogged: facts.isLogged ?? item.isLogged,
        skipAfter: facts.skipAfter ?? item.skipAfter,
      }
    })
  }

  #checkMarkers(): void {
    const names = new Set(this.#items.map((item) => (item.kind === 'marker' ? item.name : String(item.id))))
    for (const item of this.#items) {
      if (item.kind !== 'rule' || item.skipAfter === undefined || names.has(item.skipAfter)) continue
      this.#problem(item, `skipAfter:${item.skipAfter} names no SecMarker and no rule id`)
    }
  }
}

export function hasTag(rule: Rule, tag: string): boolean {
  return rule.tags.some((each) => each === tag || each.includes(tag))
}

export function hasMessage(rule: Rule, message: string): boolean {
  return typeof rule.message === 'string' && rule.message.includes(message)
}

function isSameTarget(a: Target, b: Target): boolean {
  return (
    a.collection === b.collection &&
    a.key === b.key &&
    a.keyPattern?.source === b.keyPattern?.source &&
    a.isCount === b.isCount
  )
}

function only({ name, args }: Directive): string {
  if (args.length !== 1) throw new Error(`${name} takes one argument, not ${args.length}`)
  return args[0]!
}

function isOn(directive: Directive): boolean {
  const value = only(directive).toLowerCase()
  if (value !== 'on' && value !== 'off') throw new Error(`${directive.name} is On or Off, not ${value}`)
  return value === 'on'
}

function count(directive: Directive): number {
  const value = only(directive)
  if (!/^\d{1,12}$/.test(value)) throw new Error(`${directive.name} takes a whole number, not ${value}`)
  return Number(value)
}
