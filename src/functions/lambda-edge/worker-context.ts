import { randomUUID } from 'node:crypto'
import type { WorkerSettings } from './protocol.ts'

/** The second argument of a handler (AWS Lambda Developer Guide, "Lambda context object in Node.js"). */
export interface LambdaContext {
  readonly functionName: string
  readonly functionVersion: string
  readonly invokedFunctionArn: string
  readonly memoryLimitInMB: string
  readonly awsRequestId: string
  readonly logGroupName: string
  readonly logStreamName: string
  readonly identity: undefined
  readonly clientContext: undefined
  callbackWaitsForEmptyEventLoop: boolean
  getRemainingTimeInMillis(): number
  done(error: unknown, result?: unknown): void
  fail(error: unknown): void
  succeed(result: unknown): void
}

export const FUNCTION_VERSION = '1'

/** Where logs of a function would be in CloudWatch. */
export function logGroupOf(functionName: string): string {
  return `/aws/lambda/us-east-1.${functionName}`
}

export const LOG_STREAM = 'edgeward'

/** Makes the context of one invocation; `remainingMs` says how long it may still take. */
export function createContext(
  settings: WorkerSettings,
  remainingMs: () => number,
  end: { readonly succeed: (result: unknown) => void; readonly fail: (error: unknown) => void },
): LambdaContext {
  const { functionName, memoryMb } = settings
  return {
    functionName,
    functionVersion: FUNCTION_VERSION,
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}:${FUNCTION_VERSION}`,
    memoryLimitInMB: String(memoryMb),
    awsRequestId: randomUUID(),
    logGroupName: logGroupOf(functionName),
    logStreamName: LOG_STREAM,
    identity: undefined,
    clientContext: undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(remainingMs())),
    done: (error, result) => (error === null || error === undefined ? end.succeed(result) : end.fail(error)),
    fail: end.fail,
    succeed: end.succeed,
  }
}
