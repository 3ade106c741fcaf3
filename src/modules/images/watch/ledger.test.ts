import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isSeamError } from '../../../seams/seam-error.ts'
import { type Failure, Ledger } from './ledger.ts'

async function withFolder(use: (open: () => Promise<Ledger>) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-ledger-'))
  try {
    await use(() => Ledger.open(folder, 'uploads', assert.ifError))
  } finally {
    await rm(folder, { recursive: true })
  }
}

const failure = (key: string, more: Partial<Failure> = {}): Failure => ({
  key,
  kind: 'failed',
  code: 'InstantiationError',
  why: 'It is no picture.',
  attempts: 1,
  at: 1_000,
  version: 'v1',
  ...more,
})

test('what was asked for and what failed outlives the process, and is seen by the others', async () => {
  await withFolder(async (open) => {
    {
      await using ledger = await open()
      await using other = await open()
      await ledger.ask(['a', 'b', 'c'])
      await ledger.fail(failure('b', { why: 'x'.repeat(1_000) }), ledger.asked.get('b'))
      await ledger.settle('c', ledger.asked.get('c'))
      await other.refresh()
      assert.deepEqual([...other.asked.keys()], ['a'])
      assert.deepEqual([...other.failures.keys()], ['b'])
    }
    await using again = await open()
    assert.deepEqual([...again.asked.keys()], ['a'])
    assert.deepEqual([...again.failures.values()], [failure('b', { why: 'x'.repeat(300) })])
  })
})

test('what is asked for again while it is looked at stays asked for', async () => {
  await withFolder(async (open) => {
    await using ledger = await open()
    await ledger.ask(['a'])
    const before = ledger.asked.get('a')
    await using other = await open()
    await other.ask(['a'])
    await ledger.settle('a', before)
    assert.deepEqual([...ledger.asked.keys()], ['a'])
    await ledger.fail(failure('a'), before)
    assert.deepEqual([[...ledger.asked.keys()], ledger.failures.size], [['a'], 0])
    await ledger.settle('a', ledger.asked.get('a'))
    assert.equal(ledger.asked.size, 0)
  })
})

test('failures are asked for again, all or one of them', async () => {
  await withFolder(async (open) => {
    await using ledger = await open()
    for (const key of ['a', 'b', 'c']) await ledger.fail(failure(key), undefined)
    assert.equal(await ledger.retry('nothing'), 0)
    assert.equal(await ledger.retry('b'), 1)
    assert.deepEqual([[...ledger.asked.keys()], [...ledger.failures.keys()]], [['b'], ['a', 'c']])
    assert.equal(await ledger.retry(), 2)
    assert.deepEqual([[...ledger.asked.keys()], ledger.failures.size], [['b', 'a', 'c'], 0])
  })
})

test('failed tries are counted across restarts, by version, until it is done, failed or asked for again', async () => {
  await withFolder(async (open) => {
    {
      await using ledger = await open()
      assert.equal(await ledger.addTry('a', 'v1'), 1)
      assert.equal(await ledger.addTry('a', 'v1'), 2)
      assert.equal(await ledger.addTry('b', ''), 1)
    }
    await using ledger = await open()
    // Where the version cannot be told, the place being down, it is the one before.
    assert.equal(await ledger.addTry('a', ''), 3)
    assert.deepEqual(ledger.tried.get('a'), { key: 'a', attempts: 3, version: 'v1' })
    assert.equal(await ledger.addTry('b', 'v1'), 2)
    assert.equal(await ledger.addTry('a', 'v2'), 1)
    await ledger.settle('a', undefined)
    await ledger.fail(failure('b'), undefined)
    assert.equal(ledger.tried.size, 0)
    await ledger.addTry('b', 'v1')
    await ledger.retry('b')
    assert.equal(await ledger.addTry('b', 'v1'), 1)
  })
})

test('more than can be kept is refused, and nothing of it is kept', async () => {
  await withFolder(async (open) => {
    await using ledger = await open()
    await ledger.ask(Array.from({ length: 20_000 }, (_, i) => `${i}`))
    await assert.rejects(ledger.ask(['more']), (error) => isSeamError(error, 'limit'))
    assert.ok(!ledger.asked.has('more'))
  })
})
