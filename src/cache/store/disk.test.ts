import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { storeContract } from './contract.ts'
import { diskBench, judgeBody, putBody, tryBody } from './disk.fixture.ts'
import { systemError, watchIo } from './disk-io.fixture.ts'
import { bytesFor, entryFor } from './entry.fixture.ts'

storeContract('disk', async (options) => {
  const bench = await diskBench()
  const store = await bench.open(options)
  return {
    store,
    problems: bench.problems,
    async [Symbol.asyncDispose]() {
      await store.close()
      await bench[Symbol.asyncDispose]()
    },
  }
})

const HARD = { soft: false, now: 2_000 }
const LONG = 1_500_000

describe('disk store over restarts', () => {
  test('what was kept is there after a restart, without a body being read to find it', async () => {
    await using bench = await diskBench()
    {
      await using store = await bench.open()
      for (let i = 0; i < 200; i++) await putBody(store, `k${i}`, 100 + i, [`t${i % 3}`])
      await putBody(store, 'long', LONG)
      await store.replaceHead(entryFor('k1', 101, { revision: 5, etag: '"new"', tags: ['fresh'] }))
      await store.invalidate({ tags: ['t2'] }, HARD)
      await store.invalidate({ paths: ['/k3'] }, { soft: true, now: 2_000 })
      await store.delete('k4', 'expired')
    }
    const io = watchIo()
    await using store = await bench.open({ io })
    assert.deepEqual(
      io.calls.filter(({ call, on }) => call === 'open' && String(on).includes('/bodies/')),
      [],
    )
    assert.equal(store.stats().entries, 201 - 66 - 1)
    assert.equal(await tryBody(store, 'k0', 100), 'right')
    assert.equal(await tryBody(store, 'long', LONG), 'right')
    assert.equal(await tryBody(store, 'k2', 102), 'missing')
    assert.equal(await tryBody(store, 'k4', 104), 'missing')
    assert.equal((await store.get('k1'))?.entry.etag, '"new"')
    assert.equal((await store.get('k3'))?.entry.freshUntil, 2_000)
    assert.equal(await store.invalidate({ tags: ['fresh'] }, HARD), 1)
    assert.deepEqual(bench.problems, [])
  })

  test('what is evicted or replaced is removed from the disk, and the folder stays within the limit', async () => {
    await using bench = await diskBench()
    {
      await using store = await bench.open({ maxBytes: 1 << 20, maxObjectBytes: 256 << 10 })
      for (let i = 0; i < 300; i++) {
        await putBody(store, `k${i % 90}`, 1 + ((i * 7919) % 50_000))
        let used = 0
        for (const { size } of await sizesOf(await bench.bodyFiles())) used += size
        assert.ok(used <= 1 << 20, `${used} bytes on disk`)
      }
    }
    await using store = await bench.open({ maxBytes: 1 << 20 })
    assert.equal((await bench.bodyFiles()).length, store.stats().entries)
  })

  test('a smaller limit after a restart evicts down to it', async () => {
    await using bench = await diskBench()
    {
      await using store = await bench.open()
      for (let i = 0; i < 100; i++) await putBody(store, `k${i}`, 20_000)
    }
    {
      await using store = await bench.open({ maxBytes: 512 << 10 })
      assert.ok(store.stats().bytes <= 512 << 10)
      assert.ok(store.stats().entries > 10)
      while ((await bench.bodyFiles()).length > store.stats().entries) await setImmediate()
    }
    await using store = await bench.open()
    assert.ok(store.stats().entries < 25, 'a larger limit does not bring back what has gone')
  })

  test('the index is written in batches, and anew before it is mostly history', async () => {
    await using bench = await diskBench()
    const io = watchIo()
    await using store = await bench.open({ io })
    const before = io.calls.length
    await Promise.all(Array.from({ length: 200 }, (_, i) => putBody(store, `k${i}`, 10)))
    await store.flush()
    const writes = io.calls.slice(before).filter(({ call }) => call === 'write').length
    assert.ok(writes - 200 < 20, `${writes - 200} writes for the index`)
    for (let i = 0; i < 4000; i++) {
      await store.replaceHead(
        entryFor('k1', 10, { revision: 2 + i, tags: ['x'.repeat(100), 'y'.repeat(400)] }),
      )
    }
    await store.flush()
    const { size } = await stat(join(bench.folder, 'index.journal'))
    assert.ok(size < 2 << 20, `the index has ${size} bytes`)
  })
})

describe('disk store with a bad disk', () => {
  const DAMAGES: readonly { what: string; damage: (path: string) => Promise<void> }[] = [
    { what: 'a file cut short', damage: async (path) => truncate(path, (await stat(path)).size - 1) },
    { what: 'an empty file', damage: (path) => truncate(path, 0) },
    { what: 'a file that is gone', damage: (path) => rm(path) },
    {
      what: 'a file of zeros',
      damage: async (path) => writeFile(path, Buffer.alloc((await stat(path)).size)),
    },
    { what: 'a file that begins elsewhere', damage: async (path) => flip(path, 0) },
    { what: 'a file that ends elsewhere', damage: async (path) => flip(path, (await stat(path)).size - 1) },
    { what: 'a folder in its place', damage: async (path) => (await rm(path), await mkdir(path)) },
  ]
  for (const length of [1000, LONG]) {
    for (const { what, damage } of DAMAGES) {
      test(`${what}, of a body of ${length} bytes: never a wrong body, then a miss and a report`, async () => {
        await using bench = await diskBench()
        await using store = await bench.open()
        await putBody(store, 'k', length)
        await store.flush()
        await damage((await bench.bodyFiles())[0]!)
        const first = await tryBody(store, 'k', length)
        assert.ok(first === 'missing' || first === 'failed', first)
        assert.equal(await tryBody(store, 'k', length), 'missing')
        assert.equal(bench.problems.length, 1)
        assert.ok(bench.problems[0]!.includes(bench.folder))
      })
    }
  }

  test('whichever byte of a file is damaged, the body is right or not served', async () => {
    await using bench = await diskBench()
    await using store = await bench.open()
    const length = 70_000
    await putBody(store, 'k', length)
    await store.flush()
    const whole = await readFile((await bench.bodyFiles())[0]!)
    const seen = new Set<string>()
    const from = length - 20
    for (let at = 0; at < whole.length; at += at < from ? 9_001 : 13) {
      await putBody(store, 'k', length)
      await store.flush()
      await flip((await bench.bodyFiles()).at(-1)!, at)
      const result = await tryBody(store, 'k', length)
      assert.notEqual(result, 'wrong', `byte ${at}`)
      if (at < length) assert.equal(result, 'missing', `byte ${at}`)
      seen.add(result)
      await store.delete('k', 'expired')
    }
    assert.deepEqual([...seen].toSorted(), ['missing', 'right'])
  })

  test('the file of one entry in the place of another is a miss', async () => {
    await using bench = await diskBench()
    await using store = await bench.open()
    await putBody(store, 'k1', 500)
    await store.flush()
    const [first] = await bench.bodyFiles()
    await putBody(store, 'k2', 500)
    await store.flush()
    const second = (await bench.bodyFiles()).find((path) => path !== first)!
    await copyFile(first!, second)
    assert.equal(await tryBody(store, 'k2', 500), 'missing')
    assert.equal(await tryBody(store, 'k1', 500), 'right')
    assert.equal(store.absence('k2'), 'corrupted')
  })

  test('whichever byte of the index is damaged, nothing wrong and nothing invalidated is served', async () => {
    await using bench = await diskBench()
    const path = join(bench.folder, 'index.journal')
    {
      await using store = await bench.open()
      await putBody(store, 'k1', 500)
      await putBody(store, 'k2', 600)
      await store.invalidate({ paths: ['/k1'] }, HARD)
      await putBody(store, 'k3', 700)
    }
    const whole = await readFile(path)
    for (let at = 0; at < whole.length; at += 19) {
      await writeFile(path, whole)
      await flip(path, at)
      await using store = await bench.open()
      assert.equal(store.role, 'writer')
      assert.equal(await tryBody(store, 'k1', 500), 'missing', `byte ${at}`)
      for (const [key, length] of [
        ['k2', 600],
        ['k3', 700],
      ] as const) {
        const result = await tryBody(store, key, length)
        assert.ok(result === 'right' || result === 'missing', `${key} at byte ${at}: ${result}`)
      }
      assert.equal(await putBody(store, 'k4', 10), true)
    }
  })

  test('a full disk refuses, is told once, serves what is there, and is tried again when there is room', async () => {
    await using bench = await diskBench()
    const clock = new ManualClock()
    const io = watchIo()
    await using store = await bench.open({ io, clock })
    await putBody(store, 'k1', 1000)
    await store.flush()
    let isFull = true
    io.before = (call, on) => {
      if (isFull && (call === 'write' || (call === 'open' && String(on).includes('tmp/'))))
        throw systemError('ENOSPC')
    }
    for (let i = 0; i < 20; i++) assert.equal(await putBody(store, `full${i}`, 1000), false)
    assert.equal(await putBody(store, 'k1', 2000), false, 'the old body is not the newest')
    assert.equal(await tryBody(store, 'k1', 1000), 'missing')
    assert.equal(bench.problems.filter((problem) => problem.includes('Make room')).length, 1 + 1)
    assert.ok(bench.problems.some((problem) => problem.includes('ENOSPC')))
    isFull = false
    clock.advance(10_001)
    assert.equal(await putBody(store, 'k2', 3000), true)
    await store.flush()
    assert.equal(await tryBody(store, 'k2', 3000), 'right')
    // What could not be written has left nothing behind.
    while ((await bench.bodyFiles()).length > 1) await setImmediate()
  })

  test('an index that cannot be written is given up, so that nothing invalidated comes back', async () => {
    await using bench = await diskBench()
    const io = watchIo()
    {
      await using store = await bench.open({ io })
      await putBody(store, 'k1', 1000)
      await store.flush()
      io.before = (call) => {
        if (call === 'write') throw systemError('EIO')
      }
      assert.equal(await store.invalidate({ paths: ['/k1'] }, HARD), 1)
    }
    assert.ok(bench.problems.some((problem) => problem.includes('index.journal')))
    await using store = await bench.open()
    assert.equal(await tryBody(store, 'k1', 1000), 'missing')
    assert.equal(await putBody(store, 'k2', 10), true)
  })

  test('a folder that cannot be made is told, and the store refuses', async () => {
    await using bench = await diskBench()
    await writeFile(bench.folder, 'a file')
    await using store = await bench.open()
    assert.equal(await putBody(store, 'k', 10), false)
    assert.equal(await store.get('k'), undefined)
    assert.ok(bench.problems[0]!.includes(bench.folder))
  })
})

describe('disk store and long bodies', () => {
  test('a body that is being read outlives its eviction, its replacement and an invalidation', async () => {
    await using bench = await diskBench()
    await using store = await bench.open()
    for (const end of ['evicted', 'replaced', 'invalidated'] as const) {
      await putBody(store, 'k', LONG)
      await store.flush()
      const found = await store.get('k')
      const stream = found!.open(0, LONG - 1)
      stream.read(0)
      if (end === 'evicted') await store.delete('k', 'evicted')
      else if (end === 'replaced') await putBody(store, 'k', 10)
      else await store.invalidate({}, HARD)
      await store.flush()
      assert.ok((await buffer(stream)).equals(bytesFor(`k ${LONG}`, LONG)))
      assert.equal(await judgeBody(found!, 'k', LONG), 'right', 'and can be opened again for a while')
    }
  })

  test('a range reads its blocks and no others', async () => {
    await using bench = await diskBench()
    const io = watchIo()
    await using store = await bench.open({ io })
    await putBody(store, 'k', LONG)
    await store.flush()
    const found = await store.get('k')
    const before = io.calls.length
    const part = await buffer(found!.open(700_000, 700_009))
    assert.ok(part.equals(bytesFor(`k ${LONG}`, LONG).subarray(700_000, 700_010)))
    assert.equal(io.calls.slice(before).filter(({ call }) => call === 'read').length, 1)
  })

  test('files that are held open are let go', async () => {
    await using bench = await diskBench()
    const clock = new ManualClock()
    const store = await bench.open({ clock })
    await putBody(store, 'k', LONG)
    await store.flush()
    for (let i = 0; i < 1000; i++) await store.get('k')
    assert.ok(store.openFiles <= 256)
    const abandoned = (await store.get('k'))!.open(0, LONG - 1)
    abandoned.read(0)
    abandoned.destroy()
    clock.advance(5_001)
    while (store.openFiles > 0) await setImmediate()
    await store.close()
  })
})

describe('disk store in several processes', () => {
  test('one store writes, another reads what it wrote, and takes its place when it ends', async () => {
    await using bench = await diskBench()
    const clock = new ManualClock()
    const writer = await bench.open({ clock })
    await putBody(writer, 'before', 100)
    await writer.flush()
    await using reader = await bench.open({ clock })
    assert.deepEqual([writer.role, reader.role], ['writer', 'reader'])
    assert.equal(await tryBody(reader, 'before', 100), 'right')
    assert.equal(await putBody(reader, 'refused', 10), false)
    await putBody(writer, 'later', 200)
    await writer.flush()
    while ((await tryBody(reader, 'later', 200)) !== 'right') await tick(clock)
    // What the writer invalidates is gone here when the index has been read.
    await writer.invalidate({ paths: ['/later'] }, HARD)
    while ((await tryBody(reader, 'later', 200)) !== 'missing') await tick(clock)
    await writer.close()
    while (reader.role === 'reader') await tick(clock)
    assert.equal(await putBody(reader, 'own', 300), true)
    assert.equal(await tryBody(reader, 'before', 100), 'right')
    assert.deepEqual(bench.problems, [])
  })

  test('a reader that is told of an invalidation does not serve it, even before the index says so', async () => {
    await using bench = await diskBench()
    const clock = new ManualClock()
    await using writer = await bench.open({ clock })
    await putBody(writer, 'k1', 100)
    await writer.flush()
    await using reader = await bench.open({ clock })
    assert.equal(await reader.invalidate({ paths: ['/k*'] }, HARD), 1)
    assert.equal(await tryBody(reader, 'k1', 100), 'missing')
    // Written by the writer before it was told, of a request older than the invalidation.
    await putBody(writer, 'k2', 200)
    await writer.flush()
    for (let i = 0; i < 20; i++) await tick(clock)
    assert.equal(await tryBody(reader, 'k2', 200), 'missing')
    assert.equal(await tryBody(writer, 'k2', 200), 'right')
  })

  test('a reader finds what the writer compacted its index to', async () => {
    await using bench = await diskBench()
    const clock = new ManualClock()
    await using writer = await bench.open({ clock })
    await putBody(writer, 'k0', 50)
    await using reader = await bench.open({ clock })
    for (let i = 0; i < 2500; i++) {
      await writer.replaceHead(entryFor('k0', 50, { revision: 2 + i, tags: ['x'.repeat(400)] }))
    }
    await putBody(writer, 'last', 60)
    await writer.flush()
    while ((await tryBody(reader, 'last', 60)) !== 'right') await tick(clock)
    assert.equal((await reader.get('k0'))?.entry.revision, 2501)
  })
})

/** A second passes, and what it set off gets a little time. */
async function tick(clock: ManualClock): Promise<void> {
  clock.advance(1_000)
  for (let i = 0; i < 10; i++) await setImmediate()
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at]! ^= 0x41
  await writeFile(path, bytes)
}

async function sizesOf(paths: readonly string[]): Promise<{ readonly size: number }[]> {
  // A file may be removed while we look.
  return await Promise.all(paths.map((path) => stat(path).catch(() => ({ size: 0 }))))
}
