import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { Secret } from '../../base/secret.ts'
import type { Clock } from '../../base/clock.ts'
import { isSeamError } from '../seam-error.ts'
import type { SeamErrorCode } from '../seam-error.ts'
import type { SecretSnapshot, Secrets } from './secrets.ts'

/** The clock of a test: it moves when it is told to. */
export type TestClock = Clock & { advance(ms: number): void }

/** What a driver gives the contract: an empty installation, and stores that open it. */
export interface SecretsUnderTest extends AsyncDisposable {
  /** The clock of all stores. */
  readonly clock: TestClock
  open(): Promise<Secrets>
}

const DAY_MS = 24 * 60 * 60 * 1_000
const rejects = (promise: Promise<unknown>, code: SeamErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isSeamError(error, code))

/** Labels by the value of the version they are on. */
function labels(snapshot: SecretSnapshot | undefined): Record<string, string> {
  return Object.fromEntries(
    [...(snapshot?.stages ?? [])].map(([stage, { value }]) => [stage, value.reveal()]),
  )
}

/** The contract of the secrets seam. Every driver runs it, with `install` making a fresh installation. */
export function secretsContract(driver: string, install: () => Promise<SecretsUnderTest>): void {
  async function withSecrets(
    work: (secrets: Secrets, clock: TestClock, again: () => Promise<Secrets>) => Promise<void>,
  ): Promise<void> {
    await using installation = await install()
    await using secrets = await installation.open()
    await work(secrets, installation.clock, () => installation.open())
  }

  describe(`secrets contract: ${driver}`, () => {
    test('a put makes a secret, and the next moves AWSCURRENT and leaves AWSPREVIOUS behind', () =>
      withSecrets(async (secrets) => {
        const handle = secrets.handle('db')
        assert.deepEqual(labels(handle.current), {})
        await secrets.put('db', new Secret('one'))
        assert.deepEqual(labels(handle.current), { AWSCURRENT: 'one' })
        await secrets.put('db', new Secret('two'))
        assert.deepEqual(labels(handle.current), { AWSCURRENT: 'two', AWSPREVIOUS: 'one' })
        await secrets.put('db', new Secret('three'))
        assert.deepEqual(labels(handle.current), { AWSCURRENT: 'three', AWSPREVIOUS: 'two' })
        assert.equal(handle.current?.versions.length, 3)
        assert.deepEqual(secrets.names(), ['db'])
      }))

    test('a pending version leaves the current one alone until the label is moved, and the way back works too', () =>
      withSecrets(async (secrets) => {
        const handle = secrets.handle('db')
        const one = await secrets.put('db', new Secret('one'))
        const two = await secrets.put('db', new Secret('two'), { stages: ['AWSPENDING'] })
        assert.deepEqual(labels(handle.current), { AWSCURRENT: 'one', AWSPENDING: 'two' })
        assert.equal(handle.current?.value.reveal(), 'one')
        await secrets.moveStage('db', 'AWSCURRENT', { to: two.id, from: one.id })
        assert.deepEqual(labels(handle.current), { AWSCURRENT: 'two', AWSPENDING: 'two', AWSPREVIOUS: 'one' })
        assert.equal((await secrets.get('db')).value.reveal(), 'two')
        await secrets.moveStage('db', 'AWSPENDING', { from: two.id })
        await secrets.moveStage('db', 'AWSCURRENT', { to: one.id, from: two.id })
        assert.deepEqual(labels(handle.current), { AWSCURRENT: 'one', AWSPREVIOUS: 'two' })
      }))

    test('the first version is current whatever labels it was put with', () =>
      withSecrets(async (secrets) => {
        await secrets.put('db', new Secret('one'), { stages: ['AWSPENDING'] })
        assert.deepEqual(labels(secrets.handle('db').current), { AWSPENDING: 'one', AWSCURRENT: 'one' })
      }))

    test('a token repeated with the same value is a retry, and with another value a conflict', () =>
      withSecrets(async (secrets) => {
        const token = randomUUID()
        const first = await secrets.put('db', new Secret('one'), { token })
        await secrets.put('db', new Secret('two'))
        assert.equal(first.id, token)
        assert.equal((await secrets.put('db', new Secret('one'), { token })).id, token)
        assert.deepEqual(labels(secrets.handle('db').current), { AWSCURRENT: 'two', AWSPREVIOUS: 'one' })
        await rejects(secrets.put('db', new Secret('other'), { token }), 'conflict')
        assert.equal(secrets.handle('db').current?.versions.length, 2)
      }))

    test('a label moves only from where it is', () =>
      withSecrets(async (secrets) => {
        const one = await secrets.put('db', new Secret('one'))
        const two = await secrets.put('db', new Secret('two'), { stages: ['mine'] })
        await rejects(secrets.moveStage('db', 'AWSCURRENT', { to: two.id }), 'conflict')
        await rejects(secrets.moveStage('db', 'AWSCURRENT', { to: two.id, from: two.id }), 'conflict')
        await rejects(secrets.moveStage('db', 'AWSCURRENT', { from: one.id }), 'invalid')
        await rejects(secrets.moveStage('db', 'AWSCURRENT', {}), 'invalid')
        await rejects(
          secrets.moveStage('db', 'AWSCURRENT', { to: 'no such version', from: one.id }),
          'not-found',
        )
        await rejects(secrets.moveStage('other', 'AWSCURRENT', { to: one.id }), 'not-found')
        await secrets.moveStage('db', 'mine', { to: two.id })
        await secrets.moveStage('db', 'fresh', { to: two.id })
        assert.deepEqual(labels(secrets.handle('db').current), {
          AWSCURRENT: 'one',
          mine: 'two',
          fresh: 'two',
        })
      }))

    test('a version is found by label, by id, or by both', () =>
      withSecrets(async (secrets) => {
        const one = await secrets.put('db', new Secret('one'))
        await secrets.put('db', new Secret('two'))
        assert.equal((await secrets.get('db', { stage: 'AWSPREVIOUS' })).id, one.id)
        assert.equal((await secrets.get('db', { versionId: one.id })).value.reveal(), 'one')
        await rejects(secrets.get('db', { versionId: one.id, stage: 'AWSCURRENT' }), 'not-found')
        await rejects(secrets.get('db', { stage: 'AWSPENDING' }), 'not-found')
        await rejects(secrets.get('other'), 'not-found')
      }))

    test('old unlabelled versions are pruned down to 100, and none that is younger than a day', () =>
      withSecrets(async (secrets, clock) => {
        const handle = secrets.handle('db')
        for (let i = 0; i < 100; i++) await secrets.put('db', new Secret(`${i}`))
        await rejects(secrets.put('db', new Secret('too many in a day')), 'limit')
        clock.advance(DAY_MS)
        for (let i = 100; i < 130; i++) await secrets.put('db', new Secret(`${i}`))
        assert.equal(handle.current?.versions.length, 100)
        assert.equal(handle.current.versions[0]?.value.reveal(), '30')
        assert.deepEqual(labels(handle.current), { AWSCURRENT: '129', AWSPREVIOUS: '128' })
      }))

    test('a version that keeps a label is not pruned', () =>
      withSecrets(async (secrets, clock) => {
        await secrets.put('db', new Secret('first'))
        const kept = await secrets.put('db', new Secret('kept'), { stages: ['keep'] })
        for (let i = 0; i < 150; i++) {
          clock.advance(DAY_MS)
          await secrets.put('db', new Secret(`${i}`))
        }
        assert.equal((await secrets.get('db', { stage: 'keep' })).id, kept.id)
        assert.equal(secrets.handle('db').current?.versions.length, 100)
      }))

    const bounds: readonly {
      what: string
      code: SeamErrorCode
      put: (secrets: Secrets) => Promise<unknown>
    }[] = [
      {
        what: 'a value above 65,536 bytes',
        code: 'limit',
        put: (s) => s.put('db', new Secret('é'.repeat(32_769))),
      },
      { what: 'an empty name', code: 'invalid', put: (s) => s.put('', new Secret('x')) },
      { what: 'a name with a space', code: 'invalid', put: (s) => s.put('a b', new Secret('x')) },
      {
        what: 'a name above 512 characters',
        code: 'invalid',
        put: (s) => s.put('x'.repeat(513), new Secret('x')),
      },
      {
        what: 'a short token',
        code: 'invalid',
        put: (s) => s.put('db', new Secret('x'), { token: 'short' }),
      },
      { what: 'no label at all', code: 'invalid', put: (s) => s.put('has', new Secret('x'), { stages: [] }) },
      { what: 'an empty label', code: 'invalid', put: (s) => s.put('db', new Secret('x'), { stages: [''] }) },
      {
        what: '21 labels',
        code: 'limit',
        put: (s) => s.put('has', new Secret('x'), { stages: Array.from({ length: 21 }, (_, i) => `l${i}`) }),
      },
    ]
    for (const { what, code, put } of bounds) {
      test(`${what} is refused`, () =>
        withSecrets(async (secrets) => {
          await secrets.put('has', new Secret('one'))
          await rejects(put(secrets), code)
          assert.deepEqual(secrets.names(), ['has'])
        }))
    }

    test('subscribers hear of every change of their secret and of no other', () =>
      withSecrets(async (secrets) => {
        const seen: (string | undefined)[] = []
        secrets.handle('a').subscribe((snapshot) => seen.push(snapshot?.value.reveal()))
        await secrets.put('a', new Secret('1'))
        await secrets.put('b', new Secret('x'))
        await secrets.put('a', new Secret('2'))
        assert.equal(await secrets.delete('a'), true)
        assert.equal(await secrets.delete('a'), false)
        assert.deepEqual(seen, ['1', '2', undefined])
      }))

    test('of many writers none is lost, and all stores end with the same versions', () =>
      withSecrets(async (secrets, _clock, again) => {
        await using other = await again()
        const names = ['a', 'b', '__proto__']
        await Promise.all(
          Array.from({ length: 60 }, (_, i) =>
            (i % 2 ? secrets : other).put(names[i % 3]!, new Secret(`${i}`)),
          ),
        )
        await Promise.all([secrets.refresh(), other.refresh()])
        for (const name of names) {
          assert.equal(secrets.handle(name).current?.versions.length, 20)
          assert.deepEqual(labels(secrets.handle(name).current), labels(other.handle(name).current))
        }
      }))

    test('no value shows in JSON, in errors or in the debugger', () =>
      withSecrets(async (secrets) => {
        await secrets.put('db', new Secret('hunter2'))
        const shown =
          JSON.stringify(secrets.handle('db').current) + inspect(secrets.handle('db').current, { depth: 9 })
        assert.ok(!shown.includes('hunter2'))
      }))

    test('after close everything is refused, and closing twice is harmless', () =>
      withSecrets(async (secrets) => {
        await secrets.close()
        await secrets.close()
        await rejects(secrets.put('db', new Secret('x')), 'closed')
      }))
  })
}
