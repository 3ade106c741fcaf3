import { Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { WafVerdict } from '../rooms.ts'
import type { EdgeResponse, ViewerRequest } from '../visit.ts'
import type { Evaluation } from './evaluation.ts'
import type { PlannedCustomResponse } from './plan.ts'

const PASS: WafVerdict = { kind: 'pass' }

/** Answers a request that has to solve a Captcha or Challenge first. */
export type Interstitial = (kind: 'captcha' | 'challenge', request: ViewerRequest) => EdgeResponse

/**
 * What the line is told: a block is CloudFront's own 403, which custom error pages may replace, unless the rule has a
 * response of its own, which always wins (DG:waf-custom-response).
 */
export function toVerdict(
  evaluation: Evaluation,
  request: ViewerRequest,
  interstitial: Interstitial,
): WafVerdict {
  switch (evaluation.action) {
    case 'allow':
      return PASS
    case 'block': {
      const { response } = evaluation.planned
      if (response !== undefined) return { kind: 'answered', response: customResponse(response) }
      const rule = evaluation.terminating?.name ?? 'the default action'
      return { kind: 'refused', fault: new Fault('RequestBlocked', `blocked by ${rule} of the web ACL`) }
    }
    case 'captcha':
    case 'challenge':
      return { kind: 'answered', response: interstitial(evaluation.action, request) }
    case 'monetize':
      return { kind: 'answered', response: { status: 402, headers: new HeaderList(), body: Body.none() } }
  }
}

/** The status that was sent instead of the origin's answer; undefined when the request went on. */
export function statusSent(evaluation: Evaluation): number | undefined {
  switch (evaluation.action) {
    case 'allow':
      return undefined
    case 'block':
      return evaluation.planned.response?.status ?? 403
    case 'captcha':
      return 405
    case 'challenge':
      return 202
    case 'monetize':
      return 402
  }
}

/** The request with the headers that rules insert; the same request when there are none. */
export function withInserted(request: ViewerRequest, evaluation: Evaluation): ViewerRequest {
  if (evaluation.inserted.length === 0 || evaluation.action !== 'allow') return request
  const headers = request.headers.clone()
  for (const { name, value } of evaluation.inserted) headers.set(name, value)
  return { ...request, headers }
}

/** 405 or 202 without a page: what clients that do not take HTML receive. */
export function bareInterstitial(kind: 'captcha' | 'challenge'): EdgeResponse {
  const headers = HeaderList.of({ 'x-amzn-waf-action': kind, 'cache-control': 'no-store, max-age=0' })
  return { status: kind === 'captcha' ? 405 : 202, headers, body: Body.none() }
}

export function customResponse(planned: PlannedCustomResponse): EdgeResponse {
  const headers = new HeaderList()
  for (const { name, value } of planned.headers) headers.append(name, value)
  if (planned.body === undefined) return { status: planned.status, headers, body: Body.none() }
  if (planned.contentType !== undefined) headers.append('Content-Type', planned.contentType)
  headers.append('Content-Length', String(planned.body.length))
  return { status: planned.status, headers, body: Body.bytes(planned.body) }
}
