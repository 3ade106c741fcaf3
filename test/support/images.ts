import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import sharp, { type Sharp } from 'sharp'
import { differenceOf, type Pictures } from './pictures.ts'
import { planOf } from './running-edge.ts'

/** What the tests of images over a running edge share. */

export type Json = Readonly<Record<string, unknown>>

/** A request of the base64 form of version 7. */
export function base64(request: Json): string {
  return `/${Buffer.from(JSON.stringify(request)).toString('base64')}`
}

/** A request and what it must give; `like` renders the reference with sharp alone. */
export interface Case {
  readonly what: string
  readonly path: string
  readonly accept?: string
  readonly status?: number
  readonly code?: string
  readonly type?: string
  readonly size?: readonly [width: number, height: number]
  readonly from?: string
  readonly like?: (picture: Sharp) => Sharp | Promise<Sharp>
  /** Mean difference per channel that is still the same picture: lossless 0.6, lossy more. */
  readonly tolerance?: number
}

/** Tests of one form: every case against an edge that runs when they do. */
export function testCases(
  form: string,
  cases: readonly Case[],
  place: () => { readonly url: string; readonly shelf: Pictures },
): void {
  describe(form, () => {
    for (const each of cases) test(each.what, () => runCase(each, place()))
  })
}

async function runCase(
  { path, accept, status = 200, code, type, size, from = 'card.png', like, tolerance = 0.6 }: Case,
  { url, shelf }: { readonly url: string; readonly shelf: Pictures },
): Promise<void> {
  const response = await fetch(url + path, accept === undefined ? {} : { headers: { accept } })
  const body = Buffer.from(await response.arrayBuffer())
  const shown = `${response.status} ${response.headers.get('content-type')} ${body.subarray(0, 200).toString()}`
  assert.equal(response.status, status, shown)
  assert.equal(response.headers.get('access-control-allow-methods'), 'GET')
  if (code !== undefined) {
    assert.equal(response.headers.get('content-type'), 'application/json')
    const error = JSON.parse(body.toString()) as Json
    assert.deepEqual([error['status'], error['code'], typeof error['message']], [status, code, 'string'])
    return
  }
  if (type !== undefined) assert.equal(response.headers.get('content-type'), type)
  assert.match(response.headers.get('etag') ?? '', /^".+"$/)
  assert.equal(response.headers.get('cache-control'), 'max-age=31536000,public')
  assert.ok(response.headers.has('last-modified'))
  const { width, height } = await sharp(body).metadata()
  if (size !== undefined) assert.deepEqual([width, height], size)
  if (like === undefined) return
  const source = sharp(shelf.bytes.get(from)!)
  const difference = await differenceOf(body, await (await like(source)).toBuffer())
  assert.ok(difference <= tolerance, `differs from the reference by ${difference}`)
}

export interface Mistake {
  readonly what: string
  readonly images: Json
  /** A part of the path of the problem. */
  readonly path: string
  readonly says: RegExp
}

/** Tests that the configuration of a behavior is refused, at the place of the mistake. */
export function testMistakes(mistakes: readonly Mistake[]): void {
  for (const { what, images, path, says } of mistakes) {
    test(`the configuration is refused for ${what}`, async () => {
      const config = {
        listeners: [{ port: 0 }],
        distributions: {
          test: { origins: { photos: { folder: '.' } }, defaultBehavior: { origin: 'photos', images } },
        },
      }
      await assert.rejects(planOf(config, import.meta.dirname), (error: Error) => {
        const problems = JSON.parse(error.message) as { path: string; message: string; expected?: string }[]
        const found = problems.find((problem) => problem.path.includes(path))
        assert.ok(found !== undefined, error.message)
        assert.match(`${found.message} ${found.expected ?? ''}`, says)
        return true
      })
    })
  }
}

/** A server of a test. */
export interface Server extends AsyncDisposable {
  readonly url: string
}

/** A server on a free port of loopback; `handle` answers. */
export async function serve(
  handle: (url: string, response: ServerResponse, request: IncomingMessage) => void,
  host = '127.0.0.1',
): Promise<Server> {
  const server = createServer((request, response) => {
    handle(request.url ?? '', response, request)
    // What nobody reads must not hold the connection.
    if (request.readableFlowing === null) request.resume()
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export interface Detector extends Server {
  /** What it was asked, without the pictures. */
  readonly asked: Json[]
}

const FACES: readonly Json[] = [
  { Left: 0.1, Top: 0.1, Width: 0.25, Height: 0.25 },
  { Left: 0.625, Top: 0.6667, Width: 0.9, Height: 0.9 },
]

/** A service in the form of Amazon Rekognition that finds the same on every picture: two faces and one label. */
export async function startDetector({
  faces = FACES,
  labels = ['Smoking'],
}: { readonly faces?: readonly Json[]; readonly labels?: readonly string[] } = {}): Promise<Detector> {
  const asked: Json[] = []
  const answers: Json = {
    'RekognitionService.DetectFaces': { FaceDetails: faces.map((BoundingBox) => ({ BoundingBox })) },
    'RekognitionService.DetectModerationLabels': {
      ModerationLabels: labels.map((Name) => ({ Name, ParentName: '', Confidence: 99 })),
    },
  }
  const server = await serve((_url, response, request) => {
    const operation = String(request.headers['x-amz-target'])
    text(request).then(
      (body) => {
        // Requests of this service are objects.
        const { Image: _picture, ...rest } = JSON.parse(body) as Json
        asked.push({ operation, ...rest })
        response.setHeader('Content-Type', 'application/x-amz-json-1.1')
        response.end(JSON.stringify(answers[operation]))
      },
      () => response.destroy(),
    )
  })
  return Object.assign(server, { asked })
}
