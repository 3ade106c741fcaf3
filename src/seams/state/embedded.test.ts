import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { isSeamError } from '../seam-error.ts'
import { stateContract } from './contract.ts'
import { openEmbeddedState } from './embedded.ts'
import type { EmbeddedStateOptions } from './embedded.ts'
import type { State } from './state.ts'

async function folderForTest(): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-state-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

function failOnReport(error: Error): void {
  throw error
}

function open(folder: string, more: Partial<EmbeddedStateOptions> = {}): Promise<State> {
  return openEmbeddedState({ folder, clock: new ManualClock(), report: failOnReport, ...more })
}

stateContract('embedded', async () => {
  const { folder, [Symbol.asyncDispose]: dispose } = await folderForTest()
  const clock = new ManualClock()
  return {
    clock,
    open: (nodes) => open(folder, { clock, processes: nodes }),
    [Symbol.asyncDispose]: dispose,
  }
})

test('everything but lone rate counters is there again after a restart', async () => {
  await using place = await folderForTest()
  const clock = new ManualClock()
  const before = await open(place.folder, { clock })
  await before.ipSets.create('s', { family: 'ipv4', addresses: ['192.0.2.0/24'] })
  await before.blocks.put([{ actor: 'x', until: clock.now() + 1_000, reason: 'r', source: 'manual' }])
  await before.values.put('k', 'v')
  await before.values.delete('k')
  await before.values.put('k', 'w')
  await before.invalidations
    .log('E1')
    .append({ id: 'a', by: 't', items: [{ kind: 'tag', value: 't', soft: true }] })
  const { epoch } = before.invalidations.log('E1')
  const ipSet = before.ipSets.handle('s').current
  await before.close()
  await using after = await open(place.folder, { clock })
  assert.deepEqual(after.ipSets.handle('s').current, ipSet)
  assert.ok(after.blocks.current.find('x', clock.now()))
  assert.deepEqual(after.values.get('k'), { key: 'k', value: 'w', version: 3 })
  assert.deepEqual([after.invalidations.log('E1').epoch, after.invalidations.log('E1').seq], [epoch, 1])
})

test('counts shared by several processes survive the restart of one', async () => {
  await using place = await folderForTest()
  const clock = new ManualClock()
  const spec = { name: 'n', limit: 100, windowSeconds: 300 }
  await using other = await open(place.folder, { clock, processes: 2 })
  const first = await open(place.folder, { clock, processes: 2 })
  first.counters.open(spec).add('k', 40)
  await first.close()
  clock.advance(20_000)
  await using again = await open(place.folder, { clock, processes: 2 })
  const counter = again.counters.open(spec)
  await again.counters.flush()
  assert.equal(counter.peek('k'), 40)
  clock.advance(400_000)
  await other.counters.flush()
  await again.counters.flush()
  assert.equal(counter.peek('k'), 0)
  assert.equal((await readdir(join(place.folder, 'counters'))).length, 2)
})

test('a line that a kill -9 cut short is passed over, and the next write takes its place', async () => {
  await using place = await folderForTest()
  const clock = new ManualClock()
  const file = join(place.folder, 'values.ndjson')
  const before = await open(place.folder, { clock })
  await before.values.put('kept', 'v')
  await before.close()
  await appendFile(file, '[{"put":{"key":"half","val')
  await writeFile(`${file}.new`, 'left over from a rewrite')
  await using after = await open(place.folder, { clock })
  assert.deepEqual(
    after.values.list('').map(({ key }) => key),
    ['kept'],
  )
  assert.ok(!(await readdir(place.folder)).includes('values.ndjson.new'))
  await after.values.put('next', 'v')
  const lines = (await readFile(file, 'utf8')).split('\n')
  assert.deepEqual(lines.slice(1), [
    '[{"put":{"key":"kept","value":"v","version":1}}]',
    '[{"put":{"key":"next","value":"v","version":2}}]',
    '',
  ])
})

const corruptions: readonly { name: string; text: string; says: RegExp }[] = [
  { name: 'an empty file', text: '', says: /its first line is missing/ },
  { name: 'a file of another program', text: '{"hello":1}\n', says: /line 1 does not say/ },
  {
    name: 'a newer format',
    text: '{"edgeward":"state/blocks","format":2,"epoch":"e"}\n',
    says: /newer version/,
  },
  {
    name: 'a line that is not JSON',
    text: '{"edgeward":"state/blocks","format":1,"epoch":"e"}\n[{"put"\n[]\n',
    says: /line 2 is not JSON/,
  },
  {
    name: 'a record of another shape',
    text: '{"edgeward":"state/blocks","format":1,"epoch":"e"}\n[]\n[{"put":{"actor":1}}]\n',
    says: /line 3/,
  },
]
for (const { name, text, says } of corruptions) {
  test(`${name} is refused by name and left as it is`, async () => {
    await using place = await folderForTest()
    const file = join(place.folder, 'blocks.ndjson')
    await (await open(place.folder)).close()
    await writeFile(file, text)
    await assert.rejects(open(place.folder), (error) => {
      assert.ok(isSeamError(error, 'corrupt'))
      assert.match(error.message, says)
      assert.ok(error.message.includes(file))
      assert.match(error.message, /Put a good copy in its place/)
      return true
    })
    assert.equal(await readFile(file, 'utf8'), text)
    await rm(file)
    await (await open(place.folder)).close()
  })
}

test('a file that is damaged while in use fails writes and refreshes, and what was known stays', async () => {
  await using place = await folderForTest()
  const reports: Error[] = []
  const clock = new ManualClock()
  await using state = await open(place.folder, { clock, report: (error) => reports.push(error) })
  await state.values.put('k', 'v')
  await writeFile(join(place.folder, 'values.ndjson'), 'gone')
  await assert.rejects(state.values.put('k', 'w'), (error) => isSeamError(error, 'corrupt'))
  await assert.rejects(state.refresh(), (error) => isSeamError(error, 'corrupt'))
  assert.equal(state.values.get('k')?.value, 'v')
  assert.equal(await readFile(join(place.folder, 'values.ndjson'), 'utf8'), 'gone')
  clock.advance(5_000)
  assert.equal(state.ageMs, 5_000)
})

test('blocks are bounded: what is over goes first, then what ends first, and manual blocks never', async () => {
  await using place = await folderForTest()
  const clock = new ManualClock()
  await using state = await open(place.folder, { clock, maxBlocks: 10 })
  const now = clock.now()
  const block = (
    i: number,
    source: 'manual' | 'automatic',
  ): Parameters<State['blocks']['put']>[0][number] => ({
    actor: `${source}-${i}`,
    until: now + 1_000 * (i + 1),
    reason: 'r',
    source,
  })
  await state.blocks.put([0, 1, 2].map((i) => block(i, 'manual')))
  for (let i = 0; i < 100; i++) await state.blocks.put([block(i, 'automatic')])
  const actors = state.blocks.current.all.map(({ actor }) => actor).sort()
  const expected = [93, 94, 95, 96, 97, 98, 99].map((i) => `automatic-${i}`)
  assert.deepEqual(actors, [...expected, 'manual-0', 'manual-1', 'manual-2'])
  clock.advance(95_500)
  await state.blocks.put([block(200, 'automatic'), block(201, 'automatic')])
  assert.equal(state.blocks.current.all.filter(({ actor }) => actor.startsWith('automatic-9')).length, 5)
  await state.blocks.put(Array.from({ length: 10 }, (_, i) => block(300 + i, 'manual')))
  await assert.rejects(state.blocks.put([block(400, 'manual')]), (error) => isSeamError(error, 'limit'))
  assert.equal(state.blocks.current.all.length, 10)
})

test('an invalidation log is trimmed to its bound and says so to whoever fell behind', async () => {
  await using place = await folderForTest()
  const clock = new ManualClock()
  const more = { clock, maxInvalidations: 50, compactAtBytes: 2_000 }
  await using writer = await open(place.folder, more)
  await using reader = await open(place.folder, more)
  const told: [number, boolean][] = []
  const log = reader.invalidations.log('E1')
  log.subscribe((records, reset) => told.push([records.length, reset]))
  await writer.invalidations
    .log('E1')
    .append({ id: 'first', by: 't', items: [{ kind: 'path', value: '/', soft: false }] })
  await reader.refresh()
  for (let i = 0; i < 300; i++) {
    await writer.invalidations
      .log('E1')
      .append({ id: `i${i}`, by: 't', items: [{ kind: 'path', value: `/${i}`, soft: false }] })
  }
  await reader.refresh()
  assert.equal(log.seq, 301)
  assert.ok(log.floor >= 251)
  assert.ok(log.since(log.floor).records.length <= 50)
  assert.equal(log.since(1).complete, false)
  assert.equal(log.since(log.floor).complete, true)
  assert.deepEqual(
    told.map(([, reset]) => reset),
    [false, true],
  )
  assert.ok((await stat(join(place.folder, 'invalidations.ndjson'))).size < 40_000)
  await using restarted = await open(place.folder, more)
  assert.deepEqual(
    [restarted.invalidations.log('E1').seq, restarted.invalidations.log('E1').epoch],
    [301, log.epoch],
  )
})

test('a file that another process rewrote is read again, and unchanged IP sets stay the same object', async () => {
  await using place = await folderForTest()
  const more = { compactAtBytes: 500 }
  await using writer = await open(place.folder, more)
  await using reader = await open(place.folder, more)
  const still = await writer.ipSets.create('still', { family: 'ipv4', addresses: ['192.0.2.0/24'] })
  await reader.refresh()
  const seen = reader.ipSets.handle('still').current
  let token = (await writer.ipSets.create('moving', { family: 'ipv4', addresses: [] })).lockToken
  for (let i = 0; i < 20; i++)
    token = (await writer.ipSets.update('moving', token, [`10.0.0.${i}/32`])).lockToken
  await reader.refresh()
  assert.equal(reader.ipSets.handle('moving').current?.version, 21)
  assert.equal(reader.ipSets.handle('still').current, seen)
  assert.equal(seen?.lockToken, still.lockToken)
  const versions = Array.from({ length: 30 }, (_, i) => writer.values.put('k', `${i}`))
  await Promise.all(versions)
  await writer.values.delete('k')
  for (let i = 0; i < 20; i++) await writer.values.put('other', `${i}`)
  await using restarted = await open(place.folder, more)
  assert.equal((await restarted.values.put('k', 'v')).version, 52)
})

test('a new file is a new epoch, and subscribers are told that everything before is void', async () => {
  await using place = await folderForTest()
  await using state = await open(place.folder)
  const log = state.invalidations.log('E1')
  await log.append({ id: 'a', by: 't', items: [{ kind: 'all', value: '', soft: false }] })
  const { epoch } = log
  const resets: boolean[] = []
  log.subscribe((_records, reset) => resets.push(reset))
  await rm(join(place.folder, 'invalidations.ndjson'))
  await (await open(place.folder)).close()
  await state.refresh()
  assert.notEqual(log.epoch, epoch)
  assert.deepEqual([log.seq, log.since(1, epoch).complete], [0, false])
  assert.deepEqual(resets, [true])
})

test('values are bounded in number', async () => {
  await using place = await folderForTest()
  await using state = await open(place.folder)
  for (let i = 0; i < 20; i++) await state.values.put(`k${i}`, 'v')
  const file = join(place.folder, 'values.ndjson')
  const puts = Array.from({ length: 9_980 }, (_, i) => ({
    put: { key: `x${i}`, value: 'v', version: 21 + i },
  }))
  await appendFile(file, JSON.stringify(puts) + '\n')
  await assert.rejects(state.values.put('one more', 'v'), (error) => isSeamError(error, 'limit'))
  await state.values.put('k0', 'w')
  assert.equal(state.values.list('').length, 10_000)
})

test('files are readable by their owner only', async () => {
  await using place = await folderForTest()
  await using state = await open(place.folder)
  await state.values.put('k', 'v')
  assert.equal((await stat(join(place.folder, 'values.ndjson'))).mode & 0o777, 0o600)
})

test('what another process writes is seen by polling, without being asked', async () => {
  await using place = await folderForTest()
  const clock = new ManualClock()
  await using writer = await open(place.folder, { clock })
  await using reader = await open(place.folder, { clock })
  const seen = new Promise<string | undefined>((resolve) =>
    reader.values.handle('k').subscribe((value) => resolve(value?.value)),
  )
  await writer.values.put('k', 'v')
  clock.advance(1_000)
  assert.equal(await seen, 'v')
})
