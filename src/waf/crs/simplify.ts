import type { CollectionName } from './collections.ts'
import { type Macro, type MacroReference, resolveMacro } from './macro.ts'
import { compileOperator, LIVE_OPERATORS, toInteger } from './operators.ts'
import type { Target } from './parse-targets.ts'
import type { Effect, Link, Phase, Rule, RuleItem } from './rule.ts'
import type { RuleFiles } from './rule-files.ts'

/** What is left to run of one phase, in order. */
export interface SimplePhase {
  readonly phase: Phase
  readonly items: readonly RuleItem[]
}

export interface SimpleRules {
  readonly phases: readonly SimplePhase[]
  /** Variables of TX that every request begins with. */
  readonly base: ReadonlyMap<string, string>
}

const PHASES: readonly Phase[] = [1, 2, 3, 4, 5]

/**
 * Runs at load what is the same for every request. The Core Rule Set is configured by variables that its own rules set
 * and ask: paranoia gates, defaults, switched-off parts. Rules whose answer is known are carried out here or dropped,
 * constants are put in the place of macros, and what nobody reads is not written.
 */
export function simplifyRules(items: readonly RuleItem[], files: RuleFiles): SimpleRules {
  const known = new KnownState(files)
  const phases = PHASES.map((phase) => ({ phase, items: simplifyPhase(items, phase, known) }))
  return { phases: dropUnread(phases), base: known.base }
}

/** What is known of TX at a point of the order in which rules run. */
class KnownState {
  readonly base = new Map<string, string>()
  readonly files: RuleFiles
  /** Written or read by rules that stay: such a variable can no longer be settled here. */
  readonly #open = new Set<string>()
  readonly #openPrefixes: string[] = []
  #isAllOpen = false
  /** A rule that stays reads variables by pattern. */
  #isAllRead = false

  constructor(files: RuleFiles) {
    this.files = files
  }

  /** The value, null where it is certainly not set, undefined where it depends on the request. */
  valueOf(key: string): string | null | undefined {
    return this.isWritten(key) ? undefined : (this.base.get(key) ?? null)
  }

  readonly #written = new Set<string>()

  isWritten(key: string): boolean {
    // Captures are written by any rule.
    if (this.#isAllOpen || /^\d$/.test(key)) return true
    return this.#written.has(key) || this.#openPrefixes.some((prefix) => key.startsWith(prefix))
  }

  canSettle(key: string): boolean {
    return !this.#isAllRead && !this.isWritten(key) && !this.#open.has(key)
  }

  noteRead(key: string | undefined): void {
    if (key === undefined) this.#isAllRead = true
    else this.#open.add(key)
  }

  noteWrite(key: Macro): void {
    if (typeof key === 'string') this.#written.add(key)
    else if (typeof key[0] === 'string') this.#openPrefixes.push(key[0])
    else this.#isAllOpen = true
  }

  resolve(macro: Macro): Macro {
    return resolveMacro(macro, ({ collection, key }) =>
      collection === 'TX' && key !== undefined ? (this.valueOf(key) ?? undefined) : undefined,
    )
  }
}

function simplifyPhase(items: readonly RuleItem[], phase: Phase, known: KnownState): RuleItem[] {
  const kept: RuleItem[] = []
  /** Markers that a rule which stays may jump to: until then nothing runs for certain. */
  const pending = new Set<string>()
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!
    const label = item.kind === 'marker' ? item.name : String(item.id)
    pending.delete(label)
    if (item.kind === 'marker') {
      kept.push(item)
      continue
    }
    if (item.phase !== phase) continue
    const rule = resolveRule(item, known)
    if (rule === undefined) continue
    const isCertain = pending.size === 0 && rule.links.every((link) => truthOf(link, known) === true)
    if (isCertain && isSettled(rule, known)) {
      for (const link of rule.links) for (const effect of link.effects) settle(effect, known)
      if (rule.skipAfter === undefined) continue
      const end = indexAfter(items, i, rule.skipAfter)
      // A rule before may jump into the part that would be skipped: then it has to stay.
      const isEntered = items.slice(i, end).some((each) => each.kind === 'marker' && pending.has(each.name))
      if (!isEntered) {
        for (const each of items.slice(i + 1, end)) if (each.kind === 'marker') kept.push(each)
        i = end - 1
        continue
      }
    }
    keep(rule, known)
    if (rule.skipAfter !== undefined) pending.add(rule.skipAfter)
    if (rule.skip > 0) pending.add(`skip of ${rule.id}`)
    kept.push(rule)
  }
  return kept
}

function indexAfter(items: readonly RuleItem[], from: number, name: string): number {
  for (let i = from + 1; i < items.length; i++) {
    const item = items[i]!
    if (item.kind === 'marker' ? item.name === name : String(item.id) === name) return i
  }
  return items.length
}

/** The rule with constants put in; undefined where it can never do anything. */
function resolveRule(rule: Rule, known: KnownState): Rule | undefined {
  const links: Link[] = []
  let canHaveEffect = false
  for (const original of rule.links) {
    const link = resolveLink(original, known)
    if (truthOf(link, known) === false) {
      // What a link does counts even when a later one fails.
      if (!canHaveEffect) return undefined
      links.push(link)
      return { ...rule, links }
    }
    canHaveEffect ||= link.effects.length > 0
    links.push(link)
  }
  return { ...rule, links }
}

function resolveLink(link: Link, known: KnownState): Link {
  const { operator } = link
  return {
    ...link,
    operator:
      operator === undefined ? undefined : { ...operator, argument: known.resolve(operator.argument) },
    effects: link.effects.map((effect) => resolveEffect(effect, known)),
  }
}

function resolveEffect(effect: Effect, known: KnownState): Effect {
  switch (effect.kind) {
    case 'setvar':
      return { ...effect, key: known.resolve(effect.key), value: known.resolve(effect.value) }
    case 'expirevar':
      return { ...effect, key: known.resolve(effect.key), seconds: known.resolve(effect.seconds) }
    case 'initcol':
      return { ...effect, name: known.resolve(effect.name) }
    default:
      return effect
  }
}

/** Whether a link holds for every request; undefined where that depends on the request. */
function truthOf(link: Link, known: KnownState): boolean | undefined {
  const { operator } = link
  if (operator === undefined) return true
  if (typeof operator.argument !== 'string' || LIVE_OPERATORS.has(operator.name)) return undefined
  if (link.transforms.some((name) => name !== 'lowercase')) return undefined
  const values: string[] = []
  for (const target of link.targets) {
    const value = knownValue(target, known)
    if (value === undefined) return undefined
    if (value !== null) values.push(value)
  }
  const compiled = compileOperator(operator.name, operator.argument, { files: known.files, file: link.file })
  const isLower = link.transforms.length > 0
  return values.some((value) => compiled.test(isLower ? value.toLowerCase() : value) !== operator.isNegated)
}

function knownValue(target: Target, known: KnownState): string | null | undefined {
  if (target.collection !== 'TX' || target.key === undefined || target.isExcluded) return undefined
  const value = known.valueOf(target.key)
  if (!target.isCount) return value
  return value === undefined ? undefined : value === null ? '0' : '1'
}

/** Whether a rule that certainly matches can be carried out now. */
function isSettled(rule: Rule, known: KnownState): boolean {
  if (rule.decision.kind !== 'pass' || rule.isLogged || rule.skip > 0) return false
  return rule.links.every(
    (link) => !link.isCapturing && link.effects.every((effect) => canSettle(effect, known)),
  )
}

function canSettle(effect: Effect, known: KnownState): boolean {
  return (
    effect.kind === 'setvar' &&
    effect.collection === 'TX' &&
    typeof effect.key === 'string' &&
    isConstant(known.resolve(effect.value)) &&
    known.canSettle(effect.key)
  )
}

/** What is not set expands to nothing, and that is known as well. */
function isConstant(value: Macro): boolean {
  return typeof value === 'string'
}

function settle(effect: Effect, known: KnownState): void {
  if (effect.kind !== 'setvar' || typeof effect.key !== 'string') return
  const value = known.resolve(effect.value)
  if (typeof value !== 'string') return
  if (effect.how === 'remove') known.base.delete(effect.key)
  else if (effect.how === 'set') known.base.set(effect.key, value)
  else {
    const before = toInteger(known.base.get(effect.key) ?? '0')
    known.base.set(
      effect.key,
      String(effect.how === 'add' ? before + toInteger(value) : before - toInteger(value)),
    )
  }
}

/** A rule stays: what it reads and writes can no longer be settled. */
function keep(rule: Rule, known: KnownState): void {
  for (const { collection, key, pattern } of readsOf(rule)) {
    if (collection === 'TX') known.noteRead(pattern ? undefined : key)
  }
  for (const link of rule.links) {
    for (const effect of link.effects) {
      if (effect.kind === 'setvar' && effect.collection === 'TX') known.noteWrite(effect.key)
    }
  }
}

interface Read {
  readonly collection: CollectionName
  readonly key: string | undefined
  /** All keys, or those of a pattern. */
  readonly pattern: boolean
  readonly matches: (key: string) => boolean
}

/** Every variable a rule may read: targets, and macros wherever they may stand. */
function readsOf(rule: Rule): Read[] {
  const reads: Read[] = []
  const add = ({ collection, key }: MacroReference): void => {
    reads.push({
      collection,
      key,
      pattern: key === undefined,
      matches: (each) => key === undefined || each === key,
    })
  }
  const addMacro = (macro: Macro): void => {
    if (typeof macro !== 'string') for (const part of macro) if (typeof part !== 'string') add(part)
  }
  for (const link of rule.links) {
    for (const { collection, key, keyPattern } of link.targets) {
      const matches = (each: string): boolean =>
        keyPattern !== undefined ? keyPattern.test(each) : key === undefined || each === key
      reads.push({ collection, key, pattern: key === undefined, matches })
    }
    if (link.operator !== undefined) addMacro(link.operator.argument)
    for (const effect of link.effects) {
      if (effect.kind === 'setvar') {
        addMacro(effect.key)
        addMacro(effect.value)
      } else if (effect.kind === 'initcol') addMacro(effect.name)
      else if (effect.kind === 'expirevar') {
        addMacro(effect.key)
        addMacro(effect.seconds)
      }
    }
  }
  if (rule.isLogged) {
    addMacro(rule.message)
    addMacro(rule.logdata)
  }
  if (rule.decision.kind === 'redirect') addMacro(rule.decision.to)
  return reads
}

/** Takes out what is written and never read, and then the rules that do nothing any more, until nothing changes. */
function dropUnread(phases: readonly SimplePhase[]): readonly SimplePhase[] {
  let current = phases
  for (;;) {
    const rules = current.flatMap(({ items }) => items.filter((item) => item.kind === 'rule'))
    const reads = rules.flatMap(readsOf)
    let isChanged = false
    const isUseful = (effect: Effect): boolean => {
      if (effect.kind === 'initcol') {
        const isRead = reads.some(({ collection }) => collection === effect.collection)
        return (
          isRead ||
          rules.some((rule) =>
            rule.links.some((link) => link.effects.some((each) => writesTo(each, effect.collection))),
          )
        )
      }
      if (effect.kind !== 'setvar') return true
      if (effect.collection !== 'TX') return true
      // A name with macros in it may be any name.
      if (typeof effect.key !== 'string') return true
      const { key } = effect
      return reads.some(({ collection, matches }) => collection === 'TX' && matches(key))
    }
    current = current.map(({ phase, items }) => {
      const left: RuleItem[] = []
      for (const item of items) {
        if (item.kind === 'marker') {
          left.push(item)
          continue
        }
        const links = item.links.map((link) => {
          const effects = link.effects.filter(isUseful)
          return effects.length === link.effects.length ? link : { ...link, effects }
        })
        isChanged ||= links.some((link, i) => link !== item.links[i])
        const rule = { ...item, links }
        if (isIdle(rule)) isChanged = true
        else left.push(rule)
      }
      return { phase, items: left }
    })
    if (!isChanged) return current
  }
}

function writesTo(effect: Effect, collection: CollectionName): boolean {
  return (effect.kind === 'setvar' || effect.kind === 'expirevar') && effect.collection === collection
}

function isIdle(rule: Rule): boolean {
  return (
    rule.decision.kind === 'pass' &&
    !rule.isLogged &&
    rule.skipAfter === undefined &&
    rule.skip === 0 &&
    rule.links.every((link) => link.effects.length === 0 && !link.isCapturing)
  )
}
