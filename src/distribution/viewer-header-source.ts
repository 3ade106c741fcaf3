import type { ViewerRequest } from '../visit.ts'
import type { Geo } from './geo.ts'
import { createDeviceClassifier } from './device.ts'
import { viewerHeader } from './viewer-headers.ts'

/** What is asked for a header: the request, and for the page of an error where it came from. */
export interface HeaderQuestion {
  readonly request: ViewerRequest
  readonly errorUri: string | undefined
  readonly errorArgs: string | undefined
}

/** Computes `CloudFront-*` headers for requests, each only when a policy asks for it (DG:adding-cloudfront-headers). */
export function createViewerHeaders(
  geo: Pick<Geo, 'lookup'>,
): (passage: HeaderQuestion, lowerName: string) => string | undefined {
  const classify = createDeviceClassifier()
  return (passage, lowerName) => viewerHeader(lowerName, factsOf(passage, geo), classify)
}

function factsOf({ request, errorUri, errorArgs }: HeaderQuestion, geo: Pick<Geo, 'lookup'>) {
  return {
    clientIp: request.client.address,
    clientPort: request.client.port,
    scheme: request.scheme,
    httpVersion: request.httpVersion,
    tls: request.connection.tls,
    get geo() {
      return geo.lookup(request.client.address)
    },
    userAgent: request.headers.get('user-agent'),
    get headerNames() {
      return request.headers.raw.filter((_text, index) => index % 2 === 0)
    },
    errorUri,
    errorArgs,
  }
}
