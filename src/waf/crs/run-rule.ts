import type { CompiledLink, CompiledRule } from './compiled-rule.ts'
import { takesKey } from './compile-rules.ts'
import { hasMessage, hasTag } from './load-rules.ts'
import { toInteger } from './operators.ts'
import type { Entry } from './entry.ts'
import type { Target } from './parse-targets.ts'
import type { Effect } from './rule.ts'
import type { Removal, Transaction } from './transaction.ts'
import type { CollectionName } from './collections.ts'

/**
 * Runs one rule: all its links in order. Gives whether the whole chain matched; what matching links change is changed
 * either way, as ModSecurity does it.
 */
export function runRule(step: CompiledRule, transaction: Transaction): boolean {
  const { removals } = transaction
  if (removals.some(({ target, covers }) => target === undefined && covers(step))) return false
  transaction.current = step
  for (const link of step.links) {
    if (!(link.syntax === undefined ? runAction(link, transaction) : runLink(step, link, transaction)))
      return false
  }
  decide(step, transaction)
  return true
}

function runAction(link: CompiledLink, transaction: Transaction): true {
  for (const effect of link.effects) apply(effect, transaction)
  return true
}

function runLink(step: CompiledRule, link: CompiledLink, transaction: Transaction): boolean {
  const matched: Entry[] = []
  for (const target of link.targets) {
    if (target.isCount) {
      const count = String(countOf(target, step, link, transaction))
      const name = target.key === undefined ? target.collection : `${target.collection}:${target.key}`
      tryValue({ key: '', name: `&${name}`, value: count }, '', link, transaction, matched)
      continue
    }
    for (const entry of membersOf(target, transaction)) {
      if (isLeftOut(entry.key, target.collection, step, link, transaction)) continue
      tryValue(entry, target.collection, link, transaction, matched)
    }
  }
  if (matched.length === 0) return false
  transaction.matchedVars = matched
  return true
}

/** Members that a target takes; reading TX by name or pattern does not list all of it. */
function membersOf(target: Target, transaction: Transaction): readonly Entry[] {
  const { collection, key, keyPattern } = target
  if (collection === 'TX') {
    if (key !== undefined) {
      const value = transaction.getTx(key)
      return value === undefined ? [] : [{ key, name: key, value }]
    }
    if (keyPattern !== undefined) return transaction.txMatching((each) => keyPattern.test(each))
  }
  const entries = transaction.entries(collection)
  if (key === undefined && keyPattern === undefined) return entries
  return entries.filter((entry) => takesKey(target, entry.key))
}

function countOf(target: Target, step: CompiledRule, link: CompiledLink, transaction: Transaction): number {
  let count = 0
  for (const entry of membersOf(target, transaction)) {
    if (!isLeftOut(entry.key, target.collection, step, link, transaction)) count++
  }
  return count
}

function isLeftOut(
  key: string,
  collection: CollectionName,
  step: CompiledRule,
  link: CompiledLink,
  transaction: Transaction,
): boolean {
  for (const target of link.excluded)
    if (target.collection === collection && takesKey(target, key)) return true
  for (const { target, covers } of transaction.removals) {
    if (target?.collection === collection && takesKey(target, key) && covers(step)) return true
  }
  return false
}

function tryValue(
  entry: Entry,
  collection: string,
  link: CompiledLink,
  transaction: Transaction,
  matched: Entry[],
): void {
  let text = entry.value
  if (link.isMultiMatch) note(entry, collection, text, link, transaction, matched)
  for (const transform of link.transforms) {
    const before = text
    text = transform(text)
    if (link.isMultiMatch && text !== before) note(entry, collection, text, link, transaction, matched)
  }
  if (!link.isMultiMatch) note(entry, collection, text, link, transaction, matched)
}

/** Asks the operator about one text, and carries out what a match does. */
function note(
  entry: Entry,
  collection: string,
  text: string,
  link: CompiledLink,
  transaction: Transaction,
  matched: Entry[],
): void {
  const captured = ask(link, text, transaction)
  if (captured === undefined) return
  if (link.isCapturing && captured !== NOTHING_CAPTURED) {
    for (let i = 0; i < 10; i++) transaction.setTx(String(i), captured[i])
  }
  const name = collection === '' ? entry.name : entry.name === '' ? collection : `${collection}:${entry.name}`
  transaction.matchedName = name
  transaction.matchedValue = text
  matched.push({ key: entry.key, name, value: text })
  for (const effect of link.effects) apply(effect, transaction)
}

const NOTHING_CAPTURED: readonly string[] = []

/** What the operator captured, or undefined where it does not hold. */
function ask(link: CompiledLink, text: string, transaction: Transaction): readonly string[] | undefined {
  const { syntax } = link
  const operator = link.operator ?? link.operatorFor?.(transaction.expand(syntax!.argument))
  if (operator === undefined) return askLive(link, text, transaction)
  if (link.isNegated) return operator.test(text) ? undefined : NOTHING_CAPTURED
  if (link.isCapturing) return operator.exec(text)
  return operator.test(text) ? NOTHING_CAPTURED : undefined
}

/** Operators about the world outside: places are known, lists behind DNS and files of others are not asked. */
function askLive(link: CompiledLink, text: string, transaction: Transaction): readonly string[] | undefined {
  const country = link.syntax?.name === 'geolookup' ? transaction.request.countryOf(text) : undefined
  if (country !== undefined) transaction.country = country
  return (country !== undefined) !== link.isNegated ? NOTHING_CAPTURED : undefined
}

function apply(effect: Effect, transaction: Transaction): void {
  switch (effect.kind) {
    case 'setvar': {
      const key = typeof effect.key === 'string' ? effect.key : transaction.expand(effect.key).toLowerCase()
      if (effect.how === 'remove') transaction.setVariable(effect.collection, key, undefined)
      else {
        const value = transaction.expand(effect.value)
        if (effect.how === 'set') transaction.setVariable(effect.collection, key, value)
        else
          transaction.addTo(
            effect.collection,
            key,
            effect.how === 'add' ? toInteger(value) : -toInteger(value),
          )
      }
      return
    }
    case 'initcol':
      transaction.openCollection(effect.collection, transaction.expand(effect.name))
      return
    case 'expirevar': {
      const key = transaction.expand(effect.key).toLowerCase()
      transaction.expireVariable(effect.collection, key, toInteger(transaction.expand(effect.seconds)))
      return
    }
    case 'engine':
      transaction.mode = effect.mode
      return
    case 'remove-ids':
    case 'remove-tag':
    case 'remove-message':
      transaction.removals.push(removalOf(effect))
      return
    case 'body-processor':
      transaction.bodyProcessor = effect.name
      return
    case 'force-body':
      transaction.showsBody = true
      return
    case 'request-body-access':
      transaction.readsRequestBody = effect.isOn
      return
    case 'response-body-access':
      transaction.readsResponseBody = effect.isOn
      return
  }
}

function removalOf(
  effect: Extract<Effect, { kind: 'remove-ids' | 'remove-tag' | 'remove-message' }>,
): Removal {
  const { target } = effect
  switch (effect.kind) {
    case 'remove-ids':
      return { target, covers: ({ rule }) => rule.id >= effect.first && rule.id <= effect.last }
    case 'remove-tag':
      return { target, covers: ({ rule }) => hasTag(rule, effect.tag) }
    case 'remove-message':
      return { target, covers: ({ rule }) => hasMessage(rule, effect.message) }
  }
}

/** The whole rule matched: what it says is noted, and what it decides. */
function decide(step: CompiledRule, transaction: Transaction): void {
  const { rule } = step
  if (rule.severity !== undefined && rule.severity < transaction.highestSeverity) {
    transaction.highestSeverity = rule.severity
  }
  if (rule.isLogged) {
    transaction.matches.push({
      rule: step,
      message: transaction.expand(step.message),
      data: transaction.expand(step.logdata),
      name: transaction.matchedName,
      value: transaction.matchedValue,
    })
  }
  if (transaction.mode !== 'on') return
  const { decision } = rule
  switch (decision.kind) {
    case 'pass':
      return
    case 'allow':
      transaction.allowed = decision.scope
      return
    case 'redirect':
      transaction.ruling = {
        kind: 'redirect',
        status: step.status,
        location: transaction.expand(decision.to),
        rule: step,
      }
      return
    case 'block':
    case 'deny':
    case 'drop':
      transaction.ruling = { kind: 'deny', status: step.status, location: undefined, rule: step }
  }
}
