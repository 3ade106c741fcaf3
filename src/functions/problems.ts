import { Fault, type FaultCode } from '../faults.ts'
import type { FunctionEventName, FunctionKind } from '../planned-functions.ts'

/** Pages of the CloudFront Developer Guide that hold the rules. */
const GUIDE = 'https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/'

/** The pages, by what they are about. */
export const pages = {
  restrictions: `${GUIDE}edge-function-restrictions-all.html`,
  lambdaRestrictions: `${GUIDE}lambda-at-edge-function-restrictions.html`,
  lambdaEvent: `${GUIDE}lambda-event-structure.html`,
  lambdaResponse: `${GUIDE}lambda-generating-http-responses.html`,
  lambdaBody: `${GUIDE}lambda-include-body-access.html`,
  limits: `${GUIDE}cloudfront-limits.html`,
  functionEvent: `${GUIDE}functions-event-structure.html`,
  runtime1: `${GUIDE}functions-javascript-runtime-10.html`,
  runtime2: `${GUIDE}functions-javascript-runtime-20.html`,
  originHelpers: `${GUIDE}helper-functions-origin-modification.html`,
  keyValueStore: `${GUIDE}functions-custom-methods.html`,
  status: `${GUIDE}HTTPStatusCodes.html`,
} as const

/** One rule that a function broke. */
export interface Problem {
  readonly code: FaultCode
  /** The header or field, as a path: `request.headers.connection`. */
  readonly field: string
  /** One sentence: header or field, event, limit and the page that documents it. */
  readonly sentence: string
}

/** Collects what is wrong with the result of one run; the line uses the first, the runner prints them all. */
export class Problems {
  readonly kind: FunctionKind
  readonly event: FunctionEventName
  readonly list: Problem[] = []

  constructor(kind: FunctionKind, event: FunctionEventName) {
    this.kind = kind
    this.event = event
  }

  /** Notes a broken rule: `says` continues the sentence "The … function result failed validation: at EVENT, FIELD". */
  invalid(field: string, says: string, page: string): void {
    const isLambda = this.kind === 'lambda-edge'
    const code = isLambda ? 'LambdaValidationError' : 'FunctionValidationError'
    const who = isLambda ? 'Lambda function' : 'CloudFront function'
    this.list.push({
      code,
      field,
      sentence: `The ${who} result failed validation: at ${this.event}, ${field} ${says} (${page}).`,
    })
  }

  get isEmpty(): boolean {
    return this.list.length === 0
  }

  /** The first problem as a fault, or undefined. */
  fault(): Fault | undefined {
    const [first] = this.list
    return first === undefined ? undefined : new Fault(first.code, first.sentence)
  }
}
