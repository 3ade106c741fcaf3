import { SeamError, isSeamError } from '../seam-error.ts'

/** What an error is about, for its text. */
export interface S3Place {
  readonly bucket: string
  /** Where the bucket is, as people configured it. */
  readonly where: string
  /** The configuration that leads here: `objects.photos`. */
  readonly setting: string
}

/** Name and status of an error of the SDK; an answer to HEAD has no body, and then the status says it all. */
export function faultOf(error: unknown): { readonly name: string; readonly status: number | undefined } {
  if (!(error instanceof Error)) return { name: '', status: undefined }
  const metadata: unknown = Reflect.get(error, '$metadata')
  const status: unknown =
    typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'httpStatusCode') : undefined
  return { name: error.name, status: typeof status === 'number' ? status : undefined }
}

/**
 * An error of S3 or of the way to it as one of the seam: what was asked, what the service said, what to do. Without a
 * cause, because the SDK's errors hold the request with its signature.
 */
export function s3SeamError(place: S3Place, asked: string, error: unknown): SeamError {
  if (isSeamError(error)) return error
  const { name, status } = faultOf(error)
  const said = saidBy(error, name, status)
  const start = `${asked} in the bucket "${place.bucket}" (${place.where})`
  const tell = (code: SeamError['code'], hint: string): SeamError =>
    new SeamError(code, `${start}: ${said}${hint === '' ? '' : `. ${hint}`}`)
  switch (name) {
    case 'NoSuchBucket':
      return tell('not-found', `Make the bucket, or correct ${place.setting}.bucket`)
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return tell('invalid', `The bucket is in another region: correct ${place.setting}.region`)
    case 'PreconditionFailed':
      return new SeamError(
        'conflict',
        `${start}: the condition of the put does not hold. Read the object again`,
      )
    case 'ConditionalRequestConflict':
    case 'OperationAborted':
      return new SeamError('conflict', `${start}: somebody else changed it at the same moment. Read it again`)
    case 'InvalidRange':
      return new SeamError('range', `${start}: the range asked lies outside the object`)
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'ExpiredToken':
    case 'InvalidToken':
    case 'CredentialsProviderError':
      return tell('permission', `Check ${place.setting}.credentials, or those of the environment`)
    case 'RequestTimeTooSkewed':
      return tell('permission', 'Set the clock of this machine')
    case 'EntityTooLarge':
    case 'MetadataTooLarge':
    case 'TooManyParts':
      return tell('limit', '')
    case 'InvalidArgument':
    case 'InvalidURI':
    case 'KeyTooLongError':
    case 'XMinioInvalidObjectName':
    case 'InvalidObjectName':
      return tell('invalid', '')
    case 'InvalidObjectState':
      return tell('unavailable', 'The object is archived: restore it first')
    default:
  }
  switch (status) {
    case 400:
      return tell(
        'invalid',
        isSilent(name, status) ? `Check ${place.setting}.region and the credentials` : '',
      )
    case 301:
    case 307:
      return tell('invalid', `The bucket is in another region: correct ${place.setting}.region`)
    case 401:
    case 403:
      return tell(
        'permission',
        'The role of this edge needs s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the objects, and s3:ListBucket on the bucket, without which S3 answers 403 also where there is nothing',
      )
    case 412:
      return new SeamError(
        'conflict',
        `${start}: the condition of the put does not hold. Read the object again`,
      )
    case 416:
      return new SeamError('range', `${start}: the range asked lies outside the object`)
    default:
      return tell('unavailable', status === undefined ? 'Check the address and the network' : '')
  }
}

/** What the service said, without the full stop that ours would double. */
function saidBy(error: unknown, name: string, status: number | undefined): string {
  if (isSilent(name, status)) return `it answered ${status} and not why`
  const answer = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '')
  return name === '' || name === 'Error' ? answer : `${name}: ${answer}`
}

/** Whether the answer had no body: then the SDK has a name of its own for the error. */
function isSilent(name: string, status: number | undefined): boolean {
  return status !== undefined && (name === 'Unknown' || name === 'UnknownError' || name === String(status))
}
