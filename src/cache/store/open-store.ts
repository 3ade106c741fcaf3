import type { Clock } from '../../base/clock.ts'
import { openDiskStore } from './disk.ts'
import { MemoryStore } from './memory.ts'
import type { CacheStore, StoreReport } from './store.ts'
import { TieredStore } from './tiered.ts'

export interface OpenStoreOptions {
  readonly memoryBytes: number
  /** Without it nothing outlives the process. */
  readonly disk: { readonly folder: string; readonly maxBytes: number } | undefined
  readonly clock: Clock
  readonly report: StoreReport
}

/** The store of an edge: memory over disk, or memory alone. Never rejects: a disk that cannot be used is told. */
export async function openStore({ memoryBytes, disk, clock, report }: OpenStoreOptions): Promise<CacheStore> {
  const memory = new MemoryStore({ maxBytes: memoryBytes, report })
  if (disk === undefined) return memory
  const isInUse = (key: string): boolean => memory.isUsed(key)
  return new TieredStore(memory, await openDiskStore({ ...disk, isInUse, clock, report }), 'disk')
}
