import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { Clock } from '../../base/clock.ts'
import type { Secret } from '../../base/secret.ts'

export interface S3ObjectsOptions {
  readonly bucket: string
  /** Before every key: empty, or `…/`. */
  readonly prefix: string
  /** From the environment unless given, as in every AWS SDK; `us-east-1` where there is an endpoint. */
  readonly region: string | undefined
  readonly endpoint: string | undefined
  /** The bucket in the path instead of the host name. */
  readonly pathStyle: boolean
  /** Those of the environment unless given. */
  readonly credentials:
    | {
        readonly accessKeyId: string
        readonly secretAccessKey: Secret
        readonly sessionToken: Secret | undefined
      }
    | undefined
  /** Where this was configured, for errors: `objects.photos`. */
  readonly setting: string
  readonly clock: Clock
  /** How long a connection with a request may stand still; a minute unless given. */
  readonly idleMs?: number
}

/** Calls that wait longer are given up, and tried again by the SDK. */
const CONNECT_MS = 5_000
const IDLE_MS = 60_000
/** Requests at once; what an edge reads is as much as its viewers ask for. */
const MAX_SOCKETS = 256
/** A client of the SDK as these options say; it asks nothing yet. */
export function s3ClientOf({
  region,
  endpoint,
  pathStyle,
  credentials,
  idleMs = IDLE_MS,
}: S3ObjectsOptions): S3Client {
  const config: S3ClientConfig = {
    forcePathStyle: pathStyle,
    // Every put has a Content-MD5, which every storage checks; the newer checksums some refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      // Not of a whole request: a part of an upload takes as long as it takes.
      socketTimeout: idleMs,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    },
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined ? { region } : endpoint !== undefined && { region: 'us-east-1' }),
    ...(credentials !== undefined && {
      credentials: {
        accessKeyId: credentials.accessKeyId,
        secretAccessKey: credentials.secretAccessKey.reveal(),
        ...(credentials.sessionToken !== undefined && { sessionToken: credentials.sessionToken.reveal() }),
      },
    }),
  }
  return new S3Client(config)
}
