import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { NGINX, startNginx } from '../../../test/support/nginx.ts'
import { rangesOf } from './contract.ts'
import { createNginx } from './nginx.ts'
import { applyTarget } from './target.ts'
import { freePort } from '../../../test/support/free-port.ts'

test(
  'nginx itself: lets in who is in the list and nobody else, and follows it after a reload',
  { skip: NGINX === undefined && 'nginx is not installed: npm run setup' },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'edgeward-nginx-real-'))
    try {
      // Its workers are nobody, where it is started by root.
      await chmod(folder, 0o755)
      const port = await freePort()
      const file = join(folder, 'conf', 'allow.conf')
      await mkdir(join(folder, 'conf'))
      const first = createNginx({ file, deny: true })
      await applyTarget(first, rangesOf('127.0.0.1/32'), () => {})
      await using nginx = await startNginx(
        folder,
        port,
        `server { listen 127.0.0.1:${port}; location / { include ${file}; root ${folder}; } }`,
      )
      const target = createNginx({ file, deny: true, reload: nginx.reload })
      const statusFor = async (localAddress: string): Promise<number> => {
        const sent = request({ host: '127.0.0.1', port, localAddress, path: '/nginx.conf', agent: false })
        sent.end()
        const [response] = (await once(sent, 'response')) as [IncomingMessage]
        await text(response)
        return response.statusCode!
      }
      assert.deepEqual([await statusFor('127.0.0.1'), await statusFor('127.0.0.2')], [200, 403])
      await applyTarget(target, rangesOf('127.0.0.2/31'), () => {})
      // The reload is a signal: each old worker answers until the new ones are there.
      const statuses = async (): Promise<string> => {
        const all = []
        for (const last of [1, 2, 3, 4]) all.push(await statusFor(`127.0.0.${last}`))
        return all.join(' ')
      }
      const giveUpAt = performance.now() + 10_000
      let found = await statuses()
      while (found !== '403 200 200 403' && performance.now() < giveUpAt) found = await statuses()
      assert.equal(found, '403 200 200 403')
      assert.deepEqual((await target.plan(rangesOf('127.0.0.2/31'))).steps, [])
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)
