import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FileLock } from '../file-lock.ts'

const OWNER = 'owner.lock'

/**
 * A folder of one opened store for files that are not finished. Its owner keeps a lock in it for life, so whoever
 * opens the store later knows which of them a kill -9 has left behind, and removes those and no others.
 */
export class Scratch {
  readonly #folder: string
  readonly #owner: FileLock
  #count = 0

  private constructor(folder: string, owner: FileLock) {
    this.#folder = folder
    this.#owner = owner
  }

  /** Makes a folder in `parent` and removes the abandoned ones. The caller holds the lock of the store. */
  static async open(parent: string): Promise<Scratch> {
    await mkdir(parent, { recursive: true, mode: 0o700 })
    for (const entry of await readdir(parent, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeIfAbandoned(join(parent, entry.name))
    }
    const folder = join(parent, randomUUID())
    await mkdir(folder, { mode: 0o700 })
    const owner = FileLock.open(join(folder, OWNER))
    owner.tryKeep()
    return new Scratch(folder, owner)
  }

  /** A path nobody else uses. */
  next(): string {
    return join(this.#folder, `${++this.#count}`)
  }

  /** Removes the folder and what is in it. */
  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
    await this.#owner.close()
  }
}

async function removeIfAbandoned(folder: string): Promise<void> {
  const owner = FileLock.open(join(folder, OWNER))
  try {
    if (owner.tryKeep()) await rm(folder, { recursive: true, force: true })
  } finally {
    await owner.close()
  }
}
