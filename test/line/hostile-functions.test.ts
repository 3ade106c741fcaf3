import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runEdge } from '../support/running-edge.ts'

/** What a handler does to its worker, and the status its own viewers get. */
const HOSTILE: Readonly<Record<string, readonly [source: string, status: number, timeoutMs?: number]>> = {
  'endless-loop': ['for (;;);', 503],
  'endless-loop-later': ['await null; for (;;);', 503],
  'heap-bomb': ['const all = []; for (;;) all.push(new Array(1e5).fill(1))', 503],
  'buffer-bomb': ['const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))', 503],
  exit: ['process.exit(0)', 503],
  'kill-itself': ["process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})", 503],
  'kill-the-edge': ["process.kill(process.ppid, 'SIGKILL')", 503],
  tamper: [
    'Array.prototype.push = JSON.stringify = Promise.prototype.then = () => { throw 1 }; Object.prototype.status = 200; return {}',
    0,
  ],
  'unhandled-rejection': ["Promise.reject(new Error('nobody')); await new Promise(() => {})", 503],
  'giant-header': [
    "const { request } = event.Records[0].cf; request.headers['x-giant'] = [{ value: 'x'.repeat(1e6) }]; return request",
    502,
    60_000,
  ],
  'throw-no-error': ['throw undefined', 503],
  'never-call-back': ['await new Promise(() => {})', 503],
  backtracking: ["/(a+)+$/.test('a'.repeat(60) + 'b')", 503],
}

test(
  'hostile functions fail on their own: other functions and plain traffic are served throughout',
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeward-hostile-'))
    const write = (name: string, text: string) => {
      const file = join(folder, name)
      writeFileSync(file, text)
      return file
    }
    write('page.txt', 'plain')
    const behavior = (name: string, lambdaEdge: string, more: object = {}) => ({
      path: `/${name}`,
      origin: 'o',
      cachePolicy: 'CachingDisabled',
      functions: { viewerRequest: { lambdaEdge, timeoutMs: 300, maxWorkers: 1, ...more } },
    })
    const good = write('good.js', "exports.handler = async () => ({ status: '200', body: 'good' })")
    const twice = write(
      'twice.js',
      "exports.handler = (event, context, callback) => { callback(null, { status: '200', body: 'once' }); callback(null, { status: '500' }) }",
    )
    const names = Object.keys(HOSTILE)
    await using edge = await runEdge({
      origins: { o: { folder } },
      behaviors: [
        behavior('good', good, { timeoutMs: 60_000 }),
        behavior('twice', twice, { timeoutMs: 60_000 }),
        ...names.map((name) =>
          behavior(name, write(`${name}.js`, `exports.handler = async (event) => { ${HOSTILE[name]![0]} }`), {
            timeoutMs: HOSTILE[name]![2] ?? 300,
          }),
        ),
      ],
      defaultBehavior: { origin: 'o', cachePolicy: 'CachingDisabled' },
    })
    const get = async (path: string) => {
      const response = await fetch(edge.url + path)
      return `${response.status} ${await response.text()}`
    }
    let isOver = false
    const wrong: string[] = []
    let served = 0
    const traffic = ['/page.txt', '/good', '/twice'].map(async (path) => {
      const expected = { '/page.txt': '200 plain', '/good': '200 good', '/twice': '200 once' }[path]
      while (!isOver) {
        const answer = await get(path)
        served++
        if (answer !== expected) wrong.push(`${path}: ${answer.slice(0, 200)}`)
      }
    })
    // Two rounds: a function that has just lost its worker gets another one.
    const statuses: Record<string, number[]> = {}
    for (let round = 0; round < 2; round++) {
      await Promise.all(
        names.map(async (name) => {
          const response = await fetch(`${edge.url}/${name}`)
          await response.text()
          ;(statuses[name] ??= []).push(response.status)
        }),
      )
    }
    isOver = true
    await Promise.all(traffic)
    rmSync(folder, { recursive: true, force: true })
    assert.deepEqual(wrong, [])
    assert.ok(served > 10, `${served} requests were served meanwhile`)
    for (const name of names) {
      const expected = HOSTILE[name]![1]
      // What a function did to its own worker decides how it ends, but it ends.
      if (expected === 0) assert.ok(statuses[name]!.every((status) => status >= 200 && status < 600))
      else assert.deepEqual(statuses[name], [expected, expected], name)
    }
  },
)
