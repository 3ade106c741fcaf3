import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { Secret } from '../../base/secret.ts'
import { isSeamError } from '../seam-error.ts'
import { createFileAudit, rotationSteps } from './audit.ts'
import { openEmbeddedSecrets } from './embedded.ts'
import { acceptedVersions, rotate, rotationState } from './rotation.ts'
import type { RotationResult, RotationWork } from './rotation.ts'
import type { Secrets } from './secrets.ts'

const HANDOVER_MS = 2_000

async function bench(more: Partial<RotationWork> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-rotation-'))
  const clock = new ManualClock()
  const auditFile = join(folder, 'audit.jsonl')
  const audit = createFileAudit(auditFile, () => clock.now())
  const secrets = await openEmbeddedSecrets({ file: join(folder, 'secrets.json'), clock })
  let made = 0
  const calls: string[] = []
  /** What the origin accepts: the rotation tells it. */
  let accepted: string[] = []
  const work: RotationWork = {
    createValue: () => new Secret(`value-${++made}`),
    async setSecret(snapshot) {
      calls.push('setSecret')
      accepted = acceptedVersions(snapshot).map(({ value }) => value.reveal())
    },
    async testSecret(_snapshot, pending) {
      calls.push('testSecret')
      assert.ok(accepted.includes(pending.value.reveal()))
    },
    async rollBack(snapshot) {
      calls.push('rollBack')
      const previous = snapshot.stages.get('AWSPREVIOUS')
      accepted = [snapshot.value.reveal(), ...(previous === undefined ? [] : [previous.value.reveal()])]
    },
    ...more,
  }
  const run = (over: Secrets = secrets, by = 'test', steps = work): Promise<RotationResult> =>
    rotate({ secrets: over, name: 'db', work: steps, audit, clock, by, handoverMs: HANDOVER_MS })
  await secrets.put('db', new Secret('value-0'))
  return {
    clock,
    secrets,
    audit,
    auditFile,
    work,
    calls,
    run,
    accepted: () => accepted,
    /** Values by label. */
    labels: () =>
      Object.fromEntries(
        [...secrets.handle('db').current!.stages].map(([stage, { value }]) => [stage, value.reveal()]),
      ),
    async [Symbol.asyncDispose]() {
      await secrets.close()
      await rm(folder, { recursive: true })
    },
  }
}

test('a rotation makes, sets, tests and finishes, and the audit says so without a value', async () => {
  await using place = await bench()
  const result = await place.run()
  assert.equal(result.kind, 'rotated')
  assert.deepEqual(place.labels(), { AWSCURRENT: 'value-1', AWSPREVIOUS: 'value-0' })
  assert.deepEqual(place.calls, ['setSecret', 'testSecret'])
  const entries = await place.audit.read('db')
  assert.deepEqual(
    entries.map(({ event, step }) => `${step} ${event}`),
    rotationSteps.flatMap((step) => [`${step} begin`, `${step} done`]),
  )
  for (const { versionId, by } of entries) {
    assert.equal(versionId, result.versionId)
    assert.equal(by, 'test')
  }
  assert.doesNotMatch(await readFile(place.auditFile, 'utf8'), /value-\d/)
  assert.equal((await stat(place.auditFile)).mode & 0o777, 0o600)
})

test('a value is accepted from its setSecret to the second one after it: two intervals', async () => {
  await using place = await bench()
  const accepts: string[][] = []
  for (let i = 0; i < 4; i++) {
    place.clock.advance(60_000)
    await place.run()
    accepts.push(place.accepted())
    const after = acceptedVersions(place.secrets.handle('db').current!).map(({ value }) => value.reveal())
    assert.deepEqual(after, place.accepted(), 'finishSecret changes names, not the set')
  }
  assert.deepEqual(accepts, [
    ['value-0', 'value-1'],
    ['value-1', 'value-2'],
    ['value-2', 'value-3'],
    ['value-3', 'value-4'],
  ])
})

class Crash extends Error {}
/** Where a process can die: before or after each change of the store, and inside the two steps outside of it. */
const deaths: readonly {
  at: string
  secrets?: (real: Secrets) => Partial<Secrets>
  work?: (real: RotationWork) => Partial<RotationWork>
  /** Whether the value survives: it does from createSecret's write on. */
  keeps: boolean
}[] = [
  { at: 'before createSecret', secrets: () => ({ put: die }), keeps: false },
  {
    at: 'after createSecret',
    secrets: (real) => ({ put: (...given) => real.put(...given).then(die) }),
    keeps: true,
  },
  { at: 'in setSecret', work: () => ({ setSecret: hang }), keeps: true },
  {
    at: 'after setSecret',
    work: (real) => ({ setSecret: (...given) => real.setSecret(...given).then(hang) }),
    keeps: true,
  },
  { at: 'in testSecret', work: () => ({ testSecret: hang }), keeps: true },
  { at: 'before finishSecret', secrets: () => ({ moveStage: die }), keeps: true },
  {
    at: 'between the two moves of finishSecret',
    secrets: (real) => ({
      moveStage: (name, stage, move) => (stage === 'AWSPENDING' ? die() : real.moveStage(name, stage, move)),
    }),
    keeps: true,
  },
  {
    at: 'after finishSecret',
    secrets: (real) => ({
      moveStage: async (name, stage, move) => {
        await real.moveStage(name, stage, move)
        if (stage === 'AWSPENDING') die()
      },
    }),
    keeps: true,
  },
]

function die(): never {
  throw new Crash('killed')
}

/** A process that dies inside its own step never returns from it. */
function hang(): Promise<never> {
  return new Promise(() => {})
}

for (const { at, secrets, work, keeps } of deaths) {
  test(`a rotation killed ${at} is resumed by the next, and the end is the same`, async () => {
    await using place = await bench()
    const real = place.secrets
    const dying = secrets === undefined ? real : proxied(real, secrets(real))
    let reached: () => void = () => {}
    const inside = new Promise<void>((resolve) => (reached = resolve))
    const steps: RotationWork = { ...place.work, ...work?.(place.work) }
    const signalling: RotationWork = {
      ...steps,
      setSecret: (...given) => {
        if (at.endsWith('setSecret')) setImmediate(reached)
        return steps.setSecret(...given)
      },
      testSecret: (...given) => {
        if (at.endsWith('testSecret')) setImmediate(reached)
        return steps.testSecret(...given)
      },
    }
    const crashed = place.run(dying, 'first', signalling).then(
      () => assert.fail('it did not die'),
      (error: unknown) => {
        if (!(error instanceof Crash)) throw error
      },
    )
    await Promise.race([crashed, inside])

    place.clock.advance(HANDOVER_MS)
    const result = await place.run()
    assert.equal(result.kind, 'rotated')
    const value = keeps ? 'value-1' : 'value-2'
    if (at === 'after finishSecret') {
      // Nothing was left to resume: this was the next rotation.
      assert.deepEqual(place.labels(), { AWSCURRENT: 'value-2', AWSPREVIOUS: 'value-1' })
      return
    }
    assert.equal(result.resumed, keeps)
    assert.deepEqual(place.labels(), { AWSCURRENT: value, AWSPREVIOUS: 'value-0' })
    assert.deepEqual(rotationState(real.handle('db').current!), { kind: 'idle' })
    assert.deepEqual(
      acceptedVersions(real.handle('db').current!).map((version) => version.value.reveal()),
      ['value-0', value],
    )
  })
}

function proxied(real: Secrets, changed: Partial<Secrets>): Secrets {
  return new Proxy(real, {
    get: (target, key) => {
      const found: unknown = Reflect.get(changed, key) ?? Reflect.get(target, key)
      return typeof found === 'function' ? (found.bind(target) as unknown) : found
    },
  })
}

for (const step of ['setSecret', 'testSecret'] as const) {
  test(`when ${step} fails everything is taken back and said, and the next rotation begins anew`, async () => {
    let broken = true
    await using place = await bench()
    const work: RotationWork = {
      ...place.work,
      async [step](...given: Parameters<RotationWork['setSecret']>) {
        await place.work[step](...given)
        if (broken) throw new Error(`the origin said no to ${given[1].value.reveal()}`)
      },
    }
    const result = await place.run(place.secrets, 'test', work)
    assert.ok(result.kind === 'rolled-back')
    assert.equal(result.step, step)
    assert.equal(result.error.message, 'the origin said no to [secret]')
    assert.doesNotMatch(String(result.error.stack), /value-1/)
    assert.deepEqual(place.labels(), { AWSCURRENT: 'value-0' })
    assert.deepEqual(place.accepted(), ['value-0'])
    assert.deepEqual(
      (await place.audit.read('db')).slice(-2).map((entry) => [entry.event, entry.message]),
      [
        ['failed', 'the origin said no to [secret]'],
        ['rolled-back', undefined],
      ],
    )

    broken = false
    const next = await place.run(place.secrets, 'test', work)
    assert.ok(next.kind === 'rotated' && !next.resumed)
    assert.deepEqual(place.labels(), { AWSCURRENT: 'value-2', AWSPREVIOUS: 'value-0' })
  })
}

test('a rotation that cannot be taken back stands where it was and says both reasons', async () => {
  await using place = await bench({
    testSecret: () => Promise.reject(new Error('no test')),
    rollBack: () => Promise.reject(new Error('no way back')),
  })
  const result = await place.run()
  assert.ok(result.kind === 'rolled-back')
  assert.equal(result.error.message, 'no test')
  assert.equal(result.rollbackError?.message, 'no way back')
  assert.equal(rotationState(place.secrets.handle('db').current!).kind, 'pending')
})

test('the next rotation waits with setSecret until nobody can use the value it lets die', async () => {
  await using place = await bench()
  await place.run()
  place.calls.length = 0
  const second = place.run()
  // Everything before the wait is done when the timer stands.
  while (place.clock.pending < 2) await new Promise((turn) => setImmediate(turn))
  assert.deepEqual(place.calls, [])
  place.clock.advance(HANDOVER_MS)
  assert.equal((await second).kind, 'rotated')
  assert.deepEqual(place.calls, ['setSecret', 'testSecret'])
})

test('a label that somebody else has moved stops the rotation', async () => {
  await using place = await bench()
  const work: RotationWork = {
    ...place.work,
    async testSecret() {
      await place.secrets.put('db', new Secret('by hand'))
    },
  }
  const moving = proxied(place.secrets, {
    moveStage: (name, stage, move) =>
      place.secrets.moveStage(name, stage, stage === 'AWSCURRENT' ? { ...move, from: 'x'.repeat(32) } : move),
  })
  await assert.rejects(place.run(moving, 'test', work), (error) =>
    isSeamError(error, 'not-found', 'conflict'),
  )
  assert.equal(place.labels()['AWSCURRENT'], 'by hand')
})

test('a secret that is not there is told with what to do', async () => {
  await using place = await bench()
  await place.secrets.delete('db')
  await assert.rejects(place.run(), /there is no secret "db" to rotate: "edgeward secrets set db" makes it/)
})

test('nothing is changed when the audit cannot be written', async () => {
  await using place = await bench()
  const before = place.secrets.handle('db').current
  await assert.rejects(
    rotate({
      secrets: place.secrets,
      name: 'db',
      work: place.work,
      audit: createFileAudit('/dev/null/audit', () => place.clock.now()),
      clock: place.clock,
      by: 'test',
      handoverMs: 0,
    }),
    /the audit of secrets \/dev\/null\/audit cannot be written \(E[A-Z]+\): nothing is changed without it/,
  )
  assert.equal(place.secrets.handle('db').current, before)
})
