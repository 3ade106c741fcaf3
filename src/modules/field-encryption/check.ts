import { createPublicKey } from 'node:crypto'
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Findings } from '../../base/problem.ts'
import type { ConfigPlace, ConfigResources } from '../module.ts'
import type { z } from 'zod'
import type { fieldEncryptionSchema } from './config.ts'

type Written = Partial<z.input<typeof fieldEncryptionSchema>>

/** What the schema cannot see: fields without a key, keys of callers that encrypt nothing, files that are not there. */
export async function checkFieldEncryption(
  { config, segments }: ConfigPlace,
  findings: Findings,
  { baseFolder }: ConfigResources,
): Promise<readonly string[]> {
  // Every part that is there has passed the schema.
  const written = config as Written
  const fields = written.fields ?? []
  const detect = written.detect ?? []
  const files: string[] = []
  if (written.native !== undefined) {
    if (fields.length > 0 || detect.length > 0)
      findings.error([...segments, 'native'], 'stands beside `fields` or `detect`', {
        hint: "CloudFront's own format and Edgeward's are two: use one on a behavior",
      })
    checkNative(written.native, [...segments, 'native'], findings)
    return files
  }
  if (fields.length === 0 && detect.length === 0 && (written.callers ?? []).length === 0)
    findings.error(segments, 'protects nothing', { expected: '`fields`, `detect`, `callers` or `native`' })
  const used = new Set<string>()
  for (const [list, items] of [
    ['fields', fields],
    ['detect', detect],
  ] as const) {
    for (const [index, item] of items.entries()) {
      if (item === undefined) continue
      const key = (typeof item === 'string' ? undefined : item.key) ?? written.key
      if (key !== undefined) used.add(key)
      else
        findings.error([...segments, list, index], 'has no key', {
          expected: `\`key\` here or beside \`${list}\``,
          hint: 'make one with `edgeward keys create NAME`',
        })
    }
  }
  for (const [index, caller] of (written.callers ?? []).entries()) {
    if (caller === undefined) continue
    const at = [...segments, 'callers', index]
    for (const [scope, names] of Object.entries(caller.scopes ?? {})) {
      for (const name of names ?? [])
        if (used.size > 0 && !used.has(name))
          findings.warning(
            [...at, 'scopes', scope],
            `names the key "${name}", with which nothing is encrypted here`,
          )
    }
    const { jwks } = caller
    if (jwks === undefined) continue
    if (/^https?:\/\//.test(jwks)) {
      const host = URL.canParse(jwks) ? new URL(jwks).hostname : ''
      if (jwks.startsWith('http:') && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(host))
        findings.error([...at, 'jwks'], 'is fetched over plain http', {
          expected: 'https, or a host of this machine',
          hint: 'whoever changed it on its way could read everything',
        })
      continue
    }
    const file = resolve(baseFolder, jwks)
    files.push(file)
    await access(file).catch(() =>
      findings.error([...at, 'jwks'], `there is no file ${file}`, {
        expected: 'a JSON Web Key Set (RFC 7517), as a URL or a file relative to the configuration',
      }),
    )
  }
  return files
}

function checkNative(
  native: NonNullable<Written['native']>,
  at: ConfigPlace['segments'],
  findings: Findings,
): void {
  const keys = new Set((native.publicKeys ?? []).map((key) => key?.Id))
  for (const [index, key] of (native.publicKeys ?? []).entries()) {
    const pem = key?.PublicKeyConfig?.EncodedKey
    if (pem === undefined) continue
    try {
      const { asymmetricKeyType } = createPublicKey(pem)
      if (asymmetricKeyType !== 'rsa') throw new Error(`is a key of type ${asymmetricKeyType}`)
    } catch (error) {
      findings.error(
        [...at, 'publicKeys', index, 'PublicKeyConfig', 'EncodedKey'],
        `is no RSA public key: ${String(error)}`,
        {
          expected: 'PEM text of an RSA public key of 2048 bits',
        },
      )
    }
  }
  const profiles = new Set((native.profiles ?? []).map((profile) => profile?.Id))
  for (const [index, profile] of (native.profiles ?? []).entries()) {
    for (const [entity, { PublicKeyId } = { PublicKeyId: undefined }] of (
      profile?.FieldLevelEncryptionProfileConfig?.EncryptionEntities?.Items ?? []
    ).entries()) {
      if (PublicKeyId !== undefined && !keys.has(PublicKeyId))
        findings.error(
          [
            ...at,
            'profiles',
            index,
            'FieldLevelEncryptionProfileConfig',
            'EncryptionEntities',
            'Items',
            entity,
            'PublicKeyId',
          ],
          `names the public key ${PublicKeyId}, which is not among publicKeys`,
        )
    }
  }
  const named = [
    ...(native.config?.ContentTypeProfileConfig?.ContentTypeProfiles?.Items ?? []),
    ...(native.config?.QueryArgProfileConfig?.QueryArgProfiles?.Items ?? []),
  ].flatMap((item) => item?.ProfileId ?? [])
  for (const id of new Set(named))
    if (!profiles.has(id))
      findings.error([...at, 'config'], `names the profile ${id}, which is not among profiles`)
}
