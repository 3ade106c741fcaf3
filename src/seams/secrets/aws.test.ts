import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { fakeSecretsManager } from '../../../test/support/aws/secrets-manager.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { Secret } from '../../base/secret.ts'
import { isSeamError } from '../seam-error.ts'
import { openAwsSecrets } from './aws.ts'
import { secretsContract } from './contract.ts'
import type { Secrets } from './secrets.ts'

const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'example' }

function open(endpoint: string, clock: ManualClock, reports: Error[] = []): Promise<Secrets> {
  return openAwsSecrets({
    region: 'eu-central-1',
    endpoint,
    refreshMs: 30_000,
    clock,
    report: (error) => reports.push(error),
    credentials,
  })
}

secretsContract('AWS Secrets Manager', async () => {
  const clock = new ManualClock()
  const service = await fakeSecretsManager(clock)
  return {
    clock,
    open: () => open(service.endpoint, clock),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
})

test('what another process puts is seen by the next look, and a value is fetched once', async () => {
  const clock = new ManualClock()
  await using service = await fakeSecretsManager(clock)
  await using writer = await open(service.endpoint, clock)
  await using reader = await open(service.endpoint, clock)
  await writer.put('db', new Secret('one'))
  const seen = new Promise<string | undefined>((resolve) =>
    reader.handle('db').subscribe((snapshot) => resolve(snapshot?.value.reveal())),
  )
  clock.advance(30_000)
  assert.equal(await seen, 'one')
  const fetched = () => service.calls.filter(({ operation }) => operation === 'GetSecretValue').length
  const before = fetched()
  await reader.refresh()
  await reader.refresh()
  assert.equal(fetched(), before)
})

test('a service that does not answer is reported once per outage, and the values stay', async () => {
  const clock = new ManualClock()
  const service = await fakeSecretsManager(clock)
  const reports: Error[] = []
  await using secrets = await open(service.endpoint, clock, reports)
  await secrets.put('db', new Secret('hunter2'))
  await service[Symbol.asyncDispose]()
  await assert.rejects(secrets.put('db', new Secret('hunter3')), (error) => {
    assert.ok(isSeamError(error, 'unavailable'))
    assert.match(error.message, /^the secret "db" in AWS Secrets Manager: /)
    assert.ok(!inspect(error, { depth: 9 }).includes('hunter'))
    return true
  })
  assert.equal(secrets.handle('db').current?.value.reveal(), 'hunter2')
})
