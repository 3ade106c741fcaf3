import { createHash } from 'node:crypto'
import type { Heard } from '../../aws/sns.ts'
import { isSeamError } from '../seam-error.ts'
import type { State } from './state.ts'

/** Longer than a message stays young enough to be believed. */
export const HEARD_MS = 2 * 60 * 60 * 1000

export function createHeard(prefix: string, openState: () => Promise<State>): Heard {
  const keyOf = (id: string): string => `${prefix}${createHash('sha256').update(id).digest('hex')}`
  return {
    async add(id, now) {
      const { values } = await openState()
      for (const { key, value } of values.list(prefix))
        if (Number(value) < now - HEARD_MS) await values.delete(key)
      try {
        await values.put(keyOf(id), String(now), { ifAbsent: true })
        return true
      } catch (error) {
        if (isSeamError(error, 'conflict')) return false
        throw error
      }
    },
    async forget(id) {
      await (await openState()).values.delete(keyOf(id))
    },
  }
}
