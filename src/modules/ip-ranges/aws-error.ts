import { StaleTargetError } from './target.ts'

/** Errors that say that somebody else was faster. */
const STALE = new Set([
  'InvalidPermission.Duplicate',
  'InvalidPermission.NotFound',
  'InvalidGroup.NotFound',
  'InvalidGroup.Duplicate',
  'InvalidNetworkInterfaceID.NotFound',
  'PrefixListVersionMismatch',
  'IncorrectState',
  'WAFOptimisticLockException',
  'WAFDuplicateItemException',
])

/** Runs a call of AWS; what it throws names what was done, and the error of the service and nothing else of it. */
export async function calling<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const message = `${what}: ${error.name}: ${error.message}`
    // The cause would hold the request.
    // oxlint-disable-next-line preserve-caught-error -- the error of the SDK may hold the signed request
    throw STALE.has(error.name) ? new StaleTargetError(message) : new Error(message)
  }
}
