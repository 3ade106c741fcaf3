import { Secret } from '../base/secret.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { BucketOrigin } from '../plan.ts'
import type { OriginRequest } from '../visit.ts'

/** For the tests of bucket origins: an origin with the keys of AWS's published examples, and requests for it. */

export const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'),
  sessionToken: undefined,
}

export function originOf(changes: Partial<BucketOrigin> = {}): BucketOrigin {
  return {
    kind: 'bucket',
    name: 'photos',
    domainName: 'examplebucket.s3.amazonaws.com',
    originPath: '',
    connectionAttempts: 3,
    connectTimeoutMs: 1000,
    readTimeoutMs: 1000,
    responseCompletionTimeoutMs: undefined,
    keepaliveTimeoutMs: 1000,
    customHeaders: [],
    modules: {},
    bucket: 'examplebucket',
    region: 'us-east-1',
    endpoint: 'https://s3.amazonaws.com',
    pathStyle: false,
    credentials,
    signing: 'always',
    tls: { minVersion: 'TLSv1.2', caPem: undefined, certPem: undefined, keyPem: undefined, verify: true },
    ...changes,
  }
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: Body
}

export function requestOf(origin: BucketOrigin, ask: Ask): OriginRequest {
  return {
    method: ask.method ?? 'GET',
    path: ask.path ?? '/test.txt',
    query: ask.query,
    headers: HeaderList.of({ Host: 'viewer.example', ...ask.headers }),
    body: ask.body ?? Body.none(),
    origin,
    isUpgrade: false,
  }
}
