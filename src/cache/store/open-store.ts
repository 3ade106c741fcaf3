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

export interface OpenedStore {
  readonly store: CacheStore
  /** Whether this process writes the disk: of several it is one. */
  readonly writesDisk: () => boolean
}

/** The store of an edge: memory over disk, or memory alone. Never rejects: a disk that cannot be used is told. */
export async function openStore({
  memoryBytes,
  disk,
  clock,
  report,
}: OpenStoreOptions): Promise<OpenedStore> {
  const memory = new MemoryStore({ maxBytes: memoryBytes, report })
  if (disk === undefined) return { store: memory, writesDisk: () => false }
  const isInUse = (key: string): boolean => memory.isUsed(key)
  const below = await openDiskStore({ ...disk, isInUse, clock, report })
  return { store: new TieredStore(memory, below, 'disk'), writesDisk: () => below.role === 'writer' }
}
