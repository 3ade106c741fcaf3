import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../../seams/seam-error.ts'

export interface FolderWatchOptions {
  readonly root: string
  /** Something happened to the entry of this name, with forward slashes from the root. */
  readonly touched: (key: string) => void
  /** Events were lost, or cannot be had: everything must be looked through. */
  readonly lost: (why: string | undefined) => void
}

/** The kernel keeps some memory for each, and has a limit (inotify(7), max_user_watches). */
const MAX_FOLDERS = 4_096

/**
 * Watches folders one by one, as they are met: the recursive watch of Node reads whole trees at once on Linux. What it
 * misses, scans find.
 */
export class FolderWatch {
  readonly #options: FolderWatchOptions
  readonly #watchers = new Map<string, FSWatcher>()
  #isFull = false
  #isClosed = false

  constructor(options: FolderWatchOptions) {
    this.#options = options
  }

  get folders(): number {
    return this.#watchers.size
  }

  /** Begins with a folder, `''` for the root; content when it is watched already. */
  add(folder: string): void {
    if (this.#isClosed || this.#isFull || this.#watchers.has(folder)) return
    if (this.#watchers.size >= MAX_FOLDERS) return this.#full(`there are more than ${MAX_FOLDERS} folders`)
    const prefix = folder === '' ? '' : `${folder}/`
    try {
      const watcher = watch(
        join(this.#options.root, ...folder.split('/')),
        { persistent: false },
        (_, name) => {
          if (name === null) this.#options.lost(undefined)
          else this.#options.touched(prefix + name)
        },
      )
      watcher.on('error', () => this.#drop(folder, watcher))
      this.#watchers.set(folder, watcher)
    } catch (error) {
      const code = systemCode(error)
      // Gone again; its removal is told by the folder around it.
      if (code === 'ENOENT' || code === 'ENOTDIR') return
      if (code === 'ENOSPC' || code === 'EMFILE') return this.#full('the system has no more watches')
      throw error
    }
  }

  /** A folder is not there any more; one of the same name later is another. */
  remove(folder: string): void {
    for (const [each, watcher] of this.#watchers)
      if (each === folder || each.startsWith(`${folder}/`)) this.#drop(each, watcher)
  }

  has(folder: string): boolean {
    return this.#watchers.has(folder)
  }

  close(): void {
    this.#isClosed = true
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #full(why: string): void {
    this.#isFull = true
    this.#options.lost(why)
  }

  #drop(folder: string, watcher: FSWatcher): void {
    watcher.close()
    if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder)
    this.#options.lost(undefined)
  }
}
