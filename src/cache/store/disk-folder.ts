import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { systemCode } from '../../seams/seam-error.ts'
import { type DiskIo, removeQuietly } from './disk-io.ts'
import { keyHash } from './key-hash.ts'

const TRASH = 'trash-'

/**
 * The folder of a disk store:
 *
 *     writer.lock       held by the process that writes
 *     index.journal     what is there
 *     bodies/3f/3f…     one file per entry, in 256 folders
 *     tmp/  spool/      what is being written
 *     trash-…/          what a process that was killed had been writing
 */
export class DiskFolder {
  readonly #io: DiskIo
  readonly root: string
  readonly lockPath: string
  readonly indexPath: string
  readonly spoolFolder: string
  /** In the name of every file this store makes, so that cleaning tells them from what was there before. */
  readonly #epoch = randomBytes(8).toString('hex')
  #count = 0

  constructor(io: DiskIo, root: string) {
    this.#io = io
    this.root = root
    this.lockPath = join(root, 'writer.lock')
    this.indexPath = join(root, 'index.journal')
    this.spoolFolder = join(root, 'spool')
  }

  /** Makes the folder where it is missing. */
  async create(): Promise<void> {
    await this.#io.mkdir(join(this.root, 'bodies'))
  }

  /** Starts with empty folders for what is being written; what was in them goes to the trash. For the writer only. */
  async takeOver(): Promise<void> {
    for (const name of ['tmp', 'spool']) {
      const folder = join(this.root, name)
      try {
        await this.#io.rename(folder, join(this.root, `${TRASH}${name}-${this.#epoch}`))
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error
      }
      await this.#io.mkdir(folder)
    }
  }

  /** A name nobody else uses: a hash of the key, which spreads the files, and what makes it unique. */
  newName(key: string): string {
    const hash = (keyHash(key) >>> 0).toString(16).padStart(8, '0')
    return `${hash}-${this.#epoch}-${(++this.#count).toString(36)}`
  }

  pathOf(file: string): string {
    return join(this.root, 'bodies', file.slice(0, 2), file)
  }

  temporaryPathOf(file: string): string {
    return join(this.root, 'tmp', file)
  }

  /** Moves a finished file from `tmp` to its place. */
  async place(file: string): Promise<void> {
    const from = this.temporaryPathOf(file)
    try {
      await this.#io.rename(from, this.pathOf(file))
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      await this.#io.mkdir(join(this.root, 'bodies', file.slice(0, 2)))
      await this.#io.rename(from, this.pathOf(file))
    }
  }

  /**
   * Removes what no index speaks of: the trash, and files that are not in `live` (names by folder; it is emptied on
   * the way) and were not made by this store. One file at a time; ends early when `isStopped`.
   */
  async clean(live: Map<string, Set<string>>, isStopped: () => boolean): Promise<void> {
    for (const name of await this.#io.readdir(this.root)) {
      if (name.startsWith(TRASH)) await this.#removeFolder(join(this.root, name), isStopped)
    }
    for (const name of await this.#io.readdir(join(this.root, 'bodies'))) {
      if (isStopped()) return
      const known = live.get(name)
      live.delete(name)
      const files = await this.#io.readdir(join(this.root, 'bodies', name))
      const orphans = files.filter((file) => known?.has(file) !== true && !file.includes(`-${this.#epoch}-`))
      await this.#removeFiles(join(this.root, 'bodies', name), orphans, isStopped)
    }
  }

  async #removeFolder(folder: string, isStopped: () => boolean): Promise<void> {
    await this.#removeFiles(folder, await this.#io.readdir(folder), isStopped)
    if (!isStopped()) await this.#io.rmdir(folder)
  }

  async #removeFiles(folder: string, names: readonly string[], isStopped: () => boolean): Promise<void> {
    for (const name of names) {
      if (isStopped()) return
      await removeQuietly(this.#io, join(folder, name))
    }
  }
}
