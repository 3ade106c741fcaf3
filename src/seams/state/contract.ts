import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Clock } from '../../base/clock.ts'
import { isSeamError } from '../seam-error.ts'
import type { SeamErrorCode } from '../seam-error.ts'
import { countersContract } from './counters-contract.ts'
import type { Invalidation, InvalidationItem, IpSet, State } from './state.ts'

/** The clock of a test: it moves when it is told to. */
export type TestClock = Clock & { advance(ms: number): void }

/** What a driver gives the contract: an empty installation, and nodes that open it. */
export interface StateUnderTest extends AsyncDisposable {
  /** The clock of all nodes. */
  readonly clock: TestClock
  /** Opens a node; all nodes of this installation share its state. `nodes` is how many are expected. */
  open(nodes: number): Promise<State>
}

const rejects = (promise: Promise<unknown>, code: SeamErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isSeamError(error, code))

const V4 = { family: 'ipv4', addresses: ['192.0.2.0/24', '198.51.100.7/32'] } as const
const path = (value: string): InvalidationItem => ({ kind: 'path', value, soft: false })

/** Runs `work` with `count` nodes of a fresh installation, and closes them. */
export type WithNodes = (
  count: number,
  work: (nodes: State[], clock: TestClock) => Promise<void>,
) => Promise<void>

/** The contract of the state seam. Every driver runs it, with `install` making a fresh installation. */
export function stateContract(driver: string, install: () => Promise<StateUnderTest>): void {
  async function withNodes(
    count: number,
    work: (nodes: State[], clock: TestClock) => Promise<void>,
  ): Promise<void> {
    await using installation = await install()
    const nodes: State[] = []
    try {
      for (let i = 0; i < count; i++) nodes.push(await installation.open(count))
      await work(nodes, installation.clock)
    } finally {
      for (const node of nodes) await node.close()
    }
  }

  describe(`state contract: ${driver}`, () => {
    countersContract(withNodes)

    test('an IP set is created, read synchronously, updated by lock token and deleted', () =>
      withNodes(1, async ([state]) => {
        const handle = state!.ipSets.handle('office')
        const current = (): IpSet | undefined => handle.current
        assert.equal(handle.current, undefined)
        const seen: (number | undefined)[] = []
        const unsubscribe = handle.subscribe((set) => seen.push(set?.version))
        const created = await state!.ipSets.create('office', { ...V4, description: 'ours' })
        assert.equal(current()?.lockToken, created.lockToken)
        assert.deepEqual(current()?.addresses, V4.addresses)
        const before = current()
        const updated = await state!.ipSets.update('office', created.lockToken, ['203.0.113.0/24'])
        assert.deepEqual(before?.addresses, V4.addresses)
        assert.deepEqual([updated.version, updated.description], [2, 'ours'])
        await rejects(state!.ipSets.update('office', created.lockToken, []), 'conflict')
        await rejects(state!.ipSets.delete('office', created.lockToken), 'conflict')
        await state!.ipSets.delete('office', updated.lockToken)
        assert.deepEqual([handle.current, state!.ipSets.list().length], [undefined, 0])
        assert.deepEqual(seen, [1, 2, undefined])
        unsubscribe()
        await state!.ipSets.create('office', V4)
        assert.equal(seen.length, 3)
        await rejects(state!.ipSets.create('office', V4), 'exists')
        await rejects(state!.ipSets.update('other', 'x', []), 'not-found')
      }))

    test('of many updates with the same lock token exactly one wins, from whatever node', () =>
      withNodes(2, async ([a, b]) => {
        const { lockToken } = await a!.ipSets.create('s', V4)
        const updates = Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? a! : b!).ipSets.update('s', lockToken, [`10.0.0.${i}/32`]),
        )
        const results = await Promise.allSettled(updates)
        assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
        for (const result of results)
          if (result.status === 'rejected') assert.ok(isSeamError(result.reason, 'conflict'))
        await Promise.all([a!.refresh(), b!.refresh()])
        assert.deepEqual(a!.ipSets.handle('s').current, b!.ipSets.handle('s').current)
      }))

    const badAddresses = [
      '',
      'x',
      '192.0.2.1',
      '192.0.2.1/0',
      '192.0.2.1/33',
      '192.0.2.1/08',
      '::1/128',
      '192.0.2.256/8',
      '1.2.3.4/8/9',
    ]
    test('an IP set takes CIDR blocks of its family only', () =>
      withNodes(1, async ([state]) => {
        for (const address of badAddresses) {
          await rejects(state!.ipSets.create('s', { family: 'ipv4', addresses: [address] }), 'invalid')
        }
        await rejects(state!.ipSets.create('s', { family: 'ipv6', addresses: ['192.0.2.0/24'] }), 'invalid')
        await rejects(state!.ipSets.create('s', { family: 'any', addresses: ['fe80::1%eth0/64'] }), 'invalid')
        await state!.ipSets.create('s', { family: 'any', addresses: ['192.0.2.0/24', '2001:db8::/32'] })
      }))

    test('an IP set holds 10,000 addresses and no more, and there are 100 sets and no more', () =>
      withNodes(1, async ([state]) => {
        const addresses = Array.from(
          { length: 10_000 },
          (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`,
        )
        const set = await state!.ipSets.create('s', { family: 'ipv4', addresses })
        await rejects(state!.ipSets.update('s', set.lockToken, [...addresses, '10.9.9.9/32']), 'limit')
        for (let i = 1; i < 100; i++) await state!.ipSets.create(`s${i}`, V4)
        await rejects(state!.ipSets.create('one more', V4), 'limit')
        assert.equal(state!.ipSets.list().length, 100)
      }))

    test('a block is in force until its time and keeps its beginning when it is prolonged', () =>
      withNodes(1, async ([state], clock) => {
        const { blocks } = state!
        const start = clock.now()
        await blocks.put([
          { actor: 'ip:192.0.2.1', until: start + 60_000, reason: 'scan', source: 'automatic' },
        ])
        const table = blocks.current
        assert.equal(table.find('ip:192.0.2.1', clock.now())?.reason, 'scan')
        assert.equal(table.find('ip:192.0.2.2', clock.now()), undefined)
        clock.advance(59_999)
        await blocks.put([
          { actor: 'ip:192.0.2.1', until: start + 90_000, reason: 'again', source: 'automatic' },
        ])
        assert.deepEqual(
          [blocks.current.find('ip:192.0.2.1', clock.now())?.since, table.all[0]?.reason],
          [start, 'scan'],
        )
        clock.advance(30_001)
        assert.equal(blocks.current.find('ip:192.0.2.1', clock.now()), undefined)
        await blocks.put([{ actor: 'ip:192.0.2.1', until: clock.now() + 1, reason: 'new', source: 'feed' }])
        assert.equal(blocks.current.all[0]?.since, clock.now())
        assert.equal(await blocks.lift(['ip:192.0.2.1', 'nobody']), 1)
        assert.equal(await blocks.lift(['ip:192.0.2.1']), 0)
        assert.deepEqual(blocks.current.all, [])
      }))

    test('a block needs an actor, a reason and a time, and a batch is taken whole or not at all', () =>
      withNodes(1, async ([state], clock) => {
        const good = { actor: 'a', until: clock.now() + 1_000, reason: 'r', source: 'manual' } as const
        for (const bad of [
          { ...good, actor: '' },
          { ...good, actor: 'x'.repeat(513) },
          { ...good, reason: '' },
          { ...good, until: Number.NaN },
        ]) {
          await rejects(state!.blocks.put([good, bad]), 'invalid')
        }
        assert.deepEqual(state!.blocks.current.all, [])
      }))

    test('what one node writes every other node sees after a refresh', () =>
      withNodes(2, async ([a, b], clock) => {
        const told: Invalidation[] = []
        b!.invalidations.log('E1').subscribe((records) => told.push(...records))
        await a!.ipSets.create('s', V4)
        await a!.blocks.put([{ actor: 'x', until: clock.now() + 1_000, reason: 'r', source: 'manual' }])
        await a!.values.put('k', 'v')
        await a!.invalidations.log('E1').append({ id: 'one', by: 'test', items: [path('/a'), path('/b')] })
        await b!.refresh()
        assert.deepEqual(b!.ipSets.handle('s').current?.addresses, V4.addresses)
        assert.ok(b!.blocks.current.find('x', clock.now()))
        assert.equal(b!.values.get('k')?.value, 'v')
        assert.deepEqual(
          told.map(({ seq, value }) => [seq, value]),
          [
            [1, '/a'],
            [2, '/b'],
          ],
        )
        assert.equal(b!.ageMs, 0)
      }))

    test('invalidations are numbered without gaps, per distribution, whoever appends', () =>
      withNodes(2, async ([a, b]) => {
        const appends = Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? a! : b!).invalidations
            .log('E1')
            .append({ id: `i${i}`, by: 'test', items: [path(`/${i}`), path(`/${i}/x`)] }),
        )
        const seqs = (await Promise.all(appends)).flat().map(({ seq }) => seq)
        assert.deepEqual(
          seqs.toSorted((x, y) => x - y),
          Array.from({ length: 40 }, (_, i) => i + 1),
        )
        const [first] = await a!.invalidations
          .log('E2')
          .append({ id: 'i0', by: 'test', items: [{ kind: 'all', value: '', soft: true }] })
        assert.equal(first!.seq, 1)
        await a!.refresh()
        const { records, complete } = a!.invalidations.log('E1').since(37)
        assert.deepEqual([complete, records.map(({ seq }) => seq)], [true, [38, 39, 40]])
        assert.deepEqual(a!.invalidations.log('E1').since(40), { records: [], complete: true })
      }))

    test('the same invalidation id with the same items is a retry, and with others a conflict', () =>
      withNodes(1, async ([state]) => {
        const log = state!.invalidations.log('E1')
        const batch = { id: 'one', by: 'test', items: [path('/a')] }
        assert.deepEqual(await log.append(batch), await log.append(batch))
        assert.equal(log.seq, 1)
        await rejects(log.append({ ...batch, items: [path('/b')] }), 'conflict')
      }))

    test('a position of another epoch, or ahead of the log, is answered as incomplete', () =>
      withNodes(1, async ([state]) => {
        const log = state!.invalidations.log('E1')
        await log.append({ id: 'one', by: 'test', items: [path('/a')] })
        assert.equal(log.since(0, 'another epoch').complete, false)
        assert.equal(log.since(2).complete, false)
        assert.equal(log.since(0, log.epoch).complete, true)
      }))

    test('an invalidation names something, and not too much', () =>
      withNodes(1, async ([state]) => {
        const log = state!.invalidations.log('E1')
        await rejects(log.append({ id: 'a', by: 'test', items: [] }), 'invalid')
        await rejects(log.append({ id: '', by: 'test', items: [path('/')] }), 'invalid')
        await rejects(log.append({ id: 'a', by: 'test', items: [path('')] }), 'invalid')
        await rejects(log.append({ id: 'a', by: 'test', items: [path('/'.repeat(4_097))] }), 'invalid')
        await rejects(
          log.append({ id: 'a', by: 'test', items: [{ kind: 'all', value: '/x', soft: false }] }),
          'invalid',
        )
        await rejects(
          log.append({ id: 'a', by: 'test', items: Array.from({ length: 3_001 }, () => path('/')) }),
          'limit',
        )
        assert.equal(log.seq, 0)
      }))

    test('a value is written under a condition on its version, which is never given twice', () =>
      withNodes(1, async ([state]) => {
        const { values } = state!
        const handle = values.handle('lease')
        const first = await values.put('lease', 'a', { ifAbsent: true })
        assert.equal(handle.current?.value, 'a')
        await rejects(values.put('lease', 'b', { ifAbsent: true }), 'conflict')
        const second = await values.put('lease', 'b', { ifVersion: first.version })
        await rejects(values.put('lease', 'c', { ifVersion: first.version }), 'conflict')
        await rejects(values.delete('lease', first.version), 'conflict')
        assert.equal(await values.delete('lease', second.version), true)
        assert.equal(await values.delete('lease'), false)
        assert.equal(handle.current, undefined)
        const third = await values.put('lease', 'd')
        assert.ok(third.version > second.version)
        await rejects(values.put('other', 'x', { ifVersion: third.version }), 'conflict')
      }))

    test('many writers of one value each win once', () =>
      withNodes(2, async ([a, b]) => {
        async function increment(state: State): Promise<void> {
          for (;;) {
            const before = state.values.get('n')
            const condition =
              before === undefined ? ({ ifAbsent: true } as const) : { ifVersion: before.version }
            try {
              await state.values.put('n', `${Number(before?.value ?? 0) + 1}`, condition)
              return
            } catch (error) {
              if (!isSeamError(error, 'conflict')) throw error
              await state.refresh()
            }
          }
        }
        await Promise.all(Array.from({ length: 10 }, (_, i) => increment(i % 2 ? a! : b!)))
        await a!.refresh()
        assert.equal(a!.values.get('n')?.value, '10')
      }))

    test('values are listed by prefix and bounded in size', () =>
      withNodes(1, async ([state]) => {
        for (const key of ['b/2', 'a/1', 'b/1', '__proto__']) await state!.values.put(key, key)
        assert.deepEqual(
          state!.values.list('b/').map(({ key }) => key),
          ['b/1', 'b/2'],
        )
        assert.equal(state!.values.get('__proto__')?.value, '__proto__')
        await rejects(state!.values.put('big', 'x'.repeat(64 * 1024 + 1)), 'limit')
        await rejects(state!.values.put('', 'x'), 'invalid')
      }))

    test('after close everything is refused, and closing twice is harmless', () =>
      withNodes(1, async ([state]) => {
        await state!.close()
        await state!.close()
        await rejects(state!.blocks.put([]), 'closed')
        await rejects(state!.values.put('k', 'v'), 'closed')
        await rejects(state!.refresh(), 'closed')
      }))
  })
}
