import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { storeContract } from './contract.ts'
import { FAST_FOLDER } from './disk.fixture.ts'
import { openDiskStore } from './disk.ts'
import { MemoryStore } from './memory.ts'
import { TieredStore } from './tiered.ts'

storeContract('memory over disk', async (options) => {
  const outer = await mkdtemp(join(FAST_FOLDER, 'edgeward-tiered-'))
  const problems: string[] = []
  const report = (problem: string): void => void problems.push(problem)
  const memory = new MemoryStore({ ...options, maxBytes: options.maxBytes / 2, report })
  const disk = await openDiskStore({
    ...options,
    folder: join(outer, 'cache'),
    isInUse: (key) => memory.isUsed(key),
    report,
  })
  const store = new TieredStore(memory, disk, 'disk')
  return {
    store,
    problems,
    async [Symbol.asyncDispose]() {
      await store.close()
      await rm(outer, { recursive: true })
    },
  }
})
