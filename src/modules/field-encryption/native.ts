import { createPublicKey, type KeyObject } from 'node:crypto'
import { Fault } from '../../faults.ts'
import { Body } from '../../http/body.ts'
import { parameterName, parameterValue, splitQuery } from '../../http/query.ts'
import type { OriginRequest, Passage } from '../../visit.ts'
import type { NativeConfig } from './config.ts'
import { encryptMessage, type WrappingKey } from './encryption-sdk.ts'
import { FormScanner, formSyntax } from './formats/urlencoded.ts'
import { MalformedError } from './formats/found-field.ts'
import { PathMatcher } from './path-pattern.ts'
import { type Replacement, splice } from './protect.ts'

/** Limits of CloudFront's field-level encryption (quotas of the developer guide). */
const MAX_FIELDS = 10
const MAX_FIELD_BYTES = 16 * 1024
const MAX_BODY_BYTES = 1 << 20

interface Entity extends WrappingKey {
  readonly publicKey: KeyObject
  readonly fits: (name: string) => boolean
}

type Profile = readonly Entity[]

/** A FieldLevelEncryptionConfig, compiled. */
export interface CompiledNative {
  readonly byContentType: ReadonlyMap<string, Profile | undefined>
  readonly forwardsUnknownContentType: boolean
  readonly byQueryArg: ReadonlyMap<string, Profile>
  readonly forwardsUnknownQueryArg: boolean
}

export function compileNative({ config, profiles, publicKeys }: NativeConfig): CompiledNative {
  const keys = new Map(publicKeys.map((key) => [key.Id, key.PublicKeyConfig]))
  const compiled = new Map(
    profiles.map((profile) => [
      profile.Id,
      profile.FieldLevelEncryptionProfileConfig.EncryptionEntities.Items.map((entity): Entity => {
        const key = keys.get(entity.PublicKeyId)
        if (key === undefined) throw new Error(`there is no public key ${entity.PublicKeyId}`)
        return {
          providerId: entity.ProviderId,
          keyName: key.Name,
          publicKey: createPublicKey(key.EncodedKey),
          fits: patternOf(entity.FieldPatterns.Items),
        }
      }),
    ]),
  )
  const contentTypes = config.ContentTypeProfileConfig
  const queryArgs = config.QueryArgProfileConfig
  return {
    byContentType: new Map(
      (contentTypes?.ContentTypeProfiles?.Items ?? []).map(({ ContentType, ProfileId }) => [
        ContentType.toLowerCase(),
        ProfileId === undefined ? undefined : compiled.get(ProfileId),
      ]),
    ),
    forwardsUnknownContentType: contentTypes?.ForwardWhenContentTypeIsUnknown ?? true,
    byQueryArg: new Map(
      (queryArgs?.QueryArgProfiles?.Items ?? []).flatMap(({ QueryArg, ProfileId }) => {
        const profile = compiled.get(ProfileId)
        return profile === undefined ? [] : [[QueryArg, profile] as const]
      }),
    ),
    forwardsUnknownQueryArg: queryArgs?.ForwardWhenQueryArgProfileIsUnknown ?? true,
  }
}

/** Case-sensitive, with an optional star at the end (DG:field-level-encryption). */
function patternOf(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1))
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
}

/** What CloudFront would do with a request: its profile, or how it is forwarded or refused. */
export function chooseProfile(
  native: CompiledNative,
  query: string | undefined,
  contentType: string | undefined,
): { readonly profile: Profile } | { readonly status: string; readonly isRefused: boolean } {
  // The query argument has the last word over the content type.
  const asked = (query === undefined ? [] : splitQuery(query)).find(
    (part) => parameterName(part) === 'fle-profile',
  )
  if (asked !== undefined) {
    const profile = native.byQueryArg.get(parameterValue(asked))
    if (profile !== undefined) return { profile }
    return native.forwardsUnknownQueryArg
      ? { status: 'ForwardedByQueryArgs', isRefused: false }
      : { status: 'RejectedByQueryArgs', isRefused: true }
  }
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (!native.byContentType.has(type)) {
    return native.forwardsUnknownContentType
      ? { status: 'ForwardedByContentType', isRefused: false }
      : { status: 'RejectedByContentType', isRefused: true }
  }
  const profile = native.byContentType.get(type)
  return profile === undefined ? { status: 'ForwardedDueToNoProfile', isRefused: false } : { profile }
}

/** The request that the origin is sent under CloudFront's own field-level encryption. */
export async function protectNatively(
  passage: Passage,
  request: OriginRequest,
  native: CompiledNative,
  count: (rule: string, fields: number) => void,
): Promise<OriginRequest | Fault> {
  if (request.body.kind === 'none' || request.body.length === 0) return request
  const chosen = chooseProfile(native, request.query, request.headers.get('content-type'))
  const refuse = (status: string, why: string): Fault => {
    passage.visit.fleStatus = status
    request.body.discard()
    return new Fault('FieldEncryptionRejected', why)
  }
  if ('status' in chosen) {
    if (chosen.isRefused) return refuse(chosen.status, `field-level encryption: ${chosen.status}`)
    passage.visit.fleStatus = chosen.status
    return request
  }
  const seen = await request.body.peek(MAX_BODY_BYTES + 1)
  if (seen.length > MAX_BODY_BYTES)
    return refuse('RequestLengthLimitClientError', `the body is larger than ${MAX_BODY_BYTES} bytes`)
  const replacements: Replacement[] = []
  let isTooLong = false
  try {
    // Names count as they are written, brackets and points included.
    const scanner = new FormScanner({ matcher: new PathMatcher([]), everyText: true, format: 'form' })
    scanner.scan(seen, true, (field) => {
      const entity = chosen.profile.find((each) => each.fits(nameBefore(seen, field.start)))
      if (entity === undefined || field.text === '') return
      const value = Buffer.from(field.text)
      if (value.length > MAX_FIELD_BYTES) isTooLong = true
      else if (replacements.length <= MAX_FIELDS)
        replacements.push({
          start: field.start,
          end: field.end,
          bytes: Buffer.from(formSyntax.writers[0]!(encryptMessage(value, entity).toString('base64'))),
        })
    })
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return refuse('MalformedInputClientError', error.message)
  }
  if (isTooLong)
    return refuse('FieldLengthLimitClientError', `a field is longer than ${MAX_FIELD_BYTES} bytes`)
  if (replacements.length > MAX_FIELDS)
    return refuse('FieldNumberLimitClientError', `more than ${MAX_FIELDS} fields are to be encrypted`)
  passage.visit.fleStatus = 'Processed'
  passage.visit.fleFields = replacements.length
  count('native', replacements.length)
  return { ...request, body: Body.bytes(Buffer.concat(splice(seen, replacements))) }
}

/** The name of the field whose value begins at `start`. */
function nameBefore(body: Buffer, start: number): string {
  const from = body.lastIndexOf(0x26, start - 1) + 1
  const name = body.toString('latin1', from, start - 1)
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch (error) {
    if (error instanceof URIError) return name
    throw error
  }
}
