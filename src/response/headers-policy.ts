import type { HeaderList } from '../http/header-list.ts'
import type { EdgeResponse, Passage } from '../visit.ts'
import { createCorsWriter } from './cors.ts'
import { addServerTiming, type ServerTimingOptions } from './server-timing.ts'

/**
 * Applies the response headers policy of the passage's behavior, if it has one: removals first, then CORS, security
 * and custom headers, then Server-Timing (DG:understanding-response-headers-policies). A header that is
 * both removed and set is therefore there.
 */
export function createHeadersPolicy(
  options: ServerTimingOptions,
): (passage: Passage, response: EdgeResponse) => void {
  const writeCors = createCorsWriter()
  return (passage, { headers }) => {
    const policy = passage.behavior.responseHeadersPolicy
    if (policy === undefined) return
    if (policy.remove.size > 0) removeAll(headers, policy.remove)
    if (policy.cors !== undefined) writeCors(policy.cors, passage.request, headers)
    for (const { name, lowerName, value, override } of policy.set) {
      if (override) headers.delete(lowerName)
      else if (headers.has(lowerName)) continue
      headers.append(name, value)
    }
    if (policy.serverTimingRate !== undefined) {
      addServerTiming(passage, headers, policy.serverTimingRate, options)
    }
  }
}

function removeAll(headers: HeaderList, names: ReadonlySet<string>): void {
  for (const name of names) headers.delete(name)
}
