import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { isSeamError } from '../seam-error.ts'
import { openFolderExchange } from './folder-exchange.ts'
import type { NodeReport } from './rate-counters.ts'

function reportOf(node: string, at: number): NodeReport {
  return { node, at, counters: [{ name: 'c', windowMs: 60_000, slotStartedAt: at, keys: [['k', [1]]] }] }
}

test('a node reads the last report of every other node, until its windows are over', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-exchange-'))
  await using _cleanup = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
  const clock = new ManualClock()
  const errors: Error[] = []
  const report = (error: Error): void => void errors.push(error)
  const a = await openFolderExchange(folder, 'a', clock, report)
  const b = await openFolderExchange(folder, 'b', clock, report)
  await a.publish(reportOf('a', clock.now()))
  clock.advance(10)
  await a.publish(reportOf('a', clock.now()))
  await b.publish(reportOf('b', clock.now()))
  assert.deepEqual(await b.collect(), [reportOf('a', clock.now())])
  for (const text of ['', '{}', '{"node":"x","at":1,"counters":[{"name":"c","keys":"all"}]}']) {
    await writeFile(join(folder, 'broken.json'), text)
    assert.equal((await b.collect()).length, 1)
    assert.ok(isSeamError(errors.pop(), 'corrupt'))
    await b.collect()
    assert.equal(errors.length, 0)
  }
  clock.advance(120_001)
  assert.deepEqual(await b.collect(), [])
  assert.deepEqual((await readdir(folder)).sort(), ['b.json', 'broken.json'])
})
