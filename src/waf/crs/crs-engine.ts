import type { CompiledRules, ValueSource } from './compile-rules.ts'
import { takesKey } from './compile-rules.ts'
import type { CrsRequest, CrsResponse } from './crs-facts.ts'
import { PersistentCollections } from './persistent-collections.ts'
import { processorOf, readBody } from './read-body.ts'
import type { RuleSettings } from './load-rules.ts'
import type { Phase } from './rule.ts'
import { runRule } from './run-rule.ts'
import { type Ruling, type RuleMatch, Transaction } from './transaction.ts'

/** What rules found, and what they decided. */
export interface CrsVerdict {
  /** Undefined while the message may go on. */
  readonly ruling: Ruling | undefined
  readonly matches: readonly RuleMatch[]
  /** Variables that rules wrote, for tests and explain. */
  readonly getTx: (key: string) => string | undefined
}

/** One request, and perhaps its response, in front of the rules. */
export interface CrsRun {
  readonly request: CrsVerdict
  /** Whether the response is wanted, and whether its body is. */
  wantsResponse(contentType: string | undefined): 'no' | 'head' | 'body'
  evaluateResponse(response: CrsResponse): CrsVerdict
}

/** Compiled rules at work. Keeps what rules keep beyond a request (`initcol`), and nothing else. */
export class CrsEngine {
  readonly rules: CompiledRules
  readonly settings: RuleSettings
  readonly #persistent: PersistentCollections
  readonly #hasResponseRules: boolean
  readonly #logsOnly: boolean

  constructor(rules: CompiledRules, settings: RuleSettings) {
    this.rules = rules
    this.settings = settings
    this.#persistent = new PersistentCollections(settings.collectionSeconds)
    const { phases, steps } = rules
    this.#hasResponseRules = phases[3].end > phases[3].first || phases[4].end > phases[4].first
    // Rules of phase 5 that change nothing have nothing to say about a request without matches.
    this.#logsOnly = steps
      .slice(phases[5].first, phases[5].end)
      .every((step) =>
        step.links.every((link) =>
          link.effects.every(
            ({ kind, ...effect }) =>
              kind === 'setvar' && 'collection' in effect && effect.collection === 'TX',
          ),
        ),
      )
  }

  /**
   * Looks at a request; `body` is the beginning of its body as latin1 text. With `isPeek` nothing is kept beyond it.
   */
  evaluateRequest(request: CrsRequest, body: string, isPeek = false): CrsRun {
    const { rules, settings } = this
    const transaction = new Transaction(
      request,
      rules,
      settings.mode,
      isPeek ? new PersistentCollections(settings.collectionSeconds) : this.#persistent,
    )
    transaction.readsRequestBody = settings.readsRequestBody
    transaction.readsResponseBody = settings.readsResponseBody
    if (settings.mode !== 'off') this.#runRequest(transaction, body)
    return {
      request: verdictOf(transaction),
      wantsResponse: (contentType) => this.#wantsResponse(transaction, contentType),
      evaluateResponse: (response) => this.#runResponse(transaction, response),
    }
  }

  #runRequest(transaction: Transaction, body: string): void {
    const contentType =
      transaction.entries('REQUEST_HEADERS').find(({ key }) => key === 'content-type')?.value ?? ''
    transaction.bodyProcessor = processorOf(contentType)
    mark(this.rules.requestSources, transaction)
    // Arguments of the query string are there from the beginning, for rules of phase 1 too.
    mark(this.rules.bodySources, transaction)
    this.#runPhase(1, transaction)
    if (transaction.readsRequestBody && body !== '') {
      transaction.bodyText = body
      transaction.body = readBody(transaction.bodyProcessor, body, contentType)
    }
    if (body !== '') {
      transaction.forgetBodyFacts()
      mark(this.rules.bodySources, transaction)
    }
    this.#runPhase(2, transaction)
    if (transaction.ruling !== undefined || !this.#hasResponseRules) this.#runLogging(transaction)
  }

  #wantsResponse(transaction: Transaction, contentType: string | undefined): 'no' | 'head' | 'body' {
    if (!this.#hasResponseRules || isOver(transaction)) return 'no'
    if (transaction.allowed === 'all') return 'no'
    if (!transaction.readsResponseBody || contentType === undefined) return 'head'
    const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
    return this.settings.responseTypes.includes(type) ? 'body' : 'head'
  }

  #runResponse(transaction: Transaction, response: CrsResponse): CrsVerdict {
    transaction.response = response
    if (transaction.allowed === 'request') transaction.allowed = 'nothing'
    if (!isOver(transaction) && transaction.allowed === 'nothing') {
      mark(this.rules.responseSources, transaction)
      this.#runPhase(3, transaction)
      this.#runPhase(4, transaction)
    }
    this.#runLogging(transaction)
    return verdictOf(transaction)
  }

  #runLogging(transaction: Transaction): void {
    if (this.#logsOnly && transaction.matches.length === 0) return
    const { ruling } = transaction
    this.#walk(5, transaction, true)
    transaction.ruling = ruling
  }

  #runPhase(phase: Phase, transaction: Transaction): void {
    if (isOver(transaction) || transaction.allowed === 'all' || transaction.allowed === 'request') return
    transaction.allowed = 'nothing'
    this.#walk(phase, transaction, false)
  }

  /** Runs the rules of a phase whose bits are set, in order. */
  #walk(phase: Phase, transaction: Transaction, isLogging: boolean): void {
    const { steps, phases } = this.rules
    const { words } = transaction
    const { end } = phases[phase]
    let at = phases[phase].first
    while (at < end) {
      const rest = words[at >>> 5]! >>> (at & 31)
      if (rest === 0) {
        at = (at | 31) + 1
        continue
      }
      at += 31 - Math.clz32(rest & -rest)
      if (at >= end) return
      const step = steps[at]!
      const hasMatched = runRule(step, transaction)
      if (!hasMatched) at++
      else {
        if (!isLogging && (isOver(transaction) || transaction.allowed !== 'nothing')) return
        at = step.skipTo ?? at + 1
      }
    }
  }
}

function isOver(transaction: Transaction): boolean {
  return transaction.ruling !== undefined || transaction.mode === 'off'
}

function verdictOf(transaction: Transaction): CrsVerdict {
  const { ruling, matches } = transaction
  return { ruling, matches: matches.slice(), getTx: (key) => transaction.getTx(key) }
}

/** Asks every value which rules it gives a reason to run, and sets their bits. */
function mark(sources: readonly ValueSource[], transaction: Transaction): void {
  const { words } = transaction
  for (const { collection, counts, byKey, others } of sources) {
    const entries = transaction.entries(collection)
    for (const { target, matcher } of counts) {
      let count = 0
      for (const entry of entries) if (takesKey(target, entry.key)) count++
      set(words, matcher.find(String(count)))
    }
    for (const { key, value } of entries) {
      const own = byKey.get(key)
      const matcher = own ?? (byKey.has(key) ? undefined : others)
      if (matcher !== undefined) set(words, matcher.find(value))
    }
  }
}

function set(words: Uint32Array, steps: readonly number[]): void {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!
    words[step >>> 5]! |= 1 << (step & 31)
  }
}
