import { isSeamError } from '../../seams/seam-error.ts'
import type { State } from '../../seams/state/state.ts'
import { StaleTargetError, difference, type Target } from './target.ts'

/** An IP set of the edge itself, in the state that its nodes share. Replaced at once. */
export function createIpSet(name: string, label: string, openState: () => Promise<State>): Target {
  return {
    name: label,
    async plan(wanted) {
      const state = await openState()
      await state.refresh()
      const set = state.ipSets.handle(name).current
      const { add, remove } = difference(set?.addresses ?? [], wanted)
      if (set !== undefined && add.length + remove.length === 0) return { add, remove, steps: [] }
      const addresses = wanted.map(({ text }) => text)
      return {
        add,
        remove,
        steps: [
          {
            says: set === undefined ? `create the IP set ${name}` : `replace the IP set ${name}`,
            async run() {
              try {
                if (set === undefined)
                  await state.ipSets.create(name, {
                    family: 'any',
                    addresses,
                    description: 'kept by edgeward ip-ranges',
                  })
                else await state.ipSets.update(name, set.lockToken, addresses)
              } catch (error) {
                if (isSeamError(error, 'conflict') || isSeamError(error, 'exists'))
                  throw new StaleTargetError(error.message, { cause: error })
                throw error
              }
            },
          },
        ],
      }
    },
    close: () => {},
  }
}
