import assert from 'node:assert/strict'
import { constants, createPublicKey, publicEncrypt } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Clock } from '../../base/clock.ts'
import { isSeamError } from '../seam-error.ts'
import type { SeamErrorCode } from '../seam-error.ts'
import type { Keys } from './keys.ts'

/** What a driver gives the contract: an empty installation, and stores that open it. */
export interface KeysUnderTest extends AsyncDisposable {
  /** The clock of all stores. */
  readonly clock: Clock
  open(): Promise<Keys>
}

const rejects = (promise: Promise<unknown>, code: SeamErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isSeamError(error, code))

/** Encrypts as a client does that has only the public PEM. */
function encrypt(pem: string, text: string, oaepHash = 'sha256'): Buffer {
  return publicEncrypt({ key: pem, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, Buffer.from(text))
}

/** The contract of the keys seam. Every driver runs it, with `install` making a fresh installation. */
export function keysContract(driver: string, install: () => Promise<KeysUnderTest>): void {
  async function withKeys(
    work: (keys: Keys, clock: Clock, again: () => Promise<Keys>) => Promise<void>,
  ): Promise<void> {
    await using installation = await install()
    await using keys = await installation.open()
    await work(keys, installation.clock, () => installation.open())
  }

  describe(`keys contract: ${driver}`, () => {
    test('what is encrypted with the exported public key is decrypted by its id', () =>
      withKeys(async (keys, clock) => {
        const info = await keys.create('fle-1', { description: 'card numbers' })
        assert.deepEqual(info, {
          id: 'fle-1',
          description: 'card numbers',
          status: 'enabled',
          createdAt: clock.now(),
          modulusBits: 2048,
        })
        const pem = await keys.exportPublicPem('fle-1')
        assert.match(pem, /^-----BEGIN PUBLIC KEY-----\n/)
        assert.equal((await keys.decryptOaepSha256('fle-1', encrypt(pem, 'a secret'))).toString(), 'a secret')
        assert.equal((await keys.decryptOaepSha256('fle-1', encrypt(pem, ''))).length, 0)
        assert.ok((await keys.publicKey('fle-1')).equals(createPublicKey(pem)))
      }))

    test('bytes that were not made with the key are refused, all in the same words', () =>
      withKeys(async (keys) => {
        await keys.create('a')
        await keys.create('b')
        const [a, b] = [await keys.exportPublicPem('a'), await keys.exportPublicPem('b')]
        const cut = encrypt(a, 'x').subarray(1)
        const messages = new Set<string>()
        for (const bytes of [
          encrypt(b, 'x'),
          encrypt(a, 'x', 'sha1'),
          cut,
          Buffer.alloc(0),
          Buffer.alloc(256),
          Buffer.alloc(256, 255),
        ]) {
          await assert.rejects(keys.decryptOaepSha256('a', bytes), (error) => {
            assert.ok(isSeamError(error, 'invalid'))
            assert.equal(error.cause, undefined)
            messages.add(error.message)
            return true
          })
        }
        assert.equal(messages.size, 1)
      }))

    test('a disabled key decrypts nothing, can still be exported, and comes back when enabled', () =>
      withKeys(async (keys, _clock, again) => {
        await using other = await again()
        await keys.create('k')
        const bytes = encrypt(await keys.exportPublicPem('k'), 'x')
        assert.equal((await other.decryptOaepSha256('k', bytes)).toString(), 'x')
        assert.equal((await keys.setStatus('k', 'disabled')).status, 'disabled')
        await rejects(keys.decryptOaepSha256('k', bytes), 'conflict')
        await rejects(other.decryptOaepSha256('k', bytes), 'conflict')
        assert.match(await keys.exportPublicPem('k'), /PUBLIC KEY/)
        await keys.setStatus('k', 'enabled')
        assert.equal((await other.decryptOaepSha256('k', bytes)).toString(), 'x')
      }))

    test('an id is taken once, whoever asks', () =>
      withKeys(async (keys, _clock, again) => {
        await using other = await again()
        const results = await Promise.allSettled([keys.create('k'), other.create('k'), keys.create('k')])
        assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
        for (const result of results)
          if (result.status === 'rejected') assert.ok(isSeamError(result.reason, 'exists'))
        assert.equal(await keys.exportPublicPem('k'), await other.exportPublicPem('k'))
        await keys.create('a')
        assert.deepEqual(
          (await other.list()).map(({ id }) => id),
          ['a', 'k'],
        )
      }))

    test('an unknown key is not found, and an impossible one is refused', () =>
      withKeys(async (keys) => {
        const uses: readonly (() => Promise<unknown>)[] = [
          () => keys.describe('k'),
          () => keys.publicKey('k'),
          () => keys.exportPublicPem('k'),
          () => keys.setStatus('k', 'enabled'),
          () => keys.decryptOaepSha256('k', Buffer.alloc(256)),
        ]
        for (const use of uses) await rejects(use(), 'not-found')
        for (const id of ['', '.', '..', '../k', 'a/b', '.hidden', 'a b', 'é', 'x'.repeat(129)]) {
          await rejects(keys.create(id), 'invalid')
          await rejects(keys.describe(id), 'invalid')
        }
        assert.deepEqual(await keys.list(), [])
      }))

    test('after close everything is refused, and closing twice is harmless', () =>
      withKeys(async (keys) => {
        await keys.create('k')
        await keys.close()
        await keys.close()
        await rejects(keys.describe('k'), 'closed')
        await rejects(keys.create('l'), 'closed')
      }))
  })
}
