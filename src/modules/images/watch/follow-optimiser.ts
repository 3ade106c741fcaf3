import { join } from 'node:path'
import { createSnsVerifier } from '../../../aws/sns.ts'
import { type Timer, waitFor } from '../../../base/clock.ts'
import { type Fetch, fetchText } from '../../../http/fetch-text.ts'
import type { Plan, PlannedDistribution } from '../../../plan.ts'
import { FileLock } from '../../../seams/file-lock.ts'
import { type Polling, startPolling } from '../../../seams/polling.ts'
import { asError } from '../../../seams/seam-error.ts'
import { createHeard } from '../../../seams/state/heard.ts'
import type { ModuleContext, PublicRoute } from '../../module.ts'
import { createSnsRoute } from '../../sns-route.ts'
import { followKeys, type SigningKeys } from '../signing-keys.ts'
import type { OptimiserConfig } from './config.ts'
import type { ChangedObject } from './events.ts'
import type { Ending } from './lane.ts'
import { type Failure, Ledger, type Tried } from './ledger.ts'
import { openOptimiser } from './open-optimiser.ts'
import { consume, type Consumer } from './queue.ts'
import { createEventRoute, readNotification } from './route.ts'
import type { UploadOptimiser } from './upload-optimiser.ts'

/** How often the first process looks what the routes of the others wrote down. */
const LISTEN_MS = 1_000
const OWNER_RETRY_MS = 2_000
/** A line for the log tells of all pictures of so long. */
const SUMMARY_MS = 5_000

/** An optimiser of a running edge. In the first process it works; in the others only its route does. */
export interface FollowedOptimiser {
  readonly name: string
  readonly config: OptimiserConfig
  /** When it can be told of pictures. Rejects when its ledger cannot be opened. */
  readonly ready: Promise<void>
  /** Undefined while another process of this data folder does the work. */
  readonly optimiser: () => UploadOptimiser | undefined
  readonly failures: () => readonly Failure[]
  /** Pictures that failed and will be tried again. */
  readonly tried: () => readonly Tried[]
  readonly refusedMessages: () => number
  readonly consumer: () => Consumer | undefined
  retry(key?: string): Promise<number>
  route(distribution: PlannedDistribution): PublicRoute | undefined
  close(): Promise<void>
}

/** Where the ledgers of an edge are. */
export function ledgerFolder(dataFolder: string): string {
  return join(dataFolder, 'images-optimise')
}

export function followOptimiser(
  context: ModuleContext,
  name: string,
  config: OptimiserConfig,
  maxMemoryBytes: number,
  fetch: Fetch,
): FollowedOptimiser {
  const { clock, seams, dataFolder } = context
  const report = {
    info: (message: string) => context.report.info(`images: ${name}: ${message}`),
    warn: (message: string) => context.report.warn(`images: ${name}: ${message}`),
  }
  const stop = new AbortController()
  const summary = createSummary(context, report)
  const opening = Ledger.open(ledgerFolder(dataFolder), name, (error) => report.warn(error.message))
  let ledger: Ledger | undefined
  let running: Awaited<ReturnType<typeof openOptimiser>> | undefined
  let consumer: Consumer | undefined
  let listening: Polling | undefined
  let owner: FileLock | undefined
  let refused = 0

  async function work(opened: Ledger): Promise<void> {
    owner = await becomeOwner()
    if (owner === undefined) return
    const { optimiser } = (running = await openOptimiser({
      config,
      clock,
      seams,
      ledger: opened,
      maxMemoryBytes,
      onPicture: summary.add,
      report,
    }))
    if (stop.signal.aborted) return
    optimiser.start()
    if (config.notifications !== undefined && context.plan.current.processes > 1) {
      const listen = async (): Promise<void> => {
        await opened.refresh()
        optimiser.takeAsked()
      }
      listening = startPolling(clock, LISTEN_MS, listen, (error) => report.warn(error.message))
    }
    const { queue } = config
    if (queue !== undefined)
      consumer = consume({
        clock,
        visibilitySeconds: queue.visibilitySeconds,
        async openQueue() {
          const { openSqs } = await import('./sqs.ts')
          return openSqs({
            url: queue.url,
            region: queue.region,
            endpoint: queue.endpoint,
            visibilitySeconds: queue.visibilitySeconds,
          })
        },
        room: () => optimiser.room(),
        async take(object) {
          const key = keyOf(object, config, context.plan.current.objects)
          if (key !== undefined) await optimiser.take(key)
        },
        report,
      })
  }

  /** Only one process of all that share the data folder works, also while an old one drains. */
  async function becomeOwner(): Promise<FileLock | undefined> {
    const lock = FileLock.open(join(ledgerFolder(dataFolder), `${name}.owner`))
    let isTold = false
    while (!lock.tryKeep()) {
      if (!isTold) report.warn('another process does the work; this one waits until it ends')
      isTold = true
      await waitFor(clock, OWNER_RETRY_MS, stop.signal).catch(() => {})
      if (stop.signal.aborted) {
        await lock.close()
        return undefined
      }
    }
    return lock
  }

  async function changed(objects: readonly ChangedObject[]): Promise<void> {
    const keys = objects.flatMap((object) => keyOf(object, config, context.plan.current.objects) ?? [])
    if (keys.length === 0) return
    await (await opening).ask(keys)
    running?.optimiser.takeAsked()
  }

  const ready = opening.then((opened) => {
    ledger = opened
  })
  const started = ready.then(() =>
    context.isFirstProcess
      ? work(ledger!).catch((error: unknown) =>
          context.report.error(`images: ${name}: ${asError(error).message}`),
        )
      : undefined,
  )
  // Whoever opens it waits for `ready` and learns of it there.
  started.catch(() => {})

  const onRefused = (message: string): void => {
    refused++
    report.warn(`a message was refused: ${message}`)
  }
  const { keys, route } = createRoutes(context, name, config, { changed, onRefused, fetch, report })

  return {
    name,
    config,
    ready: Promise.all([ready, keys?.ready]).then(() => {}),
    optimiser: () => running?.optimiser,
    failures: () => [...(ledger?.failures.values() ?? [])],
    tried: () => [...(ledger?.tried.values() ?? [])],
    refusedMessages: () => refused,
    consumer: () => consumer,
    async retry(key) {
      const count = await (await opening).retry(key)
      running?.optimiser.takeAsked()
      return count
    },
    route: (distribution) => (distribution.name === config.notifications?.distribution ? route : undefined),
    async close() {
      stop.abort()
      await started.catch(() => {})
      await listening?.stop()
      await running?.close()
      await consumer?.close()
      summary.close()
      keys?.close()
      await ledger?.close()
      await owner?.close()
    },
  }
}

/** The key of an object as the optimiser knows it, by the key in its bucket; undefined for what lies elsewhere, or does not matter. */
function keyOf(
  { is, bucket, key }: ChangedObject,
  { from, deleted }: OptimiserConfig,
  stores: Plan['objects'],
): string | undefined {
  if (is === 'removed' && deleted === 'keep') return undefined
  if ('folder' in from) return key.split('/').includes('..') || key.startsWith('/') ? undefined : key
  const store = Object.hasOwn(stores, from.objects) ? stores[from.objects] : undefined
  const [ours, outer] = store?.store === 's3' ? [store.bucket, store.prefix] : [undefined, '']
  const wanted = from.bucket ?? ours
  if (wanted !== undefined && bucket !== undefined && bucket !== wanted) return undefined
  const prefix = outer + from.prefix
  return key.startsWith(prefix) ? key.slice(prefix.length) : undefined
}

function createRoutes(
  context: ModuleContext,
  name: string,
  { notifications }: OptimiserConfig,
  {
    changed,
    onRefused,
    fetch,
    report,
  }: {
    readonly changed: (objects: readonly ChangedObject[]) => Promise<void>
    readonly onRefused: (message: string) => void
    readonly fetch: Fetch
    readonly report: { info(message: string): void }
  },
): { readonly keys: SigningKeys | undefined; readonly route: PublicRoute | undefined } {
  if (notifications === undefined) return { keys: undefined, route: undefined }
  const { path, topicArn, secret, field } = notifications
  const { clock, seams } = context
  const keys = secret === undefined ? undefined : followKeys(context, secret, field)
  const sns =
    topicArn === undefined
      ? undefined
      : createSnsRoute({
          path,
          verifier: createSnsVerifier({
            topicArn,
            now: () => clock.now(),
            fetchText: (url) => fetchText(url, fetch),
            heard: createHeard(`images-optimise/${name}/`, () => seams.state()),
          }),
          async confirm(url) {
            await fetchText(url, fetch)
            report.info(`the subscription to ${topicArn} is confirmed`)
          },
          notified: (message) => changed(readNotification(message)),
          onRefused,
        })
  return {
    keys,
    route: createEventRoute({ path, keys: keys && (() => keys.current()), sns, changed, onRefused }),
  }
}

/** Tells the log of what was made and removed in one line for many, and of each picture that was not. */
function createSummary(
  { clock }: Pick<ModuleContext, 'clock'>,
  report: { info(message: string): void; warn(message: string): void },
): { readonly add: (key: string, ending: Ending, says: string) => void; readonly close: () => void } {
  const lots = { made: { count: 0, last: '' }, removed: { count: 0, last: '' } }
  let timer: Timer | undefined
  const tell = (): void => {
    timer?.cancel()
    timer = undefined
    for (const [ending, lot] of Object.entries(lots)) {
      if (lot.count === 1) report.info(lot.last)
      else if (lot.count > 1) report.info(`${lot.count} pictures ${ending}; the last: ${lot.last}`)
      lot.count = 0
    }
  }
  return {
    add(key, ending, says) {
      if (ending === 'rejected' || ending === 'failed') report.warn(`${key}: ${ending}: ${says}`)
      if (ending !== 'made' && ending !== 'removed') return
      lots[ending].count++
      lots[ending].last = `${key}: ${says}`
      timer ??= clock.after(SUMMARY_MS, tell)
    },
    close: tell,
  }
}
