import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeContract } from './contract.ts'
import { openDiskStore } from './disk.ts'

storeContract('disk', async (options) => {
  const outer = await mkdtemp(join(tmpdir(), 'edgeward-disk-'))
  const problems: string[] = []
  const store = await openDiskStore({
    ...options,
    folder: join(outer, 'cache'),
    report: (problem) => problems.push(problem),
  })
  return {
    store,
    problems,
    async [Symbol.asyncDispose]() {
      await store.close()
      await rm(outer, { recursive: true })
    },
  }
})
