import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Rekognition extends AsyncDisposable {
  readonly url: string
  /** Answers by operation; one that is not there is refused with 400. */
  readonly answers: Record<string, unknown>
  isDown: boolean
  /** Operations so far, in their order. */
  readonly asked: string[]
}

/** A service that answers in the form of Amazon Rekognition. */
export async function rekognition(answers: Record<string, unknown>): Promise<Rekognition> {
  const state = { answers, isDown: false, asked: [] as string[] }
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const operation = String(request.headers['x-amz-target']).replace('RekognitionService.', '')
      state.asked.push(operation)
      const { Image } = JSON.parse(body) as { readonly Image: { readonly Bytes: string } }
      const isPicture = Buffer.from(Image.Bytes, 'base64').subarray(0, 2).toString('hex') === 'ffd8'
      const answer = isPicture ? state.answers[operation] : undefined
      response.statusCode = state.isDown ? 503 : answer === undefined ? 400 : 200
      response.end(JSON.stringify(answer ?? {}))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}
