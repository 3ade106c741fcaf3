import { plainAction } from '../acl/read-action.ts'
import type { AddressMatcher } from '../../http/address.ts'
import type { ExternalGroup, ExternalHit } from '../external-group.ts'
import type { Inspection } from '../inspection.ts'
import type { Fidelity } from '../plan.ts'
import { BOT_CATEGORIES, type BotCategory, type Crawler, crawlers } from './crawlers.ts'

const NAMESPACE = 'awswaf:managed:aws:bot-control:'
const CATEGORIES = Object.keys(BOT_CATEGORIES) as BotCategory[] // Keys of the table.
/** A User-Agent that every browser since the nineties begins like. */
const BROWSER = /^mozilla\/|^opera\//
const AUTOMATION = /headlesschrome|phantomjs|slimerjs|puppeteer|playwright|selenium|webdriver/
const MAX_LENGTH = 1_024
const MAX_REMEMBERED = 2_000

/** Rules of the common level, and how near each is to what AWS runs. */
export const botControlRules: readonly { readonly name: string; readonly fidelity: Fidelity }[] = [
  ...CATEGORIES.map((name) => ({ name, fidelity: 'approximated' as const })),
  { name: 'SignalAutomatedBrowser', fidelity: 'approximated' },
  { name: 'SignalNonBrowserUserAgent', fidelity: 'documented' },
]

/** What a User-Agent says about its sender. */
interface Guess {
  readonly crawler: Crawler | undefined
  readonly isAutomated: boolean
  readonly isBrowser: boolean
}

/**
 * AWSManagedRulesBotControlRuleSet, its common level: bots by what they call themselves. A bot is verified when its
 * address is in the operator's list, which then only labels it; the rule about crawlers that collect training data acts
 * on verified ones too, as AWS documents.
 */
export function botControl(isVerified: AddressMatcher): ExternalGroup {
  // Sites are visited by few kinds of clients, many times.
  const remembered = new Map<string, Guess>()

  function guess(agent: string): Guess {
    const known = remembered.get(agent)
    if (known !== undefined) return known
    const lower = agent.slice(0, MAX_LENGTH).toLowerCase()
    const found = {
      crawler: crawlers.find(({ text }) => lower.includes(text)),
      isAutomated: AUTOMATION.test(lower),
      isBrowser: BROWSER.test(lower),
    }
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(agent, found)
    return found
  }

  return {
    capacity: 50,
    labelNamespace: NAMESPACE,
    requestBodyBytes: 0,
    rules: botControlRules.map(({ name, fidelity }) => ({ name, fidelity, action: 'block' })),
    hasRule: (name) => botControlRules.some((rule) => rule.name === name),
    open: (inspection) => ({ inspectRequest: () => judge(inspection, guess, isVerified) }),
  }
}

function judge(
  inspection: Inspection,
  guess: (agent: string) => Guess,
  isVerified: AddressMatcher,
): ExternalHit[] {
  const agent = inspection.request.headers.get('user-agent') ?? ''
  const { crawler, isAutomated, isBrowser } = guess(agent)
  const hits: ExternalHit[] = []
  if (crawler !== undefined) {
    const verified = isVerified(inspection.request.client.address)
    const labels = [
      `${NAMESPACE}bot:category:${BOT_CATEGORIES[crawler.category]}`,
      `${NAMESPACE}bot:name:${crawler.name}`,
      ...(crawler.organization === undefined ? [] : [`${NAMESPACE}bot:organization:${crawler.organization}`]),
      `${NAMESPACE}bot:${verified ? 'verified' : 'unverified'}`,
    ]
    const isPassed = verified && crawler.category !== 'CategoryAI'
    hits.push(hit(crawler.category, labels, agent, crawler.text, isPassed))
  }
  if (isAutomated)
    hits.push(hit('SignalAutomatedBrowser', [`${NAMESPACE}signal:automated_browser`], agent, '', false))
  if (!isBrowser && crawler === undefined)
    hits.push(
      hit('SignalNonBrowserUserAgent', [`${NAMESPACE}signal:non_browser_user_agent`], agent, '', false),
    )
  return hits
}

const BLOCK = plainAction('block')
const COUNT = plainAction('count')

function hit(
  rule: string,
  labels: readonly string[],
  agent: string,
  text: string,
  isPassed: boolean,
): ExternalHit {
  const start = Math.max(0, agent.toLowerCase().indexOf(text))
  return {
    rule,
    labels,
    action: isPassed ? COUNT : BLOCK,
    evidence: [
      {
        statement: 'BotControl',
        location: 'HEADER',
        name: 'user-agent',
        value: agent,
        start,
        end: text === '' ? agent.length : start + text.length,
        matchedData: undefined,
        sensitivity: undefined,
      },
    ],
  }
}
