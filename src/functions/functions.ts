import type { FunctionResult, Rooms } from '../rooms.ts'

const CONTINUE: FunctionResult = { kind: 'continue' }

/** The functions room while no function can be configured: every event goes on. */
export function createFunctions(): Rooms['functions'] {
  return {
    viewerRequest: () => CONTINUE,
    originRequest: (_passage, request) => ({ kind: 'continue', request }),
    originResponse: (_passage, _request, response) => response,
    viewerResponse: (_passage, response) => response,
  }
}
