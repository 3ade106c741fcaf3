import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildDecrypt } from '@aws-crypto/decrypt-node'
import { buildEncrypt } from '@aws-crypto/encrypt-node'
import { CommitmentPolicy, AlgorithmSuiteIdentifier } from '@aws-crypto/material-management-node'
import { RawRsaKeyringNode } from '@aws-crypto/raw-rsa-keyring-node'
import { constants } from 'node:crypto'
import { fieldEncryptionSchema } from './config.ts'
import { decryptMessage, encryptMessage } from './encryption-sdk.ts'
import { makeKey } from './keys.fixture.ts'
import { chooseProfile, compileNative } from './native.ts'

const key = makeKey('k')
const wrapping = { providerId: 'DocProvider', keyName: 'DocKey' }
const pem = (kind: 'spki' | 'pkcs8') =>
  (kind === 'spki' ? key.key : key.privateKey).export({ type: kind as 'spki', format: 'pem' }).toString()

/** The keyring of AWS's own library for the same key. */
const keyring = new RawRsaKeyringNode({
  keyName: wrapping.keyName,
  keyNamespace: wrapping.providerId,
  rsaKey: { publicKey: pem('spki'), privateKey: pem('pkcs8') },
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: 'sha256',
})
const policy = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT

const values = ['', 'x', '4111 1111 1111 1111', 'Zoë', 'y'.repeat(20_000)]

test("AWS's own library opens what is encrypted here", async () => {
  const { decrypt } = buildDecrypt(policy)
  for (const value of values) {
    const message = encryptMessage(Buffer.from(value), { ...wrapping, publicKey: key.key })
    const { plaintext, messageHeader } = await decrypt(keyring, message)
    assert.equal(plaintext.toString(), value)
    assert.equal(messageHeader.encryptedDataKeys[0]!.providerId, 'DocProvider')
    assert.equal(messageHeader.encryptedDataKeys[0]!.providerInfo, 'DocKey')
  }
})

test("what AWS's own library encrypts is opened here, signed suites and frames too", async () => {
  const { encrypt } = buildEncrypt(policy)
  const suites = [
    AlgorithmSuiteIdentifier.ALG_AES128_GCM_IV12_TAG16,
    AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA256,
    AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384,
  ]
  for (const suiteId of suites) {
    for (const value of values.slice(1)) {
      const { result } = await encrypt(keyring, value, {
        suiteId,
        frameLength: 1024,
        encryptionContext: { purpose: 'test' },
      })
      const opened = decryptMessage(result, ({ keyName }) =>
        keyName === 'DocKey' ? key.privateKey : undefined,
      )
      assert.equal(opened.toString(), value)
    }
  }
})

test('a message that was changed, cut short or is for another key does not open', () => {
  const message = encryptMessage(Buffer.from('secret'), { ...wrapping, publicKey: key.key })
  for (let at = 0; at < message.length; at += 7) {
    const changed = Buffer.from(message)
    changed[at]! ^= 1
    assert.throws(() => decryptMessage(changed, () => key.privateKey), `byte ${at}`)
    assert.throws(() => decryptMessage(message.subarray(0, at), () => key.privateKey), `cut at ${at}`)
  }
  assert.throws(() => decryptMessage(message, () => undefined), /no key that is known/)
})

test('which profile counts: the query parameter before the content type, unknown ones by their flags', () => {
  const native = (unknownType: boolean, unknownArg: boolean) =>
    compileNative(
      fieldEncryptionSchema.parse({
        native: {
          config: {
            ContentTypeProfileConfig: {
              ForwardWhenContentTypeIsUnknown: unknownType,
              ContentTypeProfiles: {
                Quantity: 1,
                Items: [
                  { ContentType: 'application/x-www-form-urlencoded', Format: 'URLEncoded', ProfileId: 'P' },
                ],
              },
            },
            QueryArgProfileConfig: {
              ForwardWhenQueryArgProfileIsUnknown: unknownArg,
              QueryArgProfiles: { Quantity: 1, Items: [{ QueryArg: 'q', ProfileId: 'P' }] },
            },
          },
          profiles: [
            {
              Id: 'P',
              FieldLevelEncryptionProfileConfig: {
                EncryptionEntities: {
                  Quantity: 1,
                  Items: [
                    {
                      PublicKeyId: 'K',
                      ProviderId: 'DocProvider',
                      FieldPatterns: { Quantity: 2, Items: ['ssn', 'card*'] },
                    },
                  ],
                },
              },
            },
          ],
          publicKeys: [{ Id: 'K', PublicKeyConfig: { Name: 'DocKey', EncodedKey: pem('spki') } }],
        },
      }).native!,
    )
  const form = 'application/x-www-form-urlencoded; charset=UTF-8'
  const cases: [
    query: string | undefined,
    type: string | undefined,
    unknownType: boolean,
    unknownArg: boolean,
    outcome: string,
  ][] = [
    [undefined, form, true, true, 'profile'],
    ['fle-profile=q', 'text/plain', true, true, 'profile'],
    ['fle-profile=other', form, true, true, 'ForwardedByQueryArgs'],
    ['fle-profile=other', form, true, false, 'RejectedByQueryArgs!'],
    [undefined, 'application/json', true, true, 'ForwardedByContentType'],
    [undefined, 'application/json', false, true, 'RejectedByContentType!'],
  ]
  for (const [query, type, unknownType, unknownArg, outcome] of cases) {
    const chosen = chooseProfile(native(unknownType, unknownArg), query, type)
    const shown = 'profile' in chosen ? 'profile' : chosen.status + (chosen.isRefused ? '!' : '')
    assert.equal(shown, outcome)
    if (!('profile' in chosen)) continue
    const fits = (name: string) => chosen.profile.some((entity) => entity.fits(name))
    assert.deepEqual(['ssn', 'SSN', 'card', 'card-no', 'xcard'].map(fits), [true, false, true, true, false])
  }
})
