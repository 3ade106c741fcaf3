import { secTransforms } from '../transforms/sec-transforms.ts'
import type { Transform } from '../transforms/transforms.ts'
import { type CollectionName, collections } from './collections.ts'
import type { CompiledLink, CompiledRule } from './compiled-rule.ts'
import { compileOperator, LIVE_OPERATORS, type Operator } from './operators.ts'
import type { Target } from './parse-targets.ts'
import type { RuleFiles } from './rule-files.ts'
import type { Link, Phase, Rule, RuleItem } from './rule.ts'
import type { SecLangProblem } from './seclang-problem.ts'
import { simplifyRules } from './simplify.ts'
import { type Atom, Prefilter, rootNode, type TransformNode, ValueMatcher } from './value-matcher.ts'

/** The rules of one phase: the steps from `first` up to, not including, `end`. */
export interface PhaseRange {
  readonly first: number
  readonly end: number
}

/** Values of one kind, and which rules they give a reason to run. */
export interface ValueSource {
  readonly collection: CollectionName
  /** Looks at how many there are instead of at their values: one entry per counted key. */
  readonly counts: readonly { readonly target: Target; readonly matcher: ValueMatcher }[]
  /** For keys that rules name, in the form in which keys are compared. */
  readonly byKey: ReadonlyMap<string, ValueMatcher | undefined>
  /** For all other keys; undefined where no rule looks at them. */
  readonly others: ValueMatcher | undefined
}

export interface CompiledRules {
  readonly steps: readonly CompiledRule[]
  readonly phases: Readonly<Record<Phase, PhaseRange>>
  /** Bits of the rules that run whatever the values are. */
  readonly always: Uint32Array
  /** Rules that have nothing to say until a variable of TX is written. */
  readonly watchers: ReadonlyMap<string, readonly number[]>
  readonly base: ReadonlyMap<string, string>
  readonly requestSources: readonly ValueSource[]
  readonly bodySources: readonly ValueSource[]
  readonly responseSources: readonly ValueSource[]
}

/** Compiles rules; problems with operators are told with the file and line of their rule. */
export function compileRules(
  items: readonly RuleItem[],
  files: RuleFiles,
  problems: SecLangProblem[],
): CompiledRules {
  const operators = new OperatorTable(files)
  checkOperators(items, operators, problems)
  if (problems.length > 0) return EMPTY
  const { phases, base } = simplifyRules(items, files)
  const steps: CompiledRule[] = []
  const ranges = {} as Record<Phase, PhaseRange>
  for (const { phase, items: left } of phases) {
    const first = steps.length
    const places = new Map<string, number>()
    for (const item of left) {
      if (item.kind === 'marker') places.set(item.name, steps.length)
      else {
        places.set(String(item.id), steps.length)
        steps.push(compileRule(item, steps.length, operators))
      }
    }
    ranges[phase] = { first, end: steps.length }
    for (const step of steps.slice(first)) {
      step.skipTo = skipOf(step.rule, step.step, places, steps.length, items, steps)
    }
  }
  return { steps, phases: ranges, base, ...planSources(steps, base) }
}

const EMPTY: CompiledRules = {
  steps: [],
  phases: Object.fromEntries(
    [1, 2, 3, 4, 5].map((phase) => [phase, { first: 0, end: 0 }]),
  ) as unknown as Record<Phase, PhaseRange>,
  always: new Uint32Array(0),
  watchers: new Map(),
  base: new Map(),
  requestSources: [],
  bodySources: [],
  responseSources: [],
}

/** Everything that could go wrong is tried before rules are dropped, so that a switched-off rule is checked as well. */
function checkOperators(
  items: readonly RuleItem[],
  operators: OperatorTable,
  problems: SecLangProblem[],
): void {
  for (const item of items) {
    if (item.kind !== 'rule') continue
    for (const { operator, file, line } of item.links) {
      if (operator === undefined || LIVE_OPERATORS.has(operator.name)) continue
      try {
        operators.get(operator.name, typeof operator.argument === 'string' ? operator.argument : '0', file)
      } catch (error) {
        problems.push({ file, line, message: error instanceof Error ? error.message : String(error) })
      }
    }
  }
}

/** A marker behind which nothing is left is the end of the phase. */
function skipOf(
  rule: Rule,
  step: number,
  places: ReadonlyMap<string, number>,
  end: number,
  items: readonly RuleItem[],
  steps: readonly CompiledRule[],
): number | undefined {
  if (rule.skipAfter !== undefined) {
    const place = places.get(rule.skipAfter)
    if (place === undefined || place <= step) return end
    return steps[place]?.rule.id === Number(rule.skipAfter) ? place + 1 : place
  }
  if (rule.skip === 0) return undefined
  // Counted in the rules of the phase as they are written, some of which may be gone.
  const written = items.filter((item): item is Rule => item.kind === 'rule' && item.phase === rule.phase)
  const at = written.findIndex((each) => each.file === rule.file && each.line === rule.line)
  const next = written.slice(at + 1 + rule.skip)
  for (const each of next) {
    const found = steps.findIndex(({ rule: left }) => left.file === each.file && left.line === each.line)
    if (found > step) return found
  }
  return end
}

/** Operators that are the same are compiled once. */
class OperatorTable {
  readonly #files: RuleFiles
  readonly #made = new Map<string, Operator>()

  constructor(files: RuleFiles) {
    this.#files = files
  }

  get(name: string, argument: string, file: string): Operator {
    const key = `${name}\n${argument}`
    let operator = this.#made.get(key)
    if (operator === undefined) {
      operator = compileOperator(name, argument, { files: this.#files, file })
      this.#made.set(key, operator)
    }
    return operator
  }

  /** For arguments that differ from request to request: the latest ones are kept, so few are made twice. */
  maker(name: string, file: string): (argument: string) => Operator {
    const kept = new Map<string, Operator>()
    return (argument) => {
      let operator = kept.get(argument)
      if (operator === undefined) {
        operator = compileOperator(name, argument, { files: this.#files, file })
        if (kept.size >= 64) kept.clear()
        kept.set(argument, operator)
      }
      return operator
    }
  }
}

function compileRule(rule: Rule, step: number, operators: OperatorTable): CompiledRule {
  return {
    rule,
    step,
    links: rule.links.map((link) => compileLink(link, operators)),
    skipTo: undefined,
    status: rule.status ?? (rule.decision.kind === 'redirect' ? 302 : 403),
    message: rule.message,
    logdata: rule.logdata,
  }
}

function compileLink(link: Link, operators: OperatorTable): CompiledLink {
  const { operator: syntax, file } = link
  const isLive = syntax !== undefined && LIVE_OPERATORS.has(syntax.name)
  const isFixed = syntax !== undefined && !isLive && typeof syntax.argument === 'string'
  return {
    targets: link.targets.filter((target) => !target.isExcluded),
    excluded: link.targets.filter((target) => target.isExcluded),
    syntax,
    operator: isFixed ? operators.get(syntax.name, syntax.argument as string, file) : undefined,
    operatorFor: syntax === undefined || isLive || isFixed ? undefined : operators.maker(syntax.name, file),
    isNegated: syntax?.isNegated ?? false,
    transforms: link.transforms.map(transformOf),
    isMultiMatch: link.isMultiMatch,
    isCapturing: link.isCapturing,
    effects: link.effects,
  }
}

function transformOf(name: string): Transform {
  const transform = secTransforms.get(name)
  // The parser takes only names of the table.
  if (transform === undefined) throw new Error(`the transformation ${name} is not known`)
  return transform
}

/**
 * Rules whose first link only asks about values of the message can be ruled out by looking at the values once: each
 * value is asked all questions that any rule has about its kind. All other rules always run.
 */
function planSources(
  steps: readonly CompiledRule[],
  base: ReadonlyMap<string, string>,
): Pick<CompiledRules, 'always' | 'watchers' | 'requestSources' | 'bodySources' | 'responseSources'> {
  const always = new Uint32Array((steps.length >>> 5) + 1)
  const watchers = new Map<string, number[]>()
  const direct: CompiledRule[] = []
  for (const step of steps) {
    const keys = isAboutValues(step) ? undefined : keysToWatch(step, base)
    if (isAboutValues(step)) direct.push(step)
    else if (keys !== undefined) {
      for (const key of keys) watchers.set(key, [...(watchers.get(key) ?? []), step.step])
    } else always[step.step >>> 5]! |= 1 << (step.step & 31)
  }
  const groups = { request: new SourceBuilder(), response: new SourceBuilder() }
  for (const step of direct) {
    for (const target of step.links[0]!.targets) {
      const side = collections[target.collection].from === 'response' ? 'response' : 'request'
      groups[side].add(step, target)
    }
  }
  const request = groups.request.build()
  return {
    always,
    watchers,
    requestSources: request.filter(({ collection }) => collections[collection].from === 'request'),
    bodySources: request.filter(({ collection }) => collections[collection].from === 'body'),
    responseSources: groups.response.build(),
  }
}

function isAboutValues({ links, rule }: CompiledRule): boolean {
  const first = links[0]!
  if (first.operator === undefined || rule.phase === 5) return false
  return first.targets.every(({ collection }) => collections[collection].from !== 'state')
}

/**
 * The variables of TX that decide whether a rule begins to match, where it does not with the values every request
 * begins with: until one of them is written it need not run.
 */
function keysToWatch({ links }: CompiledRule, base: ReadonlyMap<string, string>): string[] | undefined {
  const first = links[0]!
  const { operator } = first
  if (operator === undefined || first.excluded.length > 0) return undefined
  const keys: string[] = []
  for (const { collection, key, isCount } of first.targets) {
    if (collection !== 'TX' || key === undefined) return undefined
    const value = base.get(key)
    keys.push(key)
    if (value === undefined && !isCount) continue
    const text = isCount ? (value === undefined ? '0' : '1') : value!
    if (first.isMultiMatch) return undefined
    const transformed = first.transforms.reduce((each, transform) => transform(each), text)
    if (operator.test(transformed) !== first.isNegated) return undefined
  }
  return keys
}

/** Collects who asks what about which values. */
class SourceBuilder {
  readonly #asked = new Map<CollectionName, { readonly step: CompiledRule; readonly target: Target }[]>()
  readonly #needs = new Map<string, number>()
  readonly #phrases: { text: string; number: number }[] = []

  add(step: CompiledRule, target: Target): void {
    const asked = this.#asked.get(target.collection)
    if (asked === undefined) this.#asked.set(target.collection, [{ step, target }])
    else asked.push({ step, target })
  }

  build(): ValueSource[] {
    // All atoms are numbered before the prefilter is made.
    const drafts = [...this.#asked].map(([collection, asked]) => this.#draft(collection, asked))
    const prefilter = new Prefilter(this.#phrases, this.#needs.size)
    return drafts.map((draft) => draft(prefilter))
  }

  #draft(
    collection: CollectionName,
    asked: readonly { readonly step: CompiledRule; readonly target: Target }[],
  ): (prefilter: Prefilter) => ValueSource {
    const counted = new Map<string, { readonly target: Target; readonly root: TransformNode }>()
    for (const { step, target } of asked) {
      if (!target.isCount) continue
      const id = target.key ?? target.keyPattern?.source ?? ''
      const known = counted.get(id) ?? { target, root: rootNode() }
      counted.set(id, known)
      this.#plant(known.root, step)
    }
    const valued = asked.filter(({ target }) => !target.isCount)
    const keys = new Set<string>()
    for (const { step, target } of valued) {
      if (target.key !== undefined) keys.add(target.key)
      // A left-out key needs a tree of its own, or its values would be asked in vain on every request.
      for (const { collection: other, key } of step.links[0]!.excluded) {
        if (other === collection && key !== undefined) keys.add(key)
      }
    }
    const trees = new Map([...keys].map((key) => [key, this.#tree(collection, valued, key)]))
    const others = this.#tree(collection, valued, undefined)
    return (prefilter) => ({
      collection,
      counts: [...counted.values()].map(({ target, root }) => ({
        target,
        matcher: new ValueMatcher(root, prefilter),
      })),
      byKey: new Map(
        [...trees].map(([key, root]) => [
          key,
          root === undefined ? undefined : new ValueMatcher(root, prefilter),
        ]),
      ),
      others: others === undefined ? undefined : new ValueMatcher(others, prefilter),
    })
  }

  /** Questions about the values of one key, or of all keys that no rule names. */
  #tree(
    collection: CollectionName,
    valued: readonly { readonly step: CompiledRule; readonly target: Target }[],
    key: string | undefined,
  ): TransformNode | undefined {
    const root = rootNode()
    let isEmpty = true
    const seen = new Set<CompiledRule>()
    for (const { step, target } of valued) {
      if (seen.has(step) || !concerns(target, key) || isLeftOut(step, collection, key)) continue
      seen.add(step)
      isEmpty = false
      this.#plant(root, step)
    }
    return isEmpty ? undefined : root
  }

  #plant(root: TransformNode, step: CompiledRule): void {
    const link = step.links[0]!
    const names = step.rule.links[0]!.transforms
    let node = root
    if (link.isMultiMatch) this.#ask(node, step)
    names.forEach((name, i) => {
      let child = node.children.get(name)
      if (child === undefined) {
        child = { transform: link.transforms[i], atoms: [], children: new Map() }
        node.children.set(name, child)
      }
      node = child
      if (link.isMultiMatch && i < names.length - 1) this.#ask(node, step)
    })
    if (!link.isMultiMatch || names.length > 0) this.#ask(node, step)
  }

  #ask(node: TransformNode, step: CompiledRule): void {
    const { operator, isNegated } = step.links[0]!
    if (operator === undefined) return
    const same = node.atoms.find((atom) => atom.operator === operator && atom.isNegated === isNegated)
    if (same !== undefined) same.steps.push(step.step)
    else {
      const atom: Atom = { operator, isNegated, steps: [step.step], filter: this.#filterOf(operator) }
      node.atoms.push(atom)
    }
  }

  #filterOf({ needs }: Operator): number {
    if (needs === undefined || needs.some((text) => text === '')) return -1
    const id = needs.toSorted().join('\n')
    let number = this.#needs.get(id)
    if (number === undefined) {
      number = this.#needs.size
      this.#needs.set(id, number)
      for (const text of needs) this.#phrases.push({ text, number })
    }
    return number
  }
}

function concerns(target: Target, key: string | undefined): boolean {
  if (target.key !== undefined) return target.key === key
  // Whether a pattern takes a key is asked when the rule runs.
  return target.keyPattern === undefined || key === undefined || target.keyPattern.test(key)
}

function isLeftOut({ links }: CompiledRule, collection: CollectionName, key: string | undefined): boolean {
  return links[0]!.excluded.some(
    (target) =>
      target.collection === collection &&
      (target.key === undefined ? target.keyPattern === undefined : target.key === key),
  )
}

/** Whether a target takes a member of its collection. */
export function takesKey(target: Target, key: string): boolean {
  if (target.keyPattern !== undefined) return target.keyPattern.test(key)
  return target.key === undefined || target.key === key
}
