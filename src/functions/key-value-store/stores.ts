import type { Clock } from '../../base/clock.ts'
import type { PlannedKeyValueStore } from '../../planned-functions.ts'
import { startPolling } from '../../seams/polling.ts'
import type { KeyValueSource } from './read.ts'
import { type KeyValueStore, openKeyValueStore } from './store.ts'

/** The key-value stores of the edge, by name. Outlive a reload; a changed import file begins a store anew. */
export interface KeyValueStores {
  /** Opens what is new, and reads changed import files. Gives what could not be opened, in sentences. */
  use(planned: readonly PlannedKeyValueStore[]): Promise<readonly string[]>
  /** What functions read; waits until the store is open. Rejects when there is none of that name. */
  source(name: string): Promise<KeyValueSource>
  /** The open store, or undefined. */
  find(name: string): KeyValueStore | undefined
  names(): readonly string[]
  /** Follows no more. */
  close(): Promise<void>
}

export interface KeyValueStoresOptions {
  readonly clock: Clock
  /** Another process changes the stores: what it has written is taken over every half second. */
  readonly follows?: boolean
  /** Told when it cannot be read. */
  readonly report?: (problem: string) => void
}

const FOLLOW_MS = 500

export function createKeyValueStores({
  clock,
  follows = false,
  report = () => {},
}: KeyValueStoresOptions): KeyValueStores {
  const open = new Map<string, KeyValueStore>()
  let lastUse: Promise<unknown> = Promise.resolve()
  const following = follows
    ? startPolling(clock, FOLLOW_MS, refresh, (error) => report(error.message))
    : undefined

  async function refresh(): Promise<void> {
    for (const store of open.values()) await store.refresh()
  }

  /** Reads `current` through the table, so that a store that begins anew is seen by functions that are loaded. */
  const sourceOf = (name: string, first: KeyValueStore): KeyValueSource => ({
    name,
    get current() {
      return (open.get(name) ?? first).current
    },
  })

  async function openAll(planned: readonly PlannedKeyValueStore[]): Promise<readonly string[]> {
    const problems: string[] = []
    const names = new Set(planned.map(({ name }) => name))
    for (const name of open.keys()) if (!names.has(name)) open.delete(name)
    for (const { name, importFile, stateFile } of planned) {
      try {
        const store = await openKeyValueStore({
          name,
          clock,
          ...(stateFile === undefined ? {} : { stateFile }),
          ...(importFile === undefined ? {} : { importFile }),
        })
        const before = open.get(name)
        // The same content is the same store: its ETag stays what operators have read.
        if (before === undefined || before.importedFrom !== store.importedFrom) open.set(name, store)
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error))
      }
    }
    return problems
  }

  return {
    use(planned) {
      const used = lastUse.then(() => openAll(planned))
      lastUse = used.catch(() => undefined)
      return used
    },
    async source(name) {
      await lastUse
      const store = open.get(name)
      if (store === undefined) throw new Error(`the key-value store ${name} is not open`)
      return sourceOf(name, store)
    },
    find: (name) => open.get(name),
    names: () => [...open.keys()].sort(),
    close: async () => following?.stop(),
  }
}
