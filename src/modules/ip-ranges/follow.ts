import { type AddressMatcher, compileCidrs } from '../../http/address.ts'
import { createSnsVerifier, SnsRefusal } from '../../aws/sns.ts'
import { type Fetch, fetchText } from '../../http/fetch-text.ts'
import { asError } from '../../seams/seam-error.ts'
import { createHeard } from '../../seams/state/heard.ts'
import { type Polling, startPolling } from '../../seams/polling.ts'
import type { Plan, PlannedDistribution } from '../../plan.ts'
import type { ModuleContext, PublicRoute } from '../module.ts'
import { createSnsRoute } from '../sns-route.ts'
import { readChange } from './change.ts'
import { AWS_URL, type FeedConfig, type IpRangesConfig } from './config.ts'
import { trustedSetOf } from './create-target.ts'
import { createFeed, type Feed, type RunOptions, type RunOutcome } from './feed.ts'
import { type Alarm, createFeedFiles } from './feed-files.ts'

const WEBHOOK_TIMEOUT_MS = 10_000

/** A feed while the edge runs. */
export interface Followed {
  readonly name: string
  readonly config: FeedConfig
  readonly feed: Feed
  readonly refusedMessages: () => number
  run(options: RunOptions): Promise<RunOutcome>
  route(distribution: PlannedDistribution): PublicRoute | undefined
  close(): Promise<void>
}

/** The schedule, the subscription and the alarms of one feed. */
export function followFeed(
  context: ModuleContext,
  name: string,
  config: FeedConfig,
  { alarmWebhook, debug }: Pick<IpRangesConfig, 'alarmWebhook' | 'debug'>,
  fetch: Fetch,
): Followed {
  const { clock, seams, dataFolder, report } = context
  const telling = new Set<Promise<void>>()
  let refused = 0
  const feed = createFeed({
    name,
    config,
    clock,
    seams,
    dataFolder,
    fetch,
    onAlarm(alarm) {
      if (alarm === undefined) report.info(`ip-ranges: ${name} is in order again`)
      else report.error(`ip-ranges: ${name}: ${alarm.why}: ${alarm.message}`)
      if (alarmWebhook !== undefined) background(tellWebhook(alarmWebhook, name, alarm, fetch))
    },
    ...(debug && { onStep: (target, says) => report.info(`ip-ranges: ${name}: ${target}: ${says}`) }),
  })

  function background(work: Promise<unknown>): void {
    const mine = work
      .then(() => {})
      .catch((error: unknown) => report.error(`ip-ranges: ${name}: ${asError(error).message}`))
      .finally(() => telling.delete(mine))
    telling.add(mine)
  }

  async function run(options: RunOptions): Promise<RunOutcome> {
    const outcome = await feed.run(options)
    for (const { target, plan } of outcome.targets)
      if (plan !== undefined && plan.steps.length > 0)
        report.info(
          `ip-ranges: ${name}: ${target}: ${plan.add.length} added, ${plan.remove.length} removed (${options.by})`,
        )
    return outcome
  }

  let polling: Polling | undefined
  if (context.isFirstProcess) {
    background(run({ by: 'start' }))
    if (config.pollEverySeconds !== false) {
      const work = async (): Promise<void> => void (await run({ by: 'schedule' }))
      const tell = (error: Error): void => report.error(`ip-ranges: ${name}: ${error.message}`)
      polling = startPolling(clock, config.pollEverySeconds * 1000, work, tell)
    }
  }

  const { notifications } = config
  const documentUrl = config.url ?? AWS_URL
  const route =
    notifications &&
    createSnsRoute({
      path: notifications.path,
      verifier: createSnsVerifier({
        topicArn: notifications.topicArn,
        now: () => clock.now(),
        fetchText: (url) => fetchText(url, fetch),
        heard: createHeard(`ip-ranges/${name}/`, () => seams.state()),
      }),
      async confirm(url) {
        await fetchText(url, fetch)
        const files = createFeedFiles(dataFolder, name)
        await files.audit(
          { feed: name, event: 'subscribed', by: 'notification', message: notifications.topicArn },
          clock.now(),
        )
        report.info(`ip-ranges: ${name}: the subscription to ${notifications.topicArn} is confirmed`)
      },
      notified(message) {
        const { url, md5 } = readChange(message)
        if (url !== documentUrl) throw new SnsRefusal(`it tells of ${url}, not of ${documentUrl}`)
        background(run({ by: 'notification', md5 }))
      },
      onRefused(message) {
        refused++
        report.warn(`ip-ranges: ${name}: a message was refused: ${message}`)
      },
    })

  return {
    name,
    config,
    feed,
    run,
    refusedMessages: () => refused,
    route: (distribution) => (distribution.name === notifications?.distribution ? route : undefined),
    async close() {
      await polling?.stop()
      await Promise.all(telling)
      await feed.close()
    },
  }
}

async function tellWebhook(url: string, feed: string, alarm: Alarm | undefined, fetch: Fetch): Promise<void> {
  const body =
    alarm === undefined
      ? { module: 'ip-ranges', feed, state: 'ok' }
      : { module: 'ip-ranges', feed, state: 'alarm', ...alarm, since: new Date(alarm.since).toISOString() }
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`the webhook answered ${response.status}`)
}

/** Keeps the proxies that a plan trusts besides its own equal to the IP sets of the feeds that say so. */
export async function followTrusted(
  context: ModuleContext,
  feeds: () => readonly Followed[],
): Promise<{ adopted(plan: Plan): void; close(): void }> {
  const subscriptions = new Map<string, () => void>()
  const names = (): string[] =>
    feeds().flatMap(({ name, config }) =>
      config.targets.some((target) => 'trustedProxies' in target) ? [trustedSetOf(name)] : [],
    )
  // Only an edge that is asked for it has a store of state.
  let ipSets = names().length > 0 ? (await context.seams.state()).ipSets : undefined

  function set(plan: Plan): void {
    const ranges = names().flatMap((name) => ipSets?.handle(name).current?.addresses ?? [])
    const matcher: AddressMatcher | undefined = ranges.length > 0 ? compileCidrs(ranges) : undefined
    plan.trustAlso?.(matcher)
  }

  function adopted(plan: Plan): void {
    const wanted = new Set(names())
    for (const [name, stop] of subscriptions) {
      if (wanted.has(name)) continue
      stop()
      subscriptions.delete(name)
    }
    if (wanted.size > 0 && ipSets === undefined) {
      context.seams.state().then(
        (state) => {
          ipSets = state.ipSets
          adopted(context.plan.current)
        },
        (error: unknown) => context.report.error(`ip-ranges: ${asError(error).message}`),
      )
    }
    for (const name of wanted)
      if (ipSets !== undefined && !subscriptions.has(name))
        subscriptions.set(
          name,
          ipSets.handle(name).subscribe(() => set(context.plan.current)),
        )
    set(plan)
  }

  return {
    adopted,
    close() {
      for (const stop of subscriptions.values()) stop()
    },
  }
}
