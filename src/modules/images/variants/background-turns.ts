import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { FileLock } from '../../../seams/file-lock.ts'
import { asError } from '../../../seams/seam-error.ts'

export interface BackgroundTurnsOptions {
  readonly clock: Clock
  readonly dataFolder: string
  /** Of the edge. */
  readonly processes: number
  /** Whether anybody waits for a picture. */
  readonly isBusy: () => boolean
  readonly report: (problem: string) => void
}

/** Longer than the others take to ask again. */
const AFTER_OWN_MS = 300

/**
 * Gives the turns at which something is made behind answers: not while viewers wait for pictures, because where a
 * container has a quota of processor time a low priority spares nobody; and one at a time in all processes of an edge, so
 * that there is one more process of pictures than viewers have, and not one more for each process.
 */
export function createBackgroundTurns(options: BackgroundTurnsOptions): () => (() => void) | undefined {
  const { clock, dataFolder, processes, isBusy, report } = options
  let notBefore = Number.NEGATIVE_INFINITY
  let isBroken = false

  function giveNothing(): void {}

  return () => {
    if (isBusy()) return undefined
    if (processes === 1 || isBroken) return giveNothing
    if (clock.monotonic() < notBefore) return undefined
    let lock: FileLock | undefined
    try {
      lock = FileLock.open(join(dataFolder, 'images-background.lock'))
      if (lock.tryKeep()) return () => giveBack(lock!)
      close(lock)
      return undefined
    } catch (error) {
      if (lock !== undefined) close(lock)
      // Rather one more process than none.
      isBroken = true
      report(`processes cannot take turns in making slow formats: ${asError(error).message}`)
      return giveNothing
    }
  }

  function giveBack(lock: FileLock): void {
    notBefore = clock.monotonic() + AFTER_OWN_MS
    close(lock)
  }

  function close(lock: FileLock): void {
    lock.close().catch((error: unknown) => report(`a lock: ${asError(error).message}`))
  }
}
