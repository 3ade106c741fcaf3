import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { countRequests } from './counting-origin.ts'
import { ManualClock } from './manual-clock.ts'
import { runEdge } from './running-edge.ts'

export type Fields = Readonly<Record<string, string>>
export interface Answer {
  readonly status?: number
  readonly fields?: Fields
  readonly body?: string
  /** Close the connection instead. */
  readonly hangUp?: boolean
}
export interface Step {
  /** Seconds that pass before it. */
  readonly after?: number
  readonly request?: Fields
  readonly method?: string
  /** What the origin would answer. */
  readonly origin: Answer
  /** Status and the result in X-Cache. */
  readonly gives: string
  /** The reason in the visit. */
  readonly why?: string
  /** Requests the origin has had by then. */
  readonly asks?: number
  readonly body?: string
  readonly fields?: Readonly<Record<string, string | null>>
}
export interface Case {
  readonly name: string
  readonly policy?: Readonly<Record<string, unknown>>
  readonly behavior?: Readonly<Record<string, unknown>>
  readonly distribution?: Readonly<Record<string, unknown>>
  /** Settings of the cache of the whole edge. */
  readonly cache?: Readonly<Record<string, unknown>>
  readonly steps: readonly Step[]
}

export const policy = {
  minTtlSeconds: 0,
  defaultTtlSeconds: 3600,
  maxTtlSeconds: 86_400,
  queryStringBehavior: 'all',
}

/** Walks one case through a running edge: time stands still but for what the steps say. */
export async function walk({
  policy: policyPart,
  behavior,
  distribution,
  cache,
  steps,
}: Case): Promise<void> {
  const clock = new ManualClock()
  let answer: Answer = {}
  await using origin = await countRequests((request, response) => give(answer, request, response))
  await using edge = await runEdge(
    {
      origins: { o: { url: origin.url } },
      defaultBehavior: {
        origin: 'o',
        compress: false,
        cachePolicy: { ...policy, ...policyPart },
        ...behavior,
      },
      ...distribution,
    },
    { clock, top: { cache: { disk: false, ...cache } } },
  )
  for (const [index, step] of steps.entries()) {
    const where = `step ${index + 1}`
    clock.advance((step.after ?? 0) * 1000)
    answer = step.origin
    const response = await fetch(`${edge.url}/thing`, {
      method: step.method ?? 'GET',
      redirect: 'manual',
      // A connection of its own: time that is moved on closes idle ones.
      headers: { connection: 'close', ...step.request },
    })
    const body = await response.text()
    assert.equal(`${response.status} ${response.headers.get('x-cache')!.split(' ')[0]}`, step.gives, where)
    if (step.body !== undefined) assert.equal(body, step.body, where)
    for (const [field, value] of Object.entries(step.fields ?? {}))
      assert.equal(response.headers.get(field), value, `${where}: ${field}`)
    // A refresh in the background ends before the next step.
    while (edge.edge.cache.fetching() > 0) await new Promise((turn) => setImmediate(turn))
    if (step.why !== undefined) assert.equal(edge.visits().at(-1)!.cache!.why, step.why, where)
    if (step.asks !== undefined) assert.equal(origin.requests.length, step.asks, `${where}: requests so far`)
  }
}

function give(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  if (answer.hangUp === true) {
    request.socket.destroy()
    return
  }
  for (const [name, value] of Object.entries(answer.fields ?? {})) response.setHeader(name, value)
  const etag = answer.fields?.['etag']
  if (etag !== undefined && request.headers['if-none-match'] === etag) response.writeHead(304).end()
  else response.writeHead(answer.status ?? 200).end(answer.body ?? '')
}
