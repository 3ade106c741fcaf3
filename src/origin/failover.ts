import { Fault, type FaultCode } from '../faults.ts'
import type { EdgeResponse, Passage } from '../visit.ts'

/** The failover criterion under which a fault counts (DG:high_availability_origin_failover). */
const CRITERION: Partial<Record<FaultCode, number>> = {
  OriginConnectError: 503,
  OriginTlsError: 502,
  OriginDnsError: 502,
  OriginConnectTimeout: 504,
  OriginReadTimeout: 504,
  OriginCompletionTimeout: 504,
  OriginReadError: 502,
  OriginWriteError: 502,
  OriginInvalidResponse: 502,
  OriginHeaderTooBig: 502,
  OriginZeroSize: 502,
  OriginError: 502,
}

/** Whether the second origin of a group is asked: GET, HEAD and cached OPTIONS only, and a listed status. */
export function failsOver(passage: Passage, result: EdgeResponse | Fault): boolean {
  const { behavior, request } = passage
  if (passage.departed) return false
  const { method } = request
  if (
    method !== 'GET' &&
    method !== 'HEAD' &&
    !(method === 'OPTIONS' && behavior.cachedMethods.has('OPTIONS'))
  )
    return false
  const status = result instanceof Fault ? CRITERION[result.code] : result.status
  return status !== undefined && status >= 400 && (passage.route ?? behavior).failoverStatuses.has(status)
}
