import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFile,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { isSeamError } from '../seam-error.ts'
import { AWKWARD_KEYS } from './awkward-keys.ts'
import { objectsContract } from './contract.ts'
import { openEmbeddedObjects } from './embedded.ts'
import type { EmbeddedObjectsOptions } from './embedded.ts'
import { pathOfKey } from './key-path.ts'
import type { Objects } from './objects.ts'

async function folderForTest(): Promise<{ outer: string; folder: string } & AsyncDisposable> {
  const outer = await mkdtemp(join(tmpdir(), 'edgeward-objects-'))
  return { outer, folder: join(outer, 'store'), [Symbol.asyncDispose]: () => rm(outer, { recursive: true }) }
}

function open(folder: string, more: Partial<EmbeddedObjectsOptions> = {}): Promise<Objects> {
  return openEmbeddedObjects({ folder, clock: new ManualClock(), ...more })
}

const unfinished = async (folder: string): Promise<string[]> => await readdir(join(folder, 'unfinished'))

objectsContract('embedded', async () => {
  const { folder, [Symbol.asyncDispose]: dispose } = await folderForTest()
  const clock = new ManualClock()
  return { clock, open: () => openEmbeddedObjects({ folder, clock }), [Symbol.asyncDispose]: dispose }
})

test('no key escapes the folder, and folders without objects are removed', async () => {
  await using place = await folderForTest()
  await using objects = await open(place.folder)
  for (const key of AWKWARD_KEYS) await objects.put(key, 'x')
  assert.deepEqual(await readdir(place.outer), ['store'])
  assert.deepEqual((await readdir(place.folder)).sort(), ['objects', 'objects.lock', 'unfinished'])
  for (const key of AWKWARD_KEYS) await objects.delete(key)
  assert.deepEqual(await readdir(join(place.folder, 'objects')), [])
})

test('an ordinary key keeps a name that people recognise', async () => {
  await using place = await folderForTest()
  await using objects = await open(place.folder)
  await objects.put('photos/2026/Hotel-1.jpg', 'x')
  assert.ok((await stat(join(place.folder, 'objects', 'photos+', '2026+', '^hotel-1.jpg'))).isFile())
})

test('what a killed process was writing is removed by the next to open, and what lives is left alone', async () => {
  await using place = await folderForTest()
  await using living = await open(place.folder)
  const body = new PassThrough()
  const put = living.put('slow', body)
  body.write('half')
  const script = `
    const { openEmbeddedObjects } = await import(${JSON.stringify(new URL('./embedded.ts', import.meta.url).href)})
    const { systemClock } = await import(${JSON.stringify(new URL('../../base/clock.ts', import.meta.url).href)})
    const { Readable } = await import('node:stream')
    const objects = await openEmbeddedObjects({ folder: ${JSON.stringify(place.folder)}, clock: systemClock })
    await objects.put('whole', 'x')
    async function* endless() { for (;;) { yield Buffer.alloc(1000); console.log('wrote'); await new Promise((r) => setTimeout(r, 1)) } }
    await objects.put('half', Readable.from(endless()))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  assert.equal((await unfinished(place.folder)).length, 2)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using next = await open(place.folder)
  assert.equal((await unfinished(place.folder)).length, 2)
  assert.deepEqual(
    (await next.list()).objects.map(({ key }) => key),
    ['whole'],
  )
  body.end(' and half')
  assert.equal((await put).size, 13)
})

test('folders a kill -9 left empty are no prefixes, and are used again', async () => {
  await using place = await folderForTest()
  const long = 'x'.repeat(300)
  const [name] = pathOfKey(`${long}/a`).folders
  await (await open(place.folder)).close()
  await mkdir(join(place.folder, 'objects', 'empty+', 'deeper+'), { recursive: true })
  await mkdir(join(place.folder, 'objects', name!.name))
  await using objects = await open(place.folder)
  assert.deepEqual(await objects.list({ delimiter: '/' }), {
    objects: [],
    prefixes: [],
    continuation: undefined,
  })
  await objects.put(`${long}/a`, 'x')
  assert.deepEqual((await objects.list({ delimiter: '/' })).prefixes, [`${long}/`])
})

const damages: readonly { name: string; damage: (path: string) => Promise<void> }[] = [
  { name: 'an empty file', damage: (path) => truncate(path, 0) },
  { name: 'a file cut short', damage: (path) => truncate(path, 40) },
  { name: 'a file with more behind it', damage: (path) => appendFile(path, 'more') },
  { name: 'a file of something else', damage: (path) => writeFile(path, 'a plain file') },
  {
    name: 'a head of an impossible length',
    damage: (path) => writeFile(path, 'x\xff\xff\xff\xffedgeward', 'latin1'),
  },
  { name: 'a head that is not JSON', damage: (path) => writeFile(path, 'x{\0\0\0\x01edgeward', 'latin1') },
  {
    name: 'the file of another key',
    damage: async (path) => writeFile(path, (await readFile(path, 'utf8')).replace('"key":"a"', '"key":"b"')),
  },
  {
    name: 'a file without some of its bytes',
    damage: async (path) => writeFile(path, (await readFile(path, 'utf8')).slice(3)),
  },
]
for (const { name, damage } of damages) {
  test(`${name} is refused by name, and a put makes it good`, async () => {
    await using place = await folderForTest()
    await using objects = await open(place.folder)
    await objects.put('a', 'some bytes')
    const path = join(place.folder, 'objects', 'a')
    await damage(path)
    const before = await readFile(path)
    for (const work of [() => objects.get('a'), () => objects.head('a')]) {
      await assert.rejects(work(), (error) => {
        assert.ok(isSeamError(error, 'corrupt'))
        assert.ok(error.message.includes(path))
        return true
      })
    }
    assert.deepEqual(await readFile(path), before)
    await objects.put('a', 'good')
    assert.equal((await objects.head('a'))?.size, 4)
  })
}

test('a foreign file in the folder is named by the listing and not passed over', async () => {
  await using place = await folderForTest()
  await using objects = await open(place.folder)
  await writeFile(join(place.folder, 'objects', 'Photo.JPG'), 'x')
  await assert.rejects(
    objects.list(),
    (error) => isSeamError(error, 'corrupt') && error.message.includes('Photo.JPG'),
  )
})

test('an object above the bound is refused while it arrives, and nothing is left of it', async () => {
  await using place = await folderForTest()
  await using objects = await open(place.folder, { maxObjectBytes: 1_000 })
  const body = new PassThrough()
  const put = objects.put('a', body)
  body.write(Buffer.alloc(1_001))
  await assert.rejects(put, (error) => isSeamError(error, 'limit'))
  assert.equal(body.destroyed, true)
  const [own] = await unfinished(place.folder)
  const left = await readdir(join(place.folder, 'unfinished', own!))
  assert.deepEqual(
    left.filter((name) => !name.startsWith('owner.lock')),
    [],
  )
})

test('closing while a put is under way fails the put and leaves nothing behind', async () => {
  await using place = await folderForTest()
  const objects = await open(place.folder)
  const body = new PassThrough()
  const put = objects.put('a', body)
  body.write('half')
  await objects.close()
  body.end()
  await assert.rejects(put, (error) => isSeamError(error, 'closed'))
  assert.deepEqual(await unfinished(place.folder), [])
})
