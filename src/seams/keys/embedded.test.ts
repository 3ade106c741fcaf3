import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { isSeamError } from '../seam-error.ts'
import { keysContract } from './contract.ts'
import { openEmbeddedKeys } from './embedded.ts'
import type { Keys } from './keys.ts'

async function folderForTest(): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-keys-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

function open(folder: string): Promise<Keys> {
  return openEmbeddedKeys({ folder, clock: new ManualClock() })
}

keysContract('embedded', async () => {
  const { folder, [Symbol.asyncDispose]: dispose } = await folderForTest()
  const clock = new ManualClock()
  return { clock, open: () => openEmbeddedKeys({ folder, clock }), [Symbol.asyncDispose]: dispose }
})

test('a key is there after a restart, its private half readable by its owner only', async () => {
  await using place = await folderForTest()
  const before = await open(place.folder)
  const info = await before.create('k')
  const pem = await before.exportPublicPem('k')
  await before.close()
  assert.equal((await stat(join(place.folder, 'k', 'private.pem'))).mode & 0o777, 0o600)
  assert.equal(await readFile(join(place.folder, 'k', 'public.pem'), 'utf8'), pem)
  await using after = await open(place.folder)
  assert.deepEqual(await after.list(), [info])
  assert.equal(await after.exportPublicPem('k'), pem)
})

test('a private key that others can read is refused with what to do', async () => {
  await using place = await folderForTest()
  const before = await open(place.folder)
  await before.create('k')
  await before.close()
  const file = join(place.folder, 'k', 'private.pem')
  await chmod(file, 0o640)
  await assert.rejects(open(place.folder), (error) => {
    assert.ok(isSeamError(error, 'permission'))
    assert.ok(error.message.includes(`chmod 600 ${file}`))
    return true
  })
})

const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
})
const corruptions: readonly { name: string; file: string; text: string | Buffer | undefined }[] = [
  { name: 'a private key that is no PEM', file: 'private.pem', text: 'x' },
  { name: 'a private key that is not RSA', file: 'private.pem', text: ecKey },
  { name: 'a missing private key', file: 'private.pem', text: undefined },
  { name: 'a key.json cut short', file: 'key.json', text: '{"edgeward":"key"' },
  {
    name: 'a key.json of another key',
    file: 'key.json',
    text: '{"edgeward":"key","format":1,"id":"other","description":"","status":"enabled","createdAt":1,"modulusBits":2048}',
  },
  { name: 'a missing key.json', file: 'key.json', text: undefined },
]
for (const { name, file, text } of corruptions) {
  test(`${name} is refused by name, and nothing is written`, async () => {
    await using place = await folderForTest()
    const before = await open(place.folder)
    await before.create('k')
    await before.close()
    const path = join(place.folder, 'k', file)
    await rm(path)
    if (text !== undefined) await writeFile(path, text, { mode: 0o600 })
    const files = await readdir(join(place.folder, 'k'))
    await assert.rejects(open(place.folder), (error) => {
      assert.ok(isSeamError(error, 'corrupt'))
      assert.ok(error.message.includes(path))
      return true
    })
    assert.deepEqual(await readdir(join(place.folder, 'k')), files)
  })
}

test('what a kill -9 left of a key that was being made is removed', async () => {
  await using place = await folderForTest()
  await mkdir(join(place.folder, '.new'))
  await writeFile(join(place.folder, '.new', 'private.pem'), 'half')
  await using keys = await open(place.folder)
  assert.deepEqual(await keys.list(), [])
  assert.ok(!(await readdir(place.folder)).includes('.new'))
  await keys.create('k')
})

test('an id that differs only in case is refused, because not every disk tells them apart', async () => {
  await using place = await folderForTest()
  await using keys = await open(place.folder)
  await keys.create('Key')
  await assert.rejects(keys.create('key'), (error) => isSeamError(error, 'exists'))
})
