import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { createKeyValueStores } from './stores.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'key-value-stores-'))
})
after(() => rmSync(folder, { recursive: true }))

/** The same store as two processes of an edge have it: one changes it, the other follows. */
async function two(name: string) {
  const importFile = path.join(folder, `${name}-import.json`)
  writeFileSync(importFile, JSON.stringify({ data: [{ key: 'a', value: 'first' }] }))
  const planned = [{ name, importFile, stateFile: path.join(folder, `${name}.json`) }]
  const clock = new ManualClock()
  const said: string[] = []
  const leader = createKeyValueStores({ clock })
  const follower = createKeyValueStores({ clock, follows: true, report: (problem) => said.push(problem) })
  for (const stores of [leader, follower]) assert.deepEqual(await stores.use(planned), [])
  const [there, here] = [await leader.source(name), await follower.source(name)]
  /** Moves time on by half a second until it is so; reading a file takes some turns. */
  async function until(isSo: () => boolean): Promise<void> {
    for (let turn = 0; turn < 1000 && !isSo(); turn++) {
      clock.advance(500)
      await new Promise((next) => setImmediate(next))
    }
    assert.ok(isSo())
  }
  return { clock, said, leader, follower, planned, importFile, there, here, until }
}

test('what one process changes the others see within half a second, with the same ETag', async () => {
  const { leader, follower, there, here, until } = await two('seen')
  assert.equal(here.current.items.get('a'), 'first')
  for (const value of ['second', 'third']) {
    await leader.find('seen')!.update({ puts: [{ key: 'a', value }] }, there.current.etag)
    await until(() => here.current.items.get('a') === value)
    assert.equal(here.current.etag, there.current.etag)
  }
  await follower.close()
})

test('a state of another import file is not taken over: the file that was imported last begins the store anew', async () => {
  const { leader, follower, planned, importFile, there, here, until } = await two('anew')
  writeFileSync(importFile, JSON.stringify({ data: [{ key: 'a', value: 'imported' }] }))
  await leader.use(planned)
  await leader.find('anew')!.update({ puts: [{ key: 'b', value: 'new' }] }, there.current.etag)
  let turns = 0
  await until(() => ++turns > 50)
  assert.deepEqual([...here.current.items], [['a', 'first']])
  await follower.use(planned)
  await until(() => here.current.items.get('b') === 'new')
  assert.equal(here.current.items.get('a'), 'imported')
  await follower.close()
})

test('a state file that cannot be read is told once, and what is known stays', async () => {
  const { clock, said, follower, planned, here, until } = await two('broken')
  writeFileSync(planned[0]!.stateFile, '{')
  await until(() => said.length > 0)
  assert.match(said.join('\n'), /broken\.json is not the state of a key-value store/)
  assert.equal(here.current.items.get('a'), 'first')
  let turns = 0
  await until(() => ++turns > 20)
  assert.equal(said.length, 1)
  await follower.close()
  assert.equal(clock.pending, 0)
})
