import { storeContract } from './contract.ts'
import { MemoryStore } from './memory.ts'

storeContract('memory', async (options) => {
  const problems: string[] = []
  const store = new MemoryStore({ ...options, report: (problem) => problems.push(problem) })
  return { store, problems, [Symbol.asyncDispose]: () => store.close() }
})
