import type { KeyObject } from 'node:crypto'
import { Fault } from '../faults.ts'
import { cookieField } from '../http/cookies.ts'
import type { Passage } from '../visit.ts'
import { verifySignedRequest } from './signed-url.ts'

/** A refused signature: CloudFront answers it with an XML body that names a code (fact sheet 10.4). */
export class RefusedSignature extends Fault {
  readonly xml: { readonly code: string; readonly message: string }

  constructor(code: string, publicMessage: string, reason: string) {
    super('AccessDenied', reason)
    this.xml = { code, message: publicMessage }
  }
}

/** Checks the signed URL or cookies of a request; gives the query without the parameters of the signature. */
export function verifySignature(
  passage: Passage,
  keys: ReadonlyMap<string, KeyObject>,
  nowSeconds: number,
): { readonly query: string | undefined } | RefusedSignature {
  const { request } = passage
  const decision = verifySignedRequest(
    {
      scheme: request.scheme,
      host: request.host,
      // The viewer signed what it asked for, before any default root object.
      path: passage.visit.request.path,
      query: request.query,
      cookie: cookieField(request.headers),
      clientIp: request.client.address,
    },
    keys,
    nowSeconds,
  )
  if (decision.kind === 'allowed') return decision
  return new RefusedSignature(decision.code, decision.message, decision.reason)
}
