import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Secret } from '../../base/secret.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { isSeamError } from '../seam-error.ts'
import { secretsContract } from './contract.ts'
import { openEmbeddedSecrets } from './embedded.ts'
import type { EmbeddedSecretsOptions } from './embedded.ts'
import type { Sealing } from './secrets-file.ts'
import type { Secrets } from './secrets.ts'

async function fileForTest(): Promise<{ folder: string; file: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-secrets-'))
  return {
    folder,
    file: join(folder, 'secrets.json'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

function failOnReport(error: Error): void {
  throw error
}

function open(file: string, more: Partial<EmbeddedSecretsOptions> = {}): Promise<Secrets> {
  return openEmbeddedSecrets({ file, clock: new ManualClock(), report: failOnReport, ...more })
}

secretsContract('embedded', async () => {
  const { file, [Symbol.asyncDispose]: dispose } = await fileForTest()
  const clock = new ManualClock()
  return { clock, open: () => open(file, { clock }), [Symbol.asyncDispose]: dispose }
})

test('the file is readable by its owner only, from its first byte, and survives a restart', async () => {
  await using place = await fileForTest()
  const before = await open(place.file)
  await before.put('db', new Secret('one'))
  await before.close()
  assert.equal((await stat(place.file)).mode & 0o777, 0o600)
  await using after = await open(place.file)
  assert.equal(after.handle('db').current?.value.reveal(), 'one')
})

for (const mode of [0o640, 0o604, 0o660, 0o644, 0o601]) {
  test(`a file with mode 0${mode.toString(8)} is refused with what to do`, async () => {
    await using place = await fileForTest()
    const before = await open(place.file)
    await before.put('db', new Secret('one'))
    await before.close()
    await chmod(place.file, mode)
    await assert.rejects(open(place.file), (error) => {
      assert.ok(isSeamError(error, 'permission'))
      assert.ok(error.message.includes(`mode 0${mode.toString(8)}`))
      assert.ok(error.message.includes(`chmod 600 ${place.file}`))
      return true
    })
    await chmod(place.file, 0o600)
    await (await open(place.file)).close()
  })
}

const corruptions: readonly { name: string; text: string }[] = [
  { name: 'an empty file', text: '' },
  {
    name: 'half a file',
    text: '{"edgeward":"secrets","format":1,"sealing":"none","body":[{"name":"db","versions":[{"value":"hunter2"',
  },
  { name: 'a file of another program', text: '{"db":"hunter2"}' },
  {
    name: 'a version without an id',
    text: '{"edgeward":"secrets","format":1,"sealing":"none","body":[{"name":"db","versions":[{"value":"hunter2"}]}]}',
  },
  { name: 'a newer format', text: '{"edgeward":"secrets","format":2,"sealing":"none","body":[]}' },
  {
    name: 'a sealed file without its sealing',
    text: '{"edgeward":"secrets","format":1,"sealing":"age","body":"hunter2"}',
  },
]
for (const { name, text } of corruptions) {
  test(`${name} is refused by name, shows no value and is left as it is`, async () => {
    await using place = await fileForTest()
    await writeFile(place.file, text, { mode: 0o600 })
    await assert.rejects(open(place.file), (error) => {
      assert.ok(isSeamError(error, 'corrupt'))
      assert.ok(error.message.includes(place.file))
      assert.ok(!(error.stack + String(error.cause)).includes('hunter2'))
      return true
    })
    assert.equal(await readFile(place.file, 'utf8'), text)
  })
}

test('what a kill -9 left of a write is removed, and the file before it counts', async () => {
  await using place = await fileForTest()
  const before = await open(place.file)
  await before.put('db', new Secret('one'))
  await before.close()
  await writeFile(`${place.file}.new`, '{"half":')
  await using after = await open(place.file)
  assert.equal(after.handle('db').current?.value.reveal(), 'one')
  assert.ok(!(await readdir(place.folder)).includes('secrets.json.new'))
})

test('a file damaged while in use fails writes and is not overwritten, and requests keep their values', async () => {
  await using place = await fileForTest()
  await using secrets = await open(place.file)
  await secrets.put('db', new Secret('one'))
  for (const damage of [() => writeFile(place.file, 'x'), () => rm(place.file)]) {
    await damage()
    await assert.rejects(secrets.put('db', new Secret('two')), (error) => isSeamError(error, 'corrupt'))
    await assert.rejects(secrets.refresh(), (error) => isSeamError(error, 'corrupt'))
    assert.equal(secrets.handle('db').current?.value.reveal(), 'one')
  }
  await assert.rejects(stat(place.file), { code: 'ENOENT' })
})

test('what another process puts is seen by polling', async () => {
  await using place = await fileForTest()
  const clock = new ManualClock()
  await using writer = await open(place.file, { clock })
  await using reader = await open(place.file, { clock })
  const seen = new Promise<string | undefined>((resolve) =>
    reader.handle('db').subscribe((snapshot) => resolve(snapshot?.value.reveal())),
  )
  await writer.put('db', new Secret('one'))
  clock.advance(1_000)
  assert.equal(await seen, 'one')
})

test('a sealing keeps the values out of the file, and a plain file is sealed by the next write', async () => {
  await using place = await fileForTest()
  const before = await open(place.file)
  await before.put('db', new Secret('hunter2'))
  await before.close()
  const sealing: Sealing = {
    name: 'turned',
    seal: async (plain) => Buffer.from(plain).reverse().toString('hex'),
    open: async (sealed) => Buffer.from(sealed, 'hex').reverse(),
  }
  const sealed = await open(place.file, { sealing })
  assert.equal(sealed.handle('db').current?.value.reveal(), 'hunter2')
  await sealed.put('other', new Secret('x'))
  await sealed.close()
  assert.ok(!(await readFile(place.file, 'utf8')).includes('hunter2'))
  await using again = await open(place.file, { sealing })
  assert.equal(again.handle('db').current?.value.reveal(), 'hunter2')
})
