import type { Range } from './ranges.ts'

/** One call that changes something. Steps run in order; after each, every range that stays wanted is covered. */
export interface Step {
  /** For people: `authorize 12 rules in edge-1`. */
  readonly says: string
  readonly run: () => Promise<void>
}

/** What has to happen so that a target holds exactly what is wanted. No steps: it does already. */
export interface TargetPlan {
  readonly add: readonly string[]
  readonly remove: readonly string[]
  readonly steps: readonly Step[]
}

/** A firewall, or what else holds address ranges. `plan` reads it and changes nothing. */
export interface Target {
  readonly name: string
  plan(wanted: readonly Range[]): Promise<TargetPlan>
  close(): void
}

/** Somebody else changed the target between reading and writing: read it anew and plan again. */
export class StaleTargetError extends Error {
  override readonly name = 'StaleTargetError'
}

/** How often a target is planned anew when others change it at the same time. */
const ATTEMPTS = 5

/** Brings a target to what is wanted; gives the plan that was carried out, or those of all attempts together. */
export async function applyTarget(
  target: Target,
  wanted: readonly Range[],
  told: (step: Step) => Awaited<void> | Promise<void>,
): Promise<TargetPlan> {
  let first: TargetPlan | undefined
  for (let attempt = 1; ; attempt++) {
    const plan = await target.plan(wanted)
    first ??= plan
    try {
      for (const step of plan.steps) {
        await told(step)
        await step.run()
      }
      return first
    } catch (error) {
      if (!(error instanceof StaleTargetError) || attempt === ATTEMPTS) throw error
    }
  }
}

/** What to add and what to remove, by canonical text. */
export function difference(have: Iterable<string>, wanted: readonly Range[]): Omit<TargetPlan, 'steps'> {
  const held = new Set(have)
  const texts = new Set(wanted.map(({ text }) => text))
  return {
    add: [...texts].filter((text) => !held.has(text)),
    remove: [...held].filter((text) => !texts.has(text)),
  }
}

/** `1 rule`, `12 rules`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
