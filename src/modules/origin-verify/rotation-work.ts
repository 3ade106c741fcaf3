import { randomBytes } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { Secret } from '../../base/secret.ts'
import type { SecretSnapshot, SecretVersion } from '../../seams/secrets/secrets.ts'
import { acceptedVersions, type RotationWork } from '../../seams/secrets/rotation.ts'
import { pollUntilStable } from './poll.ts'
import { askAround, askUrl, type ProbeAnswer } from './probe.ts'
import { isUsableValue, USABLE_VALUE } from './snippets.ts'
import { type Target, nameOf } from './targets.ts'
import { createTell, isSender, type News } from './tell.ts'

export interface WorkOptions {
  readonly targets: readonly Target[]
  readonly clock: Clock
  readonly createValue: () => Secret
  readonly signal?: AbortSignal | undefined
  /** Asks a target as the edge asks it for viewers, with a version of ours; undefined when no edge is there to ask. */
  readonly askThroughEdge: (target: Target, version: SecretVersion) => Promise<ProbeAnswer | undefined>
}

/** The rotation of a secret that origins check. */
export function createOriginVerifyWork(options: WorkOptions): RotationWork {
  const { targets, clock } = options

  return {
    createValue() {
      const value = options.createValue()
      if (!isUsableValue(value.reveal())) {
        throw new Error(`the value cannot be the secret of an origin: expected ${USABLE_VALUE}`)
      }
      return value
    },
    async setSecret(snapshot, pending) {
      await tellAccepters(targets, snapshot, acceptedVersions(snapshot))
      await tellSenders(targets, snapshot, pending)
    },
    async testSecret(snapshot, pending) {
      await Promise.all(targets.map((target) => test(target, snapshot, pending)))
    },
    async rollBack(snapshot) {
      const current = snapshot.stages.get('AWSCURRENT')!
      const previous = snapshot.stages.get('AWSPREVIOUS')
      await tellSenders(targets, snapshot, current)
      await tellAccepters(targets, snapshot, previous === undefined ? [current] : [previous, current])
    },
  }

  async function test(target: Target, snapshot: SecretSnapshot, pending: SecretVersion): Promise<void> {
    const { path, through, everyMs, stableMs, timeoutSeconds } = target.config.test
    const { header } = target.config
    const name = nameOf(target)
    const { origin } = target

    async function look(): Promise<string | undefined> {
      const expectations: { how: string; wanted: Wanted; answer: Promise<ProbeAnswer | undefined> }[] = []
      const expect = (how: string, wanted: Wanted, answer: Promise<ProbeAnswer | undefined>) =>
        expectations.push({ how, wanted, answer })
      if (origin.kind === 'url') {
        const around = (value: string | undefined) => askAround(origin, path, header, value)
        expect('around the edge without the header', 'refusal', around(undefined))
        expect('around the edge with a wrong value', 'refusal', around(randomBytes(32).toString('base64url')))
        expect('with the new value', 'success', around(pending.value.reveal()))
        expect('with the current value', 'success', around(snapshot.value.reveal()))
        const dead = snapshot.stages.get('AWSPREVIOUS')
        if (dead !== undefined && dead.id !== pending.id)
          expect('with the value that dies', 'refusal', around(dead.value.reveal()))
      }
      const current = snapshot.stages.get('AWSCURRENT')!
      expect('through the edge with the new value', 'success', options.askThroughEdge(target, pending))
      expect('through the edge with the current value', 'success', options.askThroughEdge(target, current))
      if (through !== undefined) expect(`through ${through}`, 'success', askUrl(through))
      for (const { how, wanted, answer } of expectations) {
        const got = await answer
        if (got === undefined || isAsWanted(wanted, got)) continue
        const expected = wanted === 'success' ? 'a status from 200 to 399' : '403'
        return `the origin ${name}, asked ${how} for ${path}, answered ${got}; expected ${expected}`
      }
      return undefined
    }

    await pollUntilStable(look, {
      clock,
      everyMs,
      stableMs,
      timeoutMs: timeoutSeconds * 1_000,
      signal: options.signal,
    })
  }
}

type Wanted = 'success' | 'refusal'

function isAsWanted(wanted: Wanted, got: ProbeAnswer): boolean {
  if (typeof got === 'string') return false
  return wanted === 'refusal' ? got === 403 : got >= 200 && got < 400
}

/** Tells everyone who checks what is accepted from now on. */
export async function tellAccepters(
  targets: readonly Target[],
  snapshot: SecretSnapshot,
  accepted: readonly SecretVersion[],
): Promise<void> {
  await tell(targets, false, accepted, snapshot.value)
}

async function tellSenders(
  targets: readonly Target[],
  snapshot: SecretSnapshot,
  version: SecretVersion,
): Promise<void> {
  await tell(targets, true, acceptedVersions(snapshot), version.value)
}

async function tell(
  targets: readonly Target[],
  senders: boolean,
  accepted: readonly SecretVersion[],
  send: Secret,
): Promise<void> {
  for (const { config } of targets) {
    const news: News = {
      header: config.header,
      accepted: accepted.map(({ value }) => value.reveal()),
      send: send.reveal(),
    }
    for (const each of config.tell) if (isSender(each) === senders) await createTell(each)(news)
  }
}
