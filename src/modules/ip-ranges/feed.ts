import type { Clock } from '../../base/clock.ts'
import type { Seams } from '../../seams/seams.ts'
import type { FeedConfig } from './config.ts'
import { createTarget } from './create-target.ts'
import { DocumentError, type Published, readDocument, type Selection } from './document.ts'
import { type Alarm, createFeedFiles, type FeedState } from './feed-files.ts'
import type { Fetch } from '../../http/fetch-text.ts'
import { type Fetched, fetchList } from './fetch-list.ts'
import { judgeDocument, type Refusal } from './judge.ts'
import { parseRange, type Range } from './ranges.ts'
import { applyTarget, type Target, type TargetPlan } from './target.ts'

/** Who asked for a run: goes into the audit. */
export type By = 'start' | 'schedule' | 'notification' | 'admin' | 'command line'

/** Why a run changed nothing, or not everything: a closed list. */
export type AlarmReason = Refusal | 'unreachable' | 'md5' | 'unparsable' | 'target'

export interface FeedOptions {
  readonly name: string
  readonly config: FeedConfig
  readonly clock: Clock
  readonly seams: Seams
  readonly dataFolder: string
  readonly fetch: Fetch
  /** Told once for each new alarm, and when it is over. */
  readonly onAlarm: (alarm: Alarm | undefined) => void
  /** Told of every call that changes something. */
  readonly onStep?: (target: string, says: string) => void
}

export interface RunOptions {
  readonly by: By
  /** What the document must have, in hexadecimal. */
  readonly md5?: string
  /** Take a document that loses more than `maxShrink`. */
  readonly acceptShrink?: boolean
}

/** What a list says, and whether it may be used. */
export type Look =
  | {
      readonly kind: 'ok'
      readonly isNew: boolean
      readonly ranges: readonly Range[]
      readonly next: FeedState
    }
  | { readonly kind: 'refused'; readonly why: AlarmReason; readonly message: string }

export interface TargetOutcome {
  readonly target: string
  readonly plan: TargetPlan | undefined
  /** Why it could not be planned or changed. */
  readonly failure: string | undefined
}

export interface RunOutcome {
  readonly look: Look
  readonly targets: readonly TargetOutcome[]
  readonly isOk: boolean
}

/** One list and what is kept equal to it. */
export interface Feed {
  readonly name: string
  /** Reads everything and changes nothing. */
  plan(options?: Pick<RunOptions, 'acceptShrink'>): Promise<RunOutcome>
  /** Reads the list, and brings every target to it. */
  run(options: RunOptions): Promise<RunOutcome>
  state(): Promise<FeedState>
  readonly counts: { runs: number; refused: number; changes: number; failures: number }
  /** As this process last knew it. */
  readonly known: FeedState
  close(): Promise<void>
}

export function createFeed({
  name,
  config,
  clock,
  seams,
  dataFolder,
  fetch,
  onAlarm,
  onStep,
}: FeedOptions): Feed {
  const files = createFeedFiles(dataFolder, name)
  const counts = { runs: 0, refused: 0, changes: 0, failures: 0 }
  let known: FeedState = {}
  let targets: Promise<readonly Target[]> | undefined
  let running: Promise<unknown> = Promise.resolve()

  const selection: Selection = config
  /** A list that is chosen from otherwise is not compared with the one of before. */
  const selectionText = JSON.stringify([
    config.url ?? config.file ?? '',
    config.format,
    config.services,
    config.regions,
    config.families,
    config.aggregate,
  ])

  const openTargets = (): Promise<readonly Target[]> =>
    (targets ??= Promise.all(config.targets.map((each) => createTarget(name, each, { clock, seams }))))

  async function read(): Promise<FeedState> {
    return (known = await files.read())
  }

  async function look(
    state: FeedState,
    { md5, acceptShrink }: Pick<RunOptions, 'md5' | 'acceptShrink'>,
  ): Promise<Look> {
    const isComparable = state.selection === selectionText && state.ranges !== undefined
    let fetched: Fetched
    try {
      // A notification says that there is a new one: it is fetched, whatever a cache on the way believes.
      fetched = await fetchList(config, isComparable && md5 === undefined ? state.etag : undefined, fetch)
    } catch (error) {
      return { kind: 'refused', why: 'unreachable', message: messageOf(error) }
    }
    if (fetched.kind === 'unchanged')
      return { kind: 'ok', isNew: false, ranges: rangesOf(state), next: state }
    if (md5 !== undefined && fetched.md5 !== md5)
      return { kind: 'refused', why: 'md5', message: `its md5 is ${fetched.md5}; ${md5} was announced` }
    let published: Published
    try {
      published = readDocument(fetched.text, config.format, selection)
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error
      return { kind: 'refused', why: 'unparsable', message: error.message }
    }
    const last = { publishedAt: state.publishedAt, ranges: isComparable ? rangesOf(state) : [] }
    const judgement = judgeDocument(published, last, acceptShrink === true ? 1 : config.maxShrink)
    if (judgement.kind === 'refuse')
      return { kind: 'refused', why: judgement.why, message: judgement.message }
    return {
      kind: 'ok',
      isNew: fetched.md5 !== state.md5 || !isComparable,
      ranges: published.ranges,
      next: {
        publishedAt: published.publishedAt,
        md5: fetched.md5,
        etag: fetched.etag,
        ranges: published.ranges.map(({ text }) => text),
        selection: selectionText,
        takenAt: clock.now(),
        alarm: state.alarm,
      },
    }
  }

  async function plan(options: Pick<RunOptions, 'acceptShrink'> = {}): Promise<RunOutcome> {
    const found = await look(await read(), options)
    if (found.kind === 'refused') return { look: found, targets: [], isOk: false }
    const outcomes: TargetOutcome[] = []
    for (const target of await openTargets()) {
      try {
        outcomes.push({ target: target.name, plan: await target.plan(found.ranges), failure: undefined })
      } catch (error) {
        outcomes.push({ target: target.name, plan: undefined, failure: messageOf(error) })
      }
    }
    return { look: found, targets: outcomes, isOk: outcomes.every(({ failure }) => failure === undefined) }
  }

  async function runHeld(options: RunOptions): Promise<RunOutcome> {
    const { by } = options
    counts.runs++
    const state = await read()
    const found = await look(state, options)
    const audit = (entry: Omit<Parameters<typeof files.audit>[0], 'feed' | 'by'>): Promise<void> =>
      files.audit({ feed: name, by, ...entry }, clock.now())
    if (found.kind === 'refused') {
      counts.refused++
      await audit({ event: 'refused', message: `${found.why}: ${found.message}` })
      await settle(state, { why: found.why, message: found.message })
      return { look: found, targets: [], isOk: false }
    }
    let next = found.next
    if (found.isNew) {
      await audit({ event: 'taken', message: `md5 ${next.md5}, ${found.ranges.length} ranges` })
      // Before the targets: after a crash the next run is measured by what this one began.
      await files.write(next)
    }
    const outcomes: TargetOutcome[] = []
    for (const target of await openTargets()) outcomes.push(await bring(target, found.ranges, audit))
    const failed = outcomes.filter(({ failure }) => failure !== undefined)
    if (failed.length === 0) next = { ...next, equalAt: clock.now() }
    await settle(
      next,
      failed.length === 0
        ? undefined
        : { why: 'target', message: failed.map(({ target, failure }) => `${target}: ${failure}`).join('; ') },
    )
    return { look: found, targets: outcomes, isOk: failed.length === 0 }
  }

  async function bring(
    target: Target,
    ranges: readonly Range[],
    audit: (entry: {
      event: 'change' | 'done' | 'failed'
      target: string
      message?: string
      add?: readonly string[]
      remove?: readonly string[]
    }) => Promise<void>,
  ): Promise<TargetOutcome> {
    try {
      const done = await applyTarget(target, ranges, async ({ says }) => {
        await audit({ event: 'change', target: target.name, message: says })
        onStep?.(target.name, says)
        counts.changes++
      })
      if (done.steps.length > 0)
        await audit({ event: 'done', target: target.name, add: done.add, remove: done.remove })
      return { target: target.name, plan: done, failure: undefined }
    } catch (error) {
      counts.failures++
      const failure = messageOf(error)
      await audit({ event: 'failed', target: target.name, message: failure })
      return { target: target.name, plan: undefined, failure }
    }
  }

  /** Writes the state with the alarm of this run, and tells of one that is new or over. */
  async function settle(state: FeedState, alarm: Pick<Alarm, 'why' | 'message'> | undefined): Promise<void> {
    const before = state.alarm
    const isSame = before?.why === alarm?.why && before?.message === alarm?.message
    const after =
      alarm === undefined
        ? undefined
        : isSame && before !== undefined
          ? before
          : { since: clock.now(), ...alarm }
    known = { ...state, alarm: after }
    await files.write(known)
    if (!isSame) onAlarm(after)
  }

  return {
    name,
    plan,
    run(options) {
      const mine = running.then(() => files.hold(() => runHeld(options)))
      running = mine.catch(() => {})
      return mine
    },
    state: read,
    counts,
    get known() {
      return known
    },
    async close() {
      await running
      for (const target of (await targets) ?? []) target.close()
      await files.close()
    },
  }
}

function rangesOf({ ranges = [] }: FeedState): readonly Range[] {
  return ranges.map((text) => {
    const range = parseRange(text)
    if (typeof range === 'string') throw new Error(range)
    return range
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
