import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NGINX } from '../../test/support/nginx.ts'

const RUN = fileURLToPath(new URL('run.ts', import.meta.url))

test(
  'the example answers through the edge, refuses around it, and goes on doing so while the value rotates',
  {
    skip: NGINX === undefined && 'nginx is not installed: npm run setup',
  },
  async () => {
    const child = spawn(process.execPath, [RUN, '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', (chunk) => (said += String(chunk)))
    child.stderr.on('data', (chunk) => (said += String(chunk)))
    let ended = false
    const exit = once(child, 'exit')
    exit.then(
      () => (ended = true),
      () => (ended = true),
    )
    /** Waits until something is said, from a place on. */
    async function until(pattern: RegExp, from = 0): Promise<string> {
      for (let i = 0; i < 1500; i++) {
        const found = pattern.exec(said.slice(from))
        if (found !== null) return found[1] ?? found[0]
        assert.ok(!ended, said)
        await new Promise((turn) => setTimeout(turn, 20))
      }
      assert.fail(`${String(pattern)} was not said: ${said}`)
    }
    try {
      const url = await until(/^edgeward listening on (\S+)$/m)
      const express = `http://127.0.0.1:${await until(/Express on port (\d+)/)}`
      const nginx = `http://127.0.0.1:${await until(/nginx on port (\d+)/)}`
      const look = async (): Promise<void> => {
        const page = await fetch(url)
        assert.equal(page.status, 200, said)
        assert.match(await page.text(), /<h1>Only through the edge<\/h1>/)
        assert.equal(await (await fetch(`${url}/nginx/hello`)).text(), 'hello from nginx')
        assert.equal((await fetch(express)).status, 403)
        assert.equal((await fetch(nginx)).status, 403)
      }
      await look()
      const tried = async () =>
        (await (await fetch(`${url}/try`)).json()) as { tried: { status: number }[]; accepted: string[] }
      // On a busy machine the value may have rotated before.
      const heard = said.length
      const before = await tried()
      assert.deepEqual(
        before.tried.map(({ status }) => status),
        [403, 403],
      )
      const rotated = until(/was rotated; version/, heard)
      let isRotated = false
      void rotated.then(() => (isRotated = true))
      while (!isRotated) await look()
      await rotated
      assert.notDeepEqual((await tried()).accepted, before.accepted)
      assert.doesNotMatch(said, /ALARM/)
    } finally {
      child.kill('SIGTERM')
      const [code] = (await exit) as [number | null]
      assert.equal(code, 0, said)
    }
  },
)
