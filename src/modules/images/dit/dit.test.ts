import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImageError } from '../image-error.ts'
import { createDit } from './dit.ts'

const dialect = createDit({
  policies: new Map(),
  defaultPolicy: undefined,
  mappings: undefined,
  originHeader: undefined,
  folders: new Map(),
  addressOf: () => undefined,
  corsOrigin: undefined,
  maxTransformations: 10,
})

const codes: readonly (readonly [status: number, code: string, shownStatus: number, shownCode: string])[] = [
  [404, 'NoSuchKey', 404, 'ImageNotFound'],
  [403, 'ImageBucket::CannotAccessBucket', 403, 'AccessDenied'],
  [500, 'ImageRetrieval::CannotRetrieveImage', 500, 'FetchError'],
  [400, 'RequestTypeError', 415, 'InvalidImage'],
  [503, 'TimeoutException', 504, 'RequestTimeout'],
  [500, 'InternalError', 500, 'INTERNAL_ERROR'],
  [500, 'ProcessingFailure', 500, 'ProcessingFailure'],
  [400, 'InstantiationError', 400, 'InstantiationError'],
  [413, 'TooLargeImageException', 413, 'TooLargeImageException'],
]
for (const [status, code, shownStatus, shownCode] of codes) {
  test(`${status} ${code} of the engine is ${shownStatus} ${shownCode}`, () => {
    const error = new ImageError(status, code, 'A sentence.')
    const { contentType, body } = dialect.errorBody(error)
    const { requestId, ...rest } = JSON.parse(body) as Readonly<Record<string, unknown>>
    assert.deepEqual(rest, { error: shownCode, message: 'A sentence.' })
    assert.match(String(requestId), /^[\da-f]{8}-/)
    assert.equal(contentType, 'application/json')
    assert.equal(dialect.errorStatus?.(error) ?? error.status, shownStatus)
  })
}
