import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { Secret } from '../../base/secret.ts'
import { isSeamError } from '../seam-error.ts'
import { createAesSealing } from './aes-sealing.ts'
import { openEmbeddedSecrets } from './embedded.ts'
import { keepSealingKey, parseSealingKey } from './sealing-key.ts'

const hexKey = (): string => randomBytes(32).toString('hex')

async function scratch(): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-sealing-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

test('what was sealed opens again, and never twice into the same text', async () => {
  const sealing = createAesSealing(parseSealingKey(hexKey(), 'test'))
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (plain) => {
      const sealed = await sealing.seal(plain)
      assert.notEqual(sealed, await sealing.seal(plain))
      assert.deepEqual(new Uint8Array(await sealing.open(sealed)), plain)
    }),
    { numRuns: 50 },
  )
})

test('a changed, a shortened and a foreign text do not open', async () => {
  const sealing = createAesSealing(parseSealingKey(hexKey(), 'test'))
  const sealed = Buffer.from(await sealing.seal(Buffer.from('hunter2')), 'base64')
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed[at]! ^= 1
    await assert.rejects(sealing.open(changed.toString('base64')), `byte ${at}`)
    await assert.rejects(sealing.open(sealed.subarray(0, at).toString('base64')), `length ${at}`)
  }
  await assert.rejects(createAesSealing(parseSealingKey(hexKey(), 'test')).open(sealed.toString('base64')))
})

const bytes = randomBytes(32)
for (const [what, text] of [
  ['hexadecimal digits', bytes.toString('hex')],
  ['capital digits with a line break', `${bytes.toString('hex').toUpperCase()}\n`],
  ['base64', bytes.toString('base64')],
  ['base64url', bytes.toString('base64url')],
] as const) {
  test(`a key is read from ${what}`, () => {
    assert.equal(parseSealingKey(text, 'X').value.reveal(), bytes.toString('base64'))
    assert.equal(parseSealingKey(text, 'X').id, parseSealingKey(bytes.toString('hex'), 'Y').id)
  })
}

for (const text of ['', 'password', hexKey().slice(1), `${hexKey()}0`, 'z'.repeat(64)]) {
  test(`a key of ${text.length} wrong characters is refused with how to make one, and not shown`, () => {
    assert.throws(
      () => parseSealingKey(text, 'EDGEWARD_SECRETS_KEY'),
      (error) => {
        assert.ok(isSeamError(error, 'invalid'))
        assert.match(
          error.message,
          /^EDGEWARD_SECRETS_KEY holds no key.*64 hexadecimal.*openssl rand -hex 32/,
        )
        assert.ok(text === '' || !inspect(error).includes(text))
        return true
      },
    )
  })
}

test('a key file is made once, for its owner only, and every process gets the same key', async () => {
  await using place = await scratch()
  const path = join(place.folder, 'deep', 'secrets.key')
  await assert.rejects(keepSealingKey(path, false), (error) => isSeamError(error, 'not-found'))
  const keys = await Promise.all(Array.from({ length: 8 }, () => keepSealingKey(path, true)))
  assert.equal(new Set(keys.map(({ id }) => id)).size, 1)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(join(place.folder, 'deep')), ['secrets.key'])
  await chmod(path, 0o640)
  await assert.rejects(keepSealingKey(path, true), (error) => {
    assert.ok(isSeamError(error, 'permission'))
    assert.match(error.message, /mode 0640.*chmod 600/)
    return true
  })
})

test('the embedded file holds no value in clear, and says so when the key is another one', async () => {
  await using place = await scratch()
  const file = join(place.folder, 'secrets.json')
  const clock = new ManualClock()
  const sealing = createAesSealing(parseSealingKey(hexKey(), 'test'))
  const before = await openEmbeddedSecrets({ file, clock, sealing })
  await before.put('db', new Secret('hunter2'))
  await before.close()
  const text = await readFile(file, 'utf8')
  assert.ok(!text.includes('hunter2') && !text.includes(Buffer.from('hunter2').toString('base64')))

  const other = createAesSealing(parseSealingKey(hexKey(), 'test'))
  await assert.rejects(openEmbeddedSecrets({ file, clock, sealing: other }), (error) => {
    assert.ok(isSeamError(error, 'corrupt'))
    assert.match(error.message, /is sealed with "aes-256-gcm:[0-9a-f]{16}".*configure the one it was written/)
    return true
  })
  await using after = await openEmbeddedSecrets({ file, clock, sealing })
  assert.equal(after.handle('db').current?.value.reveal(), 'hunter2')
})

test('a sealed file that was changed is refused as a whole', async () => {
  await using place = await scratch()
  const file = join(place.folder, 'secrets.json')
  const clock = new ManualClock()
  const sealing = createAesSealing(parseSealingKey(hexKey(), 'test'))
  const before = await openEmbeddedSecrets({ file, clock, sealing })
  await before.put('db', new Secret('hunter2'))
  await before.close()
  const envelope: { body: string } = JSON.parse(await readFile(file, 'utf8')) as { body: string }
  const body = Buffer.from(envelope.body, 'base64')
  body[body.length - 1]! ^= 1
  await writeFile(file, JSON.stringify({ ...envelope, body: body.toString('base64') }))
  await assert.rejects(openEmbeddedSecrets({ file, clock, sealing }), (error) =>
    isSeamError(error, 'corrupt'),
  )
})
