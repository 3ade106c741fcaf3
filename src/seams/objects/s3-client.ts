import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { Clock } from '../../base/clock.ts'
import type { PlannedObjectStore } from '../../plan.ts'

/** What the plan says of the store, and what the driver needs beside it. */
export interface S3ObjectsOptions extends Omit<Extract<PlannedObjectStore, { store: 's3' }>, 'store'> {
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
