import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An origin that counts what it is asked, and answers as a test says. */
export interface CountingOrigin extends AsyncDisposable {
  readonly url: string
  /** Requests so far, oldest first. */
  readonly requests: {
    readonly method: string
    readonly url: string
    readonly headers: IncomingMessage['headers']
  }[]
  /** Resolves when so many requests have come. */
  asked(count: number): Promise<void>
}

/** `answer` is called with each request; the index counts from 0. */
export async function countRequests(
  answer: (request: IncomingMessage, response: ServerResponse, index: number) => void,
): Promise<CountingOrigin> {
  const requests: CountingOrigin['requests'] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const server = createServer((request, response) => {
    requests.push({ method: request.method!, url: request.url!, headers: request.headers })
    for (const wait of waiting) if (requests.length >= wait.count) wait.resolve()
    answer(request, response, requests.length - 1)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    asked: (count) =>
      requests.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
