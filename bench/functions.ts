/**
 * What an edge function adds to a cache hit: CPU microseconds per request of the server's whole process tree, against
 * the same hit without a function, at 32 connections; and how many handlers that each wait 20 ms proceed at a time.
 * Must hold: inline 25, sandbox 100, a thread 80, a process 100 microseconds.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { cpuSeconds } from './support/cpu.ts'
import { startEdge } from './support/edge.ts'
import { generateLoad } from './support/load.ts'
import { checkAnswer, median } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { startFixedOrigin } from './support/origin.ts'
import { finish } from './support/report.ts'
import { temporaryFolder } from './support/server-process.ts'

const BODY_BYTES = 1024
const LIMITS = { inline: 25, sandbox: 100, thread: 80, process: 100 } as const
const WAIT_MS = 20

const { numbers } = readOptions({ seconds: 2, rounds: 5, connections: 32 })
using folder = temporaryFolder('functions')
const write = (name: string, text: string): string => {
  const file = path.join(folder.path, name)
  writeFileSync(file, text)
  return file
}
const cloudFront = write(
  'identity-viewer.js',
  "function handler(event) { var request = event.request; if (request.uri.endsWith('/')) request.uri += 'index.html'; return request }",
)
const lambdaEdge = write('identity.js', 'exports.handler = async (event) => event.Records[0].cf.request')
const waiting = write(
  'waiting.js',
  `exports.handler = async (event) => { await new Promise((done) => setTimeout(done, ${WAIT_MS})); return event.Records[0].cf.request }`,
)

await using origin = await startFixedOrigin({
  bodyBytes: BODY_BYTES,
  headers: { 'Cache-Control': 'max-age=3600' },
})
const behavior = (name: string, viewerRequest: object | undefined) => ({
  path: `/${name}`,
  origin: 'o',
  ...(viewerRequest === undefined ? {} : { functions: { viewerRequest } }),
})
const edge = await startEdge((logFolder) => ({
  listeners: [{ port: 0 }],
  admin: false,
  distributions: {
    bench: {
      origins: { o: { url: origin.url } },
      defaultBehavior: { origin: 'o' },
      behaviors: [
        behavior('none', undefined),
        behavior('inline', { cloudFront, run: 'inline' }),
        behavior('sandbox', { cloudFront, run: 'sandbox' }),
        behavior('thread', { lambdaEdge, isolation: 'thread' }),
        behavior('process', { lambdaEdge, isolation: 'process' }),
        behavior('waiting', { lambdaEdge: waiting, maxWorkers: 2 }),
        behavior('waiting-serial', { lambdaEdge: waiting, concurrency: 1, maxWorkers: 2 }),
      ],
    },
  },
  log: { access: { folder: logFolder } },
}))

/** CPU microseconds of one request, and requests per second by the clock. */
async function cost(
  name: string,
  connections: number,
): Promise<{ micros: number; perSecond: number; failures: number }> {
  const before = cpuSeconds(edge.pids)
  const done = await generateLoad({
    url: edge.url,
    paths: [`/${name}`],
    connections,
    seconds: numbers.seconds,
  })
  const cpu = cpuSeconds(edge.pids) - before
  return {
    micros: (cpu * 1e6) / done.requests,
    perSecond: done.requests / done.seconds,
    failures: done.errors + done.badStatuses,
  }
}

const kinds = ['inline', 'sandbox', 'thread', 'process'] as const
const values: Record<string, number> = {}
let failures = 0
try {
  for (const name of ['none', ...kinds]) {
    await checkAnswer(edge, `/${name}`, BODY_BYTES)
    await cost(name, numbers.connections)
  }
  console.log(
    `\nadded to a cache hit of ${BODY_BYTES} bytes by an identity function, CPU microseconds per request`,
  )
  console.log('connections  without      inline     sandbox      thread     process')
  for (const connections of [1, 8, numbers.connections]) {
    const rounds: Record<string, number[]> = {}
    const plain: number[] = []
    for (let round = 0; round < numbers.rounds; round++) {
      const base = await cost('none', connections)
      plain.push(base.micros)
      for (const kind of kinds) {
        const run = await cost(kind, connections)
        failures += run.failures
        ;(rounds[kind] ??= []).push(run.micros - base.micros)
      }
    }
    const figures = kinds.map((kind) => median(rounds[kind] ?? []))
    console.log(
      `${String(connections).padStart(11)}${[median(plain), ...figures].map((figure) => figure.toFixed(1).padStart(12)).join('')}`,
    )
    for (const [index, kind] of kinds.entries())
      values[connections === numbers.connections ? `${kind}_us` : `${kind}_us_at_${connections}`] = Number(
        figures[index]!.toFixed(1),
      )
  }
  // Workers start while the first requests wait.
  for (const name of ['waiting', 'waiting-serial']) await cost(name, numbers.connections)
  const together = await cost('waiting', numbers.connections)
  const serial = await cost('waiting-serial', numbers.connections)
  failures += together.failures + serial.failures
  values['awaiting_per_second'] = Math.round(together.perSecond)
  values['awaiting_per_second_serial'] = Math.round(serial.perSecond)
  console.log(
    `\nhandlers that each wait ${WAIT_MS} ms, 2 workers, ${numbers.connections} connections: ${Math.round(together.perSecond)} per second; with concurrency 1, as on Lambda: ${Math.round(serial.perSecond)}`,
  )
} finally {
  await edge.stop()
}

finish({
  name: 'functions',
  values,
  holds: kinds.map((kind) => ({ key: `${kind}_us`, atMost: LIMITS[kind] })),
  skipped: [],
  wrong: failures === 0 ? [] : [`${failures} requests failed`],
})
