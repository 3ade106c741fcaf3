import { Readable } from 'node:stream'
import type { Fault } from '../../faults.ts'
import { Fault as RequestFault } from '../../faults.ts'
import { Body } from '../../http/body.ts'
import type { OriginRequest, Passage } from '../../visit.ts'
import { CodingError, decodeContent } from './content-coding.ts'
import type { CompiledFieldEncryption } from './compile.ts'
import { contentKindOf, type Format } from './formats/format.ts'
import { MalformedError } from './formats/found-field.ts'
import type { MemoryGate } from './memory-gate.ts'
import { type KeyOf, ProtectError, protectDocument, protectText, splice } from './protect.ts'
import { type SpooledBody, SpoolLimitError, spoolBody } from './spooled-body.ts'
import { createProtectingStream } from './protecting-stream.ts'

/** `fle-status` of the access log (DG:field-level-encryption). */
export type FleStatus =
  | 'Processed'
  | 'ForwardedByContentType'
  | 'ForwardedDueToNoProfile'
  | 'MalformedContentTypeClientError'
  | 'MalformedInputClientError'
  | 'RejectedByContentType'
  | 'ServerError'
  | 'FieldLengthLimitClientError'
  | 'FieldNumberLimitClientError'
  | 'RequestLengthLimitClientError'

export interface ProtectContext {
  readonly keyOf: KeyOf
  readonly gate: MemoryGate
  /** Where long bodies wait. */
  readonly spoolFolder: string
  /** Told how many fields a rule has protected. */
  readonly count: (rule: string, fields: number) => void
}

/** Fields that speak of the bytes of the body, which are others now. */
const DIGESTS = ['content-md5', 'digest', 'content-digest', 'repr-digest', 'signature', 'signature-input']

/**
 * The request that the origin is sent: its body protected, proven well-formed to its last byte before the first of it goes
 * out. Or a fault for the viewer, and then nothing of the body has left.
 */
export async function protectRequest(
  passage: Passage,
  request: OriginRequest,
  planned: CompiledFieldEncryption,
  context: ProtectContext,
): Promise<OriginRequest | Fault> {
  const { body, headers } = request
  if (body.kind === 'none' || body.length === 0) return request
  const kind = contentKindOf(headers.get('content-type'))
  if (kind.kind === 'malformed') {
    return planned.malformed === 'forward'
      ? forwarded(passage, request)
      : refused(passage, request, 'MalformedContentTypeClientError', kind.why)
  }
  const type = headers.get('content-type') ?? 'none'
  const isRead = kind.kind === 'format' || (kind.kind === 'text' && planned.protection.detectors.length > 0)
  if (!isRead) {
    return planned.forwards(type)
      ? forwarded(passage, request)
      : refused(
          passage,
          request,
          'RejectedByContentType',
          `a body of type ${type.slice(0, 100)} has no fields to protect`,
        )
  }
  if (planned.streaming && kind.kind === 'format' && !headers.has('content-encoding')) {
    passage.visit.fleStatus = 'Processed'
    return streamed(passage, request, kind.format, kind.boundary, planned, context)
  }

  let spooled: SpooledBody
  try {
    spooled = await spoolBody(body, {
      memoryBytes: planned.memoryBytes,
      maxBytes: planned.maxBytes,
      folder: context.spoolFolder,
    })
  } catch (error) {
    if (error instanceof SpoolLimitError)
      return refused(passage, request, 'RequestLengthLimitClientError', error.message, 'BodyTooLarge')
    return new RequestFault('ClientCommError', 'the viewer stopped in the middle of the request body', {
      cause: error,
    })
  }
  const leave = await context.gate.enter(spooled.bytes)
  try {
    const raw = await spooled.read()
    const bytes = await decodeContent(raw, headers.getJoined('content-encoding'), planned.maxBytes)
    const { pieces, counts } =
      kind.kind === 'format'
        ? await protectFormat(bytes, kind.format, kind.boundary, planned, context)
        : await protectPlain(bytes, planned, context)
    let fields = 0
    for (const [rule, count] of counts) {
      context.count(rule, count)
      fields += count
    }
    passage.visit.fleStatus = 'Processed'
    passage.visit.fleFields = (passage.visit.fleFields ?? 0) + fields
    if (fields === 0) return { ...request, body: Body.bytes(raw) }
    return { ...request, headers: withoutDigests(request), body: bodyOf(pieces) }
  } catch (error) {
    return refusal(passage, request, planned, error, spooled)
  } finally {
    leave()
    await spooled.discard()
  }
}

async function refusal(
  passage: Passage,
  request: OriginRequest,
  planned: CompiledFieldEncryption,
  error: unknown,
  spooled: SpooledBody,
): Promise<OriginRequest | Fault> {
  if (error instanceof MalformedError || error instanceof CodingError) {
    if (planned.malformed === 'reject')
      return refused(passage, request, 'MalformedInputClientError', error.message)
    passage.visit.fleStatus = 'ForwardedByContentType'
    return { ...request, body: Body.bytes(await spooled.read()) }
  }
  if (error instanceof ProtectError) {
    switch (error.why) {
      case 'field-too-long':
        return refused(passage, request, 'FieldLengthLimitClientError', error.message)
      case 'too-many-fields':
        return refused(passage, request, 'FieldNumberLimitClientError', error.message)
      case 'no-key':
        return refused(passage, request, 'ServerError', error.message, 'InternalError')
    }
  }
  throw error
}

async function protectFormat(
  bytes: Buffer,
  format: Format,
  boundary: string | undefined,
  planned: CompiledFieldEncryption,
  context: ProtectContext,
): Promise<{ pieces: Buffer[]; counts: ReadonlyMap<string, number> }> {
  const { replacements, counts } = await protectDocument(
    bytes,
    format,
    boundary,
    planned.protection,
    context.keyOf,
  )
  return { pieces: splice(bytes, replacements), counts }
}

async function protectPlain(
  bytes: Buffer,
  planned: CompiledFieldEncryption,
  context: ProtectContext,
): Promise<{ pieces: Buffer[]; counts: ReadonlyMap<string, number> }> {
  // latin1 keeps every byte whatever the charset is; what detectors look for is ASCII.
  const { text, counts } = await protectText(bytes.toString('latin1'), planned.protection, context.keyOf)
  return { pieces: [Buffer.from(text, 'latin1')], counts }
}

function bodyOf(pieces: readonly Buffer[]): Body {
  return Body.bytes(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces))
}

function withoutDigests(request: OriginRequest): OriginRequest['headers'] {
  const headers = request.headers.clone()
  for (const name of DIGESTS) headers.delete(name)
  // The codings were taken off to look inside.
  headers.delete('content-encoding')
  return headers
}

function streamed(
  passage: Passage,
  request: OriginRequest,
  format: Format,
  boundary: string | undefined,
  planned: CompiledFieldEncryption,
  context: ProtectContext,
): OriginRequest {
  const taken = request.body.take()
  const source = Buffer.isBuffer(taken) ? Readable.from([taken]) : taken
  const stream = createProtectingStream(source, format, boundary, planned, context.keyOf, (rule) => {
    context.count(rule, 1)
    passage.visit.fleFields = (passage.visit.fleFields ?? 0) + 1
  })
  return { ...request, headers: withoutDigests(request), body: Body.stream(stream) }
}

function forwarded(passage: Passage, request: OriginRequest): OriginRequest {
  passage.visit.fleStatus = 'ForwardedByContentType'
  return request
}

function refused(
  passage: Passage,
  request: OriginRequest,
  status: FleStatus,
  why: string,
  code: 'FieldEncryptionRejected' | 'BodyTooLarge' | 'InternalError' = 'FieldEncryptionRejected',
): Fault {
  passage.visit.fleStatus = status
  request.body.discard()
  return new RequestFault(code, why)
}
