import { secTransforms } from '../transforms/sec-transforms.ts'
import { type CollectionName, isCollection } from './collections.ts'
import { type Macro, parseMacro } from './macro.ts'
import { type ActionSyntax, parseActions } from './parse-actions.ts'
import { parseTargets, type Target } from './parse-targets.ts'
import type { Decision, Effect, EngineMode, Link, OperatorSyntax, Phase } from './rule.ts'
import type { Place } from './seclang-problem.ts'

/** What the actions of one directive say. */
export interface ActionFacts {
  id: number
  phase: Phase | undefined
  decision: Decision | undefined
  status: number | undefined
  isChained: boolean
  skipAfter: string | undefined
  skip: number
  message: Macro
  logdata: Macro
  readonly tags: string[]
  severity: number | undefined
  version: string | undefined
  /** What `log` or `nolog` says. */
  isLogged: boolean | undefined
  transforms: string[]
  /** `t:none` was there: transformations of SecDefaultAction do not apply. */
  clearsTransforms: boolean
  isMultiMatch: boolean
  isCapturing: boolean
  readonly effects: Effect[]
}

/** One parsed SecRule or SecAction, before chains are joined. */
export interface RuleSyntax extends Place {
  readonly link: Link
  readonly facts: ActionFacts
}

export function parseSecRule(args: readonly string[], place: Place): RuleSyntax {
  if (args.length < 2 || args.length > 3) {
    throw new Error(`SecRule takes variables, an operator and actions, not ${args.length} arguments`)
  }
  const targets = parseTargets(args[0]!)
  if (targets.every((target) => target.isExcluded))
    throw new Error('SecRule leaves out variables and looks at none')
  const operator = parseOperator(args[1]!)
  const facts = readActions(parseActions(args[2] ?? ''))
  return { link: toLink(targets, operator, facts, place), facts, ...place }
}

export function parseSecAction(args: readonly string[], place: Place): RuleSyntax {
  if (args.length !== 1) throw new Error(`SecAction takes a list of actions, not ${args.length} arguments`)
  const facts = readActions(parseActions(args[0]!))
  return { link: toLink([], undefined, facts, place), facts, ...place }
}

function toLink(
  targets: readonly Target[],
  operator: OperatorSyntax | undefined,
  facts: ActionFacts,
  { file, line }: Place,
): Link {
  const { transforms, isMultiMatch, isCapturing, effects } = facts
  return { targets, operator, transforms, isMultiMatch, isCapturing, effects, file, line }
}

/** `@rx x`, `!@rx x`, or a pattern alone. Whether the operator exists is asked where it is compiled. */
export function parseOperator(text: string): OperatorSyntax {
  const found = /^\s*(!?)\s*@(\w+)(?:\s+(.*))?$/s.exec(text)
  if (found !== null) {
    const argument = parseMacro((found[3] ?? '').trim())
    return { name: found[2]!.toLowerCase(), isNegated: found[1] === '!', argument }
  }
  const isNegated = text.startsWith('!')
  return { name: 'rx', isNegated, argument: parseMacro(isNegated ? text.slice(1) : text) }
}

const SEVERITIES = ['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG']
const PHASES: Readonly<Record<string, Phase>> = {
  '1': 1,
  '2': 2,
  '3': 3,
  '4': 4,
  '5': 5,
  request: 2,
  response: 4,
  logging: 5,
}

/** Says only what goes to ModSecurity's audit log, which has no counterpart here. */
const WITHOUT_EFFECT = new Set([
  'accuracy',
  'auditlog',
  'maturity',
  'noauditlog',
  'rev',
  'sanitisearg',
  'sanitisematched',
  'sanitisematchedbytes',
  'sanitiserequestheader',
  'sanitiseresponseheader',
])

export function readActions(actions: readonly ActionSyntax[]): ActionFacts {
  const facts: ActionFacts = {
    id: 0,
    phase: undefined,
    decision: undefined,
    status: undefined,
    isChained: false,
    skipAfter: undefined,
    skip: 0,
    message: '',
    logdata: '',
    tags: [],
    severity: undefined,
    version: undefined,
    isLogged: undefined,
    transforms: [],
    clearsTransforms: false,
    isMultiMatch: false,
    isCapturing: false,
    effects: [],
  }
  for (const action of actions) readAction(action, facts)
  return facts
}

function readAction({ name, value }: ActionSyntax, facts: ActionFacts): void {
  switch (name) {
    case 'id':
      facts.id = wholeNumber(value, 'id')
      return
    case 'phase':
      facts.phase = PHASES[value.toLowerCase()]
      if (facts.phase === undefined)
        throw new Error(`the phase ${value} is none of 1 to 5, request, response, logging`)
      return
    case 't':
      addTransform(value, facts)
      return
    case 'pass':
    case 'block':
    case 'deny':
    case 'drop':
      facts.decision = { kind: name }
      return
    case 'allow':
      if (value !== '' && value !== 'phase' && value !== 'request')
        throw new Error(`allow:${value} is not known`)
      facts.decision = { kind: 'allow', scope: value === '' ? 'all' : value }
      return
    case 'redirect':
      facts.decision = { kind: 'redirect', to: parseMacro(value) }
      return
    case 'status':
      facts.status = wholeNumber(value, 'status')
      return
    case 'chain':
      facts.isChained = true
      return
    case 'skipafter':
      facts.skipAfter = value
      return
    case 'skip':
      facts.skip = wholeNumber(value, 'skip')
      return
    case 'msg':
      facts.message = parseMacro(value)
      return
    case 'logdata':
      facts.logdata = parseMacro(value)
      return
    case 'tag':
      facts.tags.push(value)
      return
    case 'severity':
      facts.severity = severity(value)
      return
    case 'ver':
      facts.version = value
      return
    case 'log':
    case 'nolog':
      facts.isLogged = name === 'log'
      return
    case 'multimatch':
      facts.isMultiMatch = true
      return
    case 'capture':
      facts.isCapturing = true
      return
    case 'setvar':
      facts.effects.push(parseSetvar(value))
      return
    case 'initcol':
      facts.effects.push(parseInitcol(value))
      return
    case 'expirevar':
      facts.effects.push(parseExpirevar(value))
      return
    case 'ctl':
      facts.effects.push(...parseCtl(value))
      return
  }
  if (!WITHOUT_EFFECT.has(name)) throw new Error(`the action ${name} is not supported`)
}

function addTransform(value: string, facts: ActionFacts): void {
  const name = value.toLowerCase()
  if (name === 'none') {
    facts.transforms = []
    facts.clearsTransforms = true
  } else if (secTransforms.has(name)) facts.transforms.push(name)
  else throw new Error(`the transformation ${value} is not known`)
}

function wholeNumber(value: string, what: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new Error(`${what}:${value} is not a whole number`)
  return Number(value)
}

function severity(value: string): number {
  const index = /^[0-7]$/.test(value) ? Number(value) : SEVERITIES.indexOf(value.toUpperCase())
  if (index === -1) throw new Error(`the severity ${value} is none of 0 to 7 or ${SEVERITIES.join(', ')}`)
  return index
}

function parseSetvar(text: string): Effect {
  const isRemoval = text.startsWith('!')
  const equals = text.indexOf('=')
  const name = text.slice(isRemoval ? 1 : 0, equals === -1 ? undefined : equals)
  const { collection, key } = parseVariable(name, 'setvar')
  if (isRemoval) return { kind: 'setvar', collection, key, how: 'remove', value: '' }
  const value = equals === -1 ? '1' : text.slice(equals + 1)
  const how = value.startsWith('+') ? 'add' : value.startsWith('-') ? 'subtract' : 'set'
  return { kind: 'setvar', collection, key, how, value: parseMacro(how === 'set' ? value : value.slice(1)) }
}

function parseVariable(
  text: string,
  action: string,
): { readonly collection: CollectionName; readonly key: Macro } {
  const dot = text.search(/[.:]/)
  const collection = text
    .slice(0, dot === -1 ? undefined : dot)
    .trim()
    .toUpperCase()
  if (dot === -1 || !isCollection(collection))
    throw new Error(`${action}:${text} names no variable such as tx.name`)
  const name = text.slice(dot + 1).trim()
  // What macros expand to is folded when it is known.
  return { collection, key: parseMacro(name.toLowerCase()) }
}

function parseInitcol(text: string): Effect {
  const equals = text.indexOf('=')
  const collection = text.slice(0, Math.max(equals, 0)).toUpperCase()
  if (!isCollection(collection)) throw new Error(`initcol:${text} names no collection`)
  return { kind: 'initcol', collection, name: parseMacro(text.slice(equals + 1)) }
}

function parseExpirevar(text: string): Effect {
  const equals = text.indexOf('=')
  if (equals === -1) throw new Error(`expirevar:${text} has no number of seconds`)
  const { collection, key } = parseVariable(text.slice(0, equals), 'expirevar')
  return { kind: 'expirevar', collection, key, seconds: parseMacro(text.slice(equals + 1)) }
}

const MODES: Readonly<Record<string, EngineMode>> = {
  on: 'on',
  off: 'off',
  detectiononly: 'detection-only',
}

export function parseMode(value: string): EngineMode {
  const mode = MODES[value.toLowerCase()]
  if (mode === undefined) throw new Error(`${value} is none of On, Off, DetectionOnly`)
  return mode
}

function parseCtl(text: string): Effect[] {
  const equals = text.indexOf('=')
  const name = text.slice(0, equals === -1 ? undefined : equals).toLowerCase()
  const value = equals === -1 ? '' : text.slice(equals + 1)
  const [subject, targets] = splitOnce(value, ';')
  const removed = targets === undefined ? [undefined] : parseTargets(targets)
  switch (name) {
    case 'ruleengine':
      return [{ kind: 'engine', mode: parseMode(value) }]
    case 'ruleremovebyid':
      return parseIdRanges(value).map(([first, last]) => ({
        kind: 'remove-ids',
        first,
        last,
        target: undefined,
      }))
    case 'ruleremovebytag':
      return [{ kind: 'remove-tag', tag: value, target: undefined }]
    case 'ruleremovebymsg':
      return [{ kind: 'remove-message', message: value, target: undefined }]
    case 'ruleremovetargetbyid':
      return removed.flatMap((target) =>
        parseIdRanges(subject).map(([first, last]) => ({ kind: 'remove-ids' as const, first, last, target })),
      )
    case 'ruleremovetargetbytag':
      return removed.map((target) => ({ kind: 'remove-tag', tag: subject, target }))
    case 'ruleremovetargetbymsg':
      return removed.map((target) => ({ kind: 'remove-message', message: subject, target }))
    case 'requestbodyprocessor':
      return [{ kind: 'body-processor', name: value.toUpperCase() }]
    case 'forcerequestbodyvariable':
      return value.toLowerCase() === 'on' ? [{ kind: 'force-body' }] : []
    case 'requestbodyaccess':
      return [{ kind: 'request-body-access', isOn: value.toLowerCase() === 'on' }]
    case 'responsebodyaccess':
      return [{ kind: 'response-body-access', isOn: value.toLowerCase() === 'on' }]
    // Only ModSecurity's audit log would change.
    case 'auditengine':
    case 'auditlogparts':
    case 'debugloglevel':
      return []
  }
  throw new Error(`ctl:${name} is not supported`)
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** `1,5-9 20` as pairs of first and last. Throws Error for anything else. */
export function parseIdRanges(text: string): [number, number][] {
  return text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const found = /^"?(\d{1,15})(?:-(\d{1,15}))?"?$/.exec(part)
      if (found === null) throw new Error(`${part} is not a rule id or a range of them`)
      return [Number(found[1]), Number(found[2] ?? found[1])]
    })
}
