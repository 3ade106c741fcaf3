import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { PlannedKeys, PlannedObjectStore, PlannedSecrets } from '../plan.ts'
import type { Keys } from './keys/keys.ts'
import { openKeys } from './keys/open.ts'
import type { Objects } from './objects/objects.ts'
import { openObjects } from './objects/open.ts'
import { openSecrets } from './secrets/open.ts'
import type { Secrets } from './secrets/secrets.ts'
import type { Report } from './seam-error.ts'
import { openEmbeddedState } from './state/embedded.ts'
import type { State } from './state/state.ts'

export interface SeamOptions {
  /** Where the embedded stores keep what they hold: `dataFolder` of the configuration. */
  readonly dataFolder: string
  readonly clock: Clock
  readonly secrets: PlannedSecrets
  readonly keys: PlannedKeys
  readonly objects: Readonly<Record<string, PlannedObjectStore>>
  /** Server processes that share the folder. */
  readonly processes: number
  /** Told of failures in the background. */
  readonly report: Report
}

/**
 * The seams of an edge, each opened when it is first asked for: an edge that needs none leaves no folder behind.
 * Every call gives the same store; `close` closes those that were opened. Opening rejects with a `SeamError`.
 */
export interface Seams {
  state(): Promise<State>
  secrets(): Promise<Secrets>
  keys(): Promise<Keys>
  /** One store of objects for each name: two users of one name share what is in it. */
  objects(name: string): Promise<Objects>
  close(): Promise<void>
}

export function createSeams(options: SeamOptions): Seams {
  const { dataFolder, secrets, keys, objects, clock, processes, report } = options
  const opened = new Map<string, Promise<{ close(): Promise<void> }>>()

  /** The one store of a name; opening that failed may be tried again. */
  function once<T extends { close(): Promise<void> }>(name: string, open: () => Promise<T>): Promise<T> {
    const known = opened.get(name)
    // What is kept under a name is what `open` of that name gave.
    if (known !== undefined) return known as Promise<T>
    const opening = open()
    opened.set(name, opening)
    opening.catch(() => opened.delete(name))
    return opening
  }

  return {
    state: () =>
      once('state', () => openEmbeddedState({ folder: join(dataFolder, 'state'), clock, processes, report })),
    secrets: () => once('secrets', () => openSecrets(secrets, { clock, report })),
    keys: () => once('keys', () => openKeys(keys, clock)),
    objects: (name) =>
      once(`objects/${name}`, () =>
        openObjects(
          name,
          (Object.hasOwn(objects, name) ? objects[name] : undefined) ?? {
            store: 'embedded',
            folder: join(dataFolder, 'objects', encodeURIComponent(name)),
          },
          clock,
        ),
      ),
    async close() {
      const stores = await Promise.allSettled(opened.values())
      opened.clear()
      for (const store of stores) if (store.status === 'fulfilled') await store.value.close()
    },
  }
}
