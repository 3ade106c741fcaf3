/**
 * Preloaded into test files by tools/test.ts: a file that stays alive after its last test, because something it
 * opened was never closed, would hang the whole run. It is ended instead, failed, and told what is still open.
 */
import { isMainThread } from 'node:worker_threads'

const GRACE_MS = 10_000

// Workers and forked children inherit the preload; only the test file itself is watched.
if (isMainThread && process.env['NODE_TEST_CONTEXT'] !== undefined && process.argv[1]?.endsWith('.test.ts')) {
  const { after } = await import('node:test')
  after(() => {
    setTimeout(() => {
      const open = process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')
      console.error(`${process.argv[1]}: all tests ended, but these were never closed: ${open.join(', ')}`)
      process.exit(1)
    }, GRACE_MS).unref()
  })
}
