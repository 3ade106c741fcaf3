import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Bytes of body after which the buffers they came in are collected. V8 marks the whole heap when 8 MB outside of it have come
 * and not gone (docs/decisions/0063), so it must be less than that.
 */
const EVERY_BYTES = 4 << 20

/**
 * Keeps the buffers of long bodies from piling up. Each piece of a body is a buffer of 64 KB outside the heap behind a
 * small object inside it; V8 sees hardly any garbage and lets a hundred megabytes wait. A collection of the young
 * generation for every few megabytes takes well under a millisecond and keeps the process small.
 */
export function createMemoryRelief(): (bytes: number) => void {
  setFlagsFromString('--expose-gc')
  // The flag makes V8 put the function into every context that is made from now on.
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void
  let passed = 0
  return (bytes) => {
    passed += bytes
    if (passed < EVERY_BYTES) return
    passed = 0
    collect({ type: 'minor' })
  }
}
