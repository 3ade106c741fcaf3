import { setTimeout as delay } from 'node:timers/promises'

/**
 * Comes back when something holds; the test's own time limit ends it. A loop without a pause would take the processor
 * from the processes it waits for.
 */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(2)
}
