import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { openDiskStore, type DiskStore, type DiskStoreOptions } from './disk.ts'
import { bytesFor, entryFor } from './entry.fixture.ts'
import type { CacheStore, Found } from './store.ts'

/** Where folders of tests are made: in memory where that is possible, because there are hundreds of small files. */
export const FAST_FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A folder for one disk store of a test, and how to open stores in it. */
export interface DiskBench extends AsyncDisposable {
  readonly folder: string
  /** What the stores have complained of. */
  readonly problems: string[]
  open(more?: Partial<DiskStoreOptions>): Promise<DiskStore>
  /** Paths of all files of entries. */
  bodyFiles(): Promise<string[]>
}

export async function diskBench(): Promise<DiskBench> {
  const outer = await mkdtemp(join(FAST_FOLDER, 'edgeward-disk-'))
  const folder = join(outer, 'cache')
  const problems: string[] = []
  return {
    folder,
    problems,
    open: (more = {}) =>
      openDiskStore({
        folder,
        maxBytes: 64 << 20,
        report: (problem) => problems.push(problem),
        ...more,
      }),
    async bodyFiles() {
      const found = await readdir(join(folder, 'bodies'), { withFileTypes: true, recursive: true })
      return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
    },
    [Symbol.asyncDispose]: () => rm(outer, { recursive: true }),
  }
}

/** Puts a body that only this key and length give. */
export function putBody(
  store: CacheStore,
  key: string,
  length: number,
  tags: string[] = [],
): Promise<boolean> {
  const bytes = bytesFor(`${key} ${length}`, length)
  return Promise.resolve(store.put(entryFor(key, length, { tags }), { kind: 'bytes', bytes }))
}

/** Whether a body that was put by `putBody` comes back: `right`, `missing`, `wrong`, or that its stream `failed`. */
export async function tryBody(
  store: CacheStore,
  key: string,
  length: number,
): Promise<'right' | 'missing' | 'wrong' | 'failed'> {
  const found = await store.get(key)
  return found === undefined ? 'missing' : await judgeBody(found, key, length)
}

export async function judgeBody(
  found: Found,
  key: string,
  length: number,
): Promise<'right' | 'wrong' | 'failed'> {
  if (found.entry.key !== key || found.entry.bodyBytes !== length) return 'wrong'
  try {
    const body = await buffer(found.open(0, length - 1))
    return body.equals(bytesFor(`${key} ${length}`, length)) ? 'right' : 'wrong'
  } catch (error) {
    if (error instanceof Error) return 'failed'
    throw error
  }
}
