import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Awaitable } from '../base/promise.ts'

/** Where long bodies are written while they arrive. */
export interface Spool {
  readonly folder: () => Awaitable<string>
  close(): Promise<void>
}

/** The folder of the store where it has one, else a temporary one of this process, made when it is first needed. */
export function createSpool(ofStore: string | undefined): Spool {
  if (ofStore !== undefined) return { folder: () => ofStore, close: () => Promise.resolve() }
  let made: Promise<string> | undefined
  return {
    folder: () => (made ??= mkdtemp(join(tmpdir(), 'edgeward-spool-'))),
    async close() {
      if (made !== undefined) await rm(await made, { recursive: true, force: true })
    },
  }
}
