import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { openEmbeddedState } from './state/embedded.ts'

/** Writes numbered values as fast as it can and says each number once it is promised. */
const WRITER = `
  const [url, clockUrl, folder] = process.argv.slice(1)
  const { openEmbeddedState } = await import(url)
  const { systemClock } = await import(clockUrl)
  const state = await openEmbeddedState({ folder, clock: systemClock, compactAtBytes: 2_000 })
  for (let n = 0; ; n++) { await state.values.put('writer-' + process.pid + '/' + (n % 10), String(n)); console.log(n) }`

test('what was promised before a kill -9 is there afterwards, with two processes writing and rewriting one file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-journal-'))
  await using _cleanup = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
  const urls = ['./state/embedded.ts', '../base/clock.ts'].map((path) => new URL(path, import.meta.url).href)
  for (let round = 0; round < 3; round++) {
    const writers = [0, 1].map(() =>
      spawn(process.execPath, ['--input-type=module', '-e', WRITER, ...urls, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    )
    const promised = await Promise.all(
      writers.map(async (writer) => {
        let last = -1
        for await (const line of createInterface(writer.stdout)) {
          last = Number(line)
          if (last >= 100 + round * 37) writer.kill('SIGKILL')
        }
        if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit')
        return last
      }),
    )
    await using state = await openEmbeddedState({ folder, clock: new ManualClock() })
    for (const [i, writer] of writers.entries()) {
      const kept = state.values.list(`writer-${writer.pid}/`).map(({ value }) => Number(value))
      // The one after may have been written and not yet said.
      assert.ok(Math.max(...kept) >= promised[i]!, `${Math.max(...kept)} of ${promised[i]!}`)
      assert.equal(kept.length, 10)
    }
  }
  const text = await readFile(join(folder, 'values.ndjson'), 'utf8')
  assert.ok(text.length < 100_000)
})
