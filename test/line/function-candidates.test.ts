import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isChosen } from '../../src/functions/candidates.ts'
import { runEdge } from '../support/running-edge.ts'

class Files implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'edgeward-candidates-'))

  write(name: string, text: string): string {
    const file = join(this.folder, name)
    writeFileSync(file, text)
    return file
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const reply = (body: string) =>
  `function handler(event) { return { statusCode: 200, headers: { 'x-who': { value: '${body}' } }, body: '${body}' } }`

async function runWith(files: Files, candidate: object, live = reply('live')) {
  const cloudFront = files.write('live.js', live)
  return runEdge({
    origins: { o: { url: 'http://127.0.0.1:9' } },
    defaultBehavior: { origin: 'o', functions: { viewerRequest: { cloudFront, candidate } } },
  })
}

test('a shadow runs on real requests, is compared and counted, and never served', async () => {
  using files = new Files()
  const cloudFront = files.write('next.js', reply('next'))
  await using edge = await runWith(files, { cloudFront, shadow: true })
  for (let i = 0; i < 5; i++) assert.equal(await (await fetch(edge.url)).text(), 'live')
  // The last shadow runs after its response has left.
  while (edge.edge.functions.figures().candidates[0]?.runs !== 5)
    await new Promise((turn) => setImmediate(turn))
  const [state] = edge.edge.functions.figures().candidates
  assert.equal(state!.differences, 5)
  assert.equal(state!.failures, 0)
  assert.match(state!.latest[0]!.says, /header x-who: live before, next now/)
})

test('a shadow that gives the same is no difference', async () => {
  using files = new Files()
  const cloudFront = files.write('same.js', `${reply('live')} // another text`)
  await using edge = await runWith(files, { cloudFront, shadow: true })
  await (await fetch(edge.url)).text()
  while (edge.edge.functions.figures().candidates[0]?.runs !== 1)
    await new Promise((turn) => setImmediate(turn))
  assert.equal(edge.edge.functions.figures().candidates[0]!.differences, 0)
})

test('a shadow at viewer-response is compared with what the function gave, not with what was sent in the end', async () => {
  using files = new Files()
  const source = 'function handler(event) { return event.response }'
  await using edge = await runEdge({
    origins: { o: { folder: files.folder } },
    defaultBehavior: {
      origin: 'o',
      functions: {
        viewerResponse: {
          cloudFront: files.write('live.js', source),
          candidate: { cloudFront: files.write('next.js', `${source} // again`), shadow: 100 },
        },
      },
    },
  })
  assert.equal((await fetch(`${edge.url}/live.js`)).status, 200)
  while (edge.edge.functions.figures().candidates[0]?.runs !== 1)
    await new Promise((turn) => setImmediate(turn))
  assert.deepEqual(edge.edge.functions.figures().candidates[0]!.latest, [])
})

test('a canary serves its clients', async () => {
  using files = new Files()
  const cloudFront = files.write('next.js', reply('next'))
  await using all = await runWith(files, { cloudFront, weight: 100 })
  assert.equal(await (await fetch(all.url)).text(), 'next')
  await using none = await runWith(files, { cloudFront, weight: 0 })
  assert.equal(await (await fetch(none.url)).text(), 'live')
})

test('a canary that fails costs no viewer anything, and is switched off by itself with a line in the log', async () => {
  using files = new Files()
  const cloudFront = files.write('broken.js', 'function handler(event) { throw new Error("not ready") }')
  await using edge = await runWith(files, { cloudFront, weight: 100, minRuns: 3, maxErrorRate: 0.5 })
  for (let i = 0; i < 6; i++) assert.equal(await (await fetch(edge.url)).text(), 'live')
  const [state] = edge.edge.functions.figures().candidates
  assert.equal(state!.runs, 3, 'it is not run any more')
  assert.match(state!.off!, /3 of 3 runs failed, more than 50 %/)
  const told = edge.said.filter((line) => line.includes('switched off'))
  assert.equal(told.length, 1)
  assert.match(told[0]!, /the candidate broken of live at viewer-request is switched off: .*not ready/)
})

test('a candidate that is too slow is switched off', async () => {
  using files = new Files()
  const lambdaEdge = files.write(
    'slow.js',
    "exports.handler = async () => { await new Promise((done) => setTimeout(done, 15)); return { status: '200', body: 'slow' } }",
  )
  const live = files.write('fast.js', "exports.handler = async () => ({ status: '200', body: 'fast' })")
  await using edge = await runEdge({
    origins: { o: { url: 'http://127.0.0.1:9' } },
    defaultBehavior: {
      origin: 'o',
      functions: {
        viewerRequest: { lambdaEdge: live, candidate: { lambdaEdge, weight: 100, minRuns: 2, maxMeanMs: 1 } },
      },
    },
  })
  const bodies: string[] = []
  for (let i = 0; i < 4; i++) bodies.push(await (await fetch(edge.url)).text())
  assert.deepEqual(bodies, ['slow', 'slow', 'fast', 'fast'])
  assert.match(edge.edge.functions.figures().candidates[0]!.off!, /ms on average, more than 1/)
})

test('a share of clients is chosen: about as many as it says, always the same ones, others for another candidate', () => {
  const clients = Array.from({ length: 5000 }, (_, index) => `198.51.${index >> 8}.${index & 255}`)
  const chosen = clients.filter((client) => isChosen(client, 'a', 20))
  assert.ok(chosen.length > 850 && chosen.length < 1150, String(chosen.length))
  assert.deepEqual(
    chosen,
    clients.filter((client) => isChosen(client, 'a', 20)),
  )
  // Who was chosen stays chosen when the share grows.
  assert.ok(chosen.every((client) => isChosen(client, 'a', 40)))
  assert.notDeepEqual(
    chosen,
    clients.filter((client) => isChosen(client, 'b', 20)),
  )
})
