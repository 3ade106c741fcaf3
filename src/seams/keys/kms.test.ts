import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeKms } from '../../../test/support/aws/kms.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { isSeamError } from '../seam-error.ts'
import { keysContract } from './contract.ts'
import { openKmsKeys } from './kms.ts'
import type { Keys } from './keys.ts'
import { currentIdOf, rotateKey } from './rotation.ts'

function open(endpoint: string): Keys {
  return openKmsKeys({
    region: 'eu-central-1',
    endpoint,
    aliasPrefix: 'edgeward',
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'example' },
  })
}

keysContract('AWS KMS', async () => {
  const clock = new ManualClock()
  const service = await fakeKms(clock)
  return {
    clock,
    open: () => Promise.resolve(open(service.endpoint)),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
})

test('rotations live under aliases, which hold no point', async () => {
  await using service = await fakeKms(new ManualClock())
  await using keys = open(service.endpoint)
  await keys.create('cards')
  assert.equal((await rotateKey(keys, 'cards')).id, 'cards.2')
  assert.deepEqual(
    (await keys.list()).map(({ id }) => id),
    ['cards', 'cards.2'],
  )
  assert.equal(currentIdOf(await keys.list(), 'cards'), 'cards.2')
  const made = service.calls.filter(({ operation }) => operation === 'CreateAlias')
  assert.equal(made.at(-1)!.input['AliasName'], 'alias/edgeward/cards/2')
})

test('a service that does not answer is unavailable, and says for which key', async () => {
  const service = await fakeKms(new ManualClock())
  await using keys = open(service.endpoint)
  await service[Symbol.asyncDispose]()
  await assert.rejects(
    keys.describe('k'),
    (error) => isSeamError(error, 'unavailable') && error.message.includes('"k"'),
  )
})
