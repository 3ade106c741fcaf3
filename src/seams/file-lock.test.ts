import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { FileLock } from './file-lock.ts'
import { isSeamError } from './seam-error.ts'

async function pathForTest(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-lock-'))
  return { path: join(folder, 'x.lock'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

test('of several locks on one file only one is held at a time, and each in the order of its calls', async () => {
  await using place = await pathForTest()
  await using a = FileLock.open(place.path)
  await using b = FileLock.open(place.path)
  let inside = 0
  const order: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    assert.equal(++inside, 1)
    await setImmediate()
    order.push(name)
    inside--
  }
  await Promise.all([
    a.hold(work('a1')),
    b.hold(work('b1')),
    a.hold(work('a2')),
    b.hold(work('b2')),
    a.hold(work('a3')),
  ])
  assert.deepEqual(
    order.filter((name) => name.startsWith('a')),
    ['a1', 'a2', 'a3'],
  )
  assert.equal(order.length, 5)
})

test('work that fails lets go of the lock', async () => {
  await using place = await pathForTest()
  await using lock = FileLock.open(place.path)
  await assert.rejects(
    lock.hold(() => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(await lock.hold(async () => 'held again'), 'held again')
})

test('a lock is free the moment its holder is killed', async () => {
  await using place = await pathForTest()
  const script = `
    const { FileLock } = await import(${JSON.stringify(new URL('./file-lock.ts', import.meta.url).href)})
    const lock = FileLock.open(${JSON.stringify(place.path)})
    await lock.hold(async () => { console.log('held'); await new Promise((resolve) => setTimeout(resolve, 60_000)) })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  await using lock = FileLock.open(place.path)
  assert.equal(lock.tryKeep(), false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.equal(await lock.hold(async () => 'held'), 'held')
})

test('a file that is no lock is refused by name and left as it is', async () => {
  await using place = await pathForTest()
  const text = 'something that is no database, and long enough to be seen as one. '.repeat(4)
  await writeFile(place.path, text)
  await using lock = FileLock.open(place.path)
  await assert.rejects(
    lock.hold(async () => 1),
    (error) => isSeamError(error, 'corrupt') && error.message.includes(place.path),
  )
  assert.equal(await readFile(place.path, 'utf8'), text)
})

test('a lock in a folder that is not there is refused, and a closed one too', async () => {
  await using place = await pathForTest()
  assert.throws(
    () => FileLock.open(`${place.path}/none/x.lock`),
    (error) => isSeamError(error, 'permission'),
  )
  const lock = FileLock.open(place.path)
  await lock.close()
  await lock.close()
  await assert.rejects(
    lock.hold(async () => 1),
    (error) => isSeamError(error, 'closed'),
  )
})
