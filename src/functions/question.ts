import { andThen, type Awaitable } from '../base/promise.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { FunctionEventName, FunctionKind } from '../planned-functions.ts'
import type { EdgeResponse, OriginRequest, Passage } from '../visit.ts'
import {
  type FunctionEvent,
  functionRequestEvent,
  functionResponseEvent,
  type ViewerHeader,
} from './cloudfront-js/event.ts'
import {
  type LambdaEvent,
  originRequestEvent,
  originResponseEvent,
  viewerRequestEvent,
  viewerResponseEvent,
} from './lambda-edge/event.ts'
import { shownBodyBytes } from './lambda-edge/limits.ts'

/** What happens on the line: an event, with the message it is about. */
export type Moment =
  | { readonly event: 'viewer-request'; readonly passage: Passage }
  | { readonly event: 'origin-request'; readonly passage: Passage; readonly request: OriginRequest }
  | {
      readonly event: 'origin-response'
      readonly passage: Passage
      readonly request: OriginRequest
      readonly response: EdgeResponse
    }
  | { readonly event: 'viewer-response'; readonly passage: Passage; readonly response: EdgeResponse }

interface QuestionBase {
  readonly event: FunctionEventName
  /** Undefined for an event that came from a file. */
  readonly passage: Passage | undefined
  /** The event as JSON, as the function is given it. */
  readonly json: string
  /** The fields that the function may change, as they were. */
  readonly headers: HeaderList
}

/** What a function is asked, written down, so that a second one can be asked the same later. */
export type Question =
  | (QuestionBase & {
      readonly kind: 'lambda-edge'
      readonly shown: LambdaEvent
    })
  | (QuestionBase & {
      readonly kind: 'cloudfront'
      readonly shown: FunctionEvent
      readonly rawQuery: string | undefined
    })

/** Writes down what a function of a kind is asked at a moment. Rejects when a body that is to be shown does not arrive. */
export function ask(
  kind: FunctionKind,
  moment: Moment,
  includeBody: boolean,
  viewerHeader: ViewerHeader,
): Awaitable<Question> {
  if (kind === 'cloudfront') return askCloudFront(moment, viewerHeader)
  const { event } = moment
  if (!includeBody || (event !== 'viewer-request' && event !== 'origin-request'))
    return askLambda(moment, undefined)
  const { body } = event === 'viewer-request' ? moment.passage.request : moment.request
  // One byte more than is shown tells that there is more.
  return andThen(body.peek(shownBodyBytes[event] + 1), (seen) => askLambda(moment, seen))
}

function askLambda(moment: Moment, body: Buffer | undefined): Question {
  const shown = lambdaEvent(moment, body)
  return {
    kind: 'lambda-edge',
    event: moment.event,
    passage: moment.passage,
    shown,
    json: `{"Records":[{"cf":${JSON.stringify(shown)}}]}`,
    headers: changeable(moment),
  }
}

function lambdaEvent(moment: Moment, body: Buffer | undefined): LambdaEvent {
  switch (moment.event) {
    case 'viewer-request':
      return viewerRequestEvent(moment.passage, body)
    case 'origin-request':
      return originRequestEvent(moment.passage, moment.request, body)
    case 'origin-response':
      return originResponseEvent(moment.passage, moment.request, moment.response)
    case 'viewer-response':
      return viewerResponseEvent(moment.passage, moment.response)
  }
}

function askCloudFront(moment: Moment, viewerHeader: ViewerHeader): Question {
  const { event, passage } = moment
  const shown =
    event === 'viewer-response'
      ? functionResponseEvent(passage, moment.response, viewerHeader)
      : functionRequestEvent(passage, viewerHeader)
  return {
    kind: 'cloudfront',
    event,
    passage,
    shown,
    json: JSON.stringify(shown),
    headers: changeable(moment),
    rawQuery: passage.request.query,
  }
}

function changeable(moment: Moment): HeaderList {
  if (moment.event === 'viewer-request') return moment.passage.request.headers
  return moment.event === 'origin-request' ? moment.request.headers : moment.response.headers
}
