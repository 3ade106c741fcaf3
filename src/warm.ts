import { finished } from 'node:stream/promises'
import { asFault } from './faults.ts'
import { type ExplainQuestion, requestOf } from './explain.ts'
import type { Line, Rooms } from './rooms.ts'
import type { EdgeResponse, Passage, ViewerRequest } from './visit.ts'

/** What came of fetching a URL into the cache. */
export interface Warmed {
  /** `fresh`: was there already · `stored`: is there now · `not-stored`: came, but is not kept · `failed`. */
  readonly result: 'fresh' | 'stored' | 'not-stored' | 'failed'
  /** Of the answer; undefined when there was none. */
  readonly status: number | undefined
  /** Length of the body. */
  readonly bytes: number
  /** Why, for people, unless it is there. */
  readonly why?: string
}

export interface WarmRooms {
  readonly open: (request: ViewerRequest) => Passage
  readonly distribution: Rooms['distribution']
  readonly functions: Rooms['functions']
  readonly modules: Rooms['modules']
  readonly line: Line
}

/**
 * Fetches a URL into the cache: its behavior is selected and viewer-request runs, because it may change the key; then
 * `obtain`, which needs no viewer. Neither WAF nor signatures nor geography are asked: who may ask the control API
 * may fill the cache. Nothing is logged as a viewer's request. Never rejects.
 */
export async function warm(question: ExplainQuestion, rooms: WarmRooms): Promise<Warmed> {
  const request = requestOf(question)
  if (typeof request === 'string') return failed(request)
  const passage = rooms.open(request)
  try {
    const unmatched = rooms.distribution.match(passage)
    if (unmatched !== undefined) return failed(unmatched.message)
    const { modules } = rooms
    for (const room of [rooms.functions, modules.hooksOf(passage.behavior)]) {
      const result = await room?.viewerRequest?.(passage)
      if (result?.kind === 'failed') return failed(result.fault.message)
      if (result?.kind !== 'answered') continue
      result.response.body.discard()
      return notStored(result.response, 0, 'viewer-request answers it, and such an answer is not kept')
    }
    const response = await rooms.line.obtain(passage)
    const bytes = await drain(response)
    const { cache } = passage.visit
    if (cache?.status === 'hit') return { result: 'fresh', status: response.status, bytes }
    if (response.status >= 400)
      return { ...failed(`the answer was ${response.status}`), status: response.status }
    // What is kept is told by the cache when its last byte has come.
    if (cache?.stored === 'stored') return { result: 'stored', status: response.status, bytes }
    return notStored(response, bytes, cache?.stored ?? cache?.why ?? 'it goes past the cache')
  } catch (error) {
    return failed(asFault(error).message)
  } finally {
    passage.depart()
  }
}

async function drain(response: EdgeResponse): Promise<number> {
  const body = response.body.take()
  if (Buffer.isBuffer(body)) return body.length
  let bytes = 0
  body.on('data', (chunk: Buffer) => (bytes += chunk.length))
  await finished(body)
  return bytes
}

function failed(why: string): Warmed {
  return { result: 'failed', status: undefined, bytes: 0, why }
}

function notStored(response: EdgeResponse, bytes: number, why: string): Warmed {
  return { result: 'not-stored', status: response.status, bytes, why }
}
