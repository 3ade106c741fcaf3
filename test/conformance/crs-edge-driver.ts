import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { webAcl, rule } from '../../src/waf/waf.fixture.ts'
import { runEdge } from '../support/running-edge.ts'
import type { Answer } from './crs.ts'
import type { CrsStage } from './crs-cases.ts'
import { writeTestRules } from './crs-engine-driver.ts'

const ANSWER_MS = 3_000

/** A running edge with the Core Rule Set as a rule of its web ACL, in front of an origin that answers everything. */
export async function startCrsEdge(
  rules: string,
): Promise<AsyncDisposable & { ask(stage: CrsStage): Promise<Answer> }> {
  const origin = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.end('ok'))
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const { port } = origin.address() as AddressInfo
  const group = { ManagedRuleGroupStatement: { VendorName: 'OWASP', Name: 'CRS' } }
  const edge = await runEdge({
    origins: { o: { url: `http://127.0.0.1:${port}` } },
    defaultBehavior: {
      origin: 'o',
      cachePolicy: 'CachingDisabled',
      originRequestPolicy: 'AllViewer',
      allowedMethods: 'all',
    },
    webAcl: webAcl([rule('crs', 0, group, undefined, { Action: undefined, OverrideAction: { None: {} } })]),
    waf: { crs: { path: rules, paranoia: 4, exclusions: [writeTestRules()] } },
  })
  let seen = 0
  return {
    async ask({ bytes }) {
      const status = await send(edge.port, bytes, edge.ended(seen + 1))
      const ids = new Set<number>()
      // Requests the listener refuses have no web ACL to see them.
      for (const visit of edge.visits().slice(seen)) {
        for (const label of visit.waf?.labels ?? []) {
          const id = /^crs:(\d+)$/.exec(label)?.[1]
          if (id !== undefined) ids.add(Number(id))
        }
      }
      seen = edge.visits().length
      return { ids, status }
    },
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]()
      origin.closeAllConnections()
      origin.close()
    },
  }
}

/** Sends a request as it is and gives the status of the answer; undefined where there is none. */
async function send(port: number, bytes: Buffer, ended: Promise<unknown>): Promise<number | undefined> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let text = ''
  let isDone = false
  return new Promise((resolve) => {
    const finish = (): void => {
      if (isDone) return
      isDone = true
      clearTimeout(timer)
      socket.destroy()
      const found = /^HTTP\/1\.[01] (\d{3})/.exec(text)
      // The visit ends when the answer has left, a turn after the last of it is here.
      setImmediate(() => setImmediate(() => resolve(found === null ? undefined : Number(found[1]))))
    }
    const timer = setTimeout(finish, ANSWER_MS)
    socket.on('error', finish)
    socket.on('close', finish)
    let isEnded = false
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (isEnded || isWhole(text)) finish()
    })
    socket.write(bytes)
    // An answer may have no end of its own that a client could see, such as one to HEAD.
    void ended.then(() => {
      isEnded = true
      if (text !== '') finish()
    })
  })
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return false
  const head = text.slice(0, end)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  const size = text.length - end - 4
  return length !== undefined ? size >= Number(length) : text.endsWith('0\r\n\r\n')
}
