import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeFile } from '../replace-file.ts'
import { SeamError, systemCode } from '../seam-error.ts'
import {
  FOLDER_MARK,
  compareKeys,
  isHashedName,
  nameOfSegment,
  pathOfKey,
  segmentOfName,
} from './key-path.ts'
import type { KeyPath } from './key-path.ts'
import { readObjectHead } from './object-file.ts'

/** In a folder whose name was cut: the segment it stands for. Never an object's name, which begin with no point. */
const SEGMENT_FILE = '.segment'

/** Makes the folders of a key. The caller holds the lock of the store. */
export async function makeFolders(root: string, path: KeyPath): Promise<void> {
  let folder = root
  for (const { name, segment } of path.folders) {
    folder = join(folder, name)
    try {
      await mkdir(folder, { mode: 0o700 })
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
    if (isHashedName(name) && (await segmentOfHashed(folder, name)) === undefined) {
      await writeFile(join(folder, SEGMENT_FILE), segment, { mode: 0o600 })
    }
  }
}

/** Removes the folders of a key as far as nothing is in them. The caller holds the lock of the store. */
export async function removeEmptyFolders(root: string, path: KeyPath): Promise<void> {
  const folders: string[] = []
  let folder = root
  for (const { name } of path.folders) folders.push((folder = join(folder, name)))
  for (const empty of folders.toReversed()) {
    const names = await namesIn(empty)
    if (names.some((name) => name !== SEGMENT_FILE)) return
    if (names.length > 0) await removeFile(join(empty, SEGMENT_FILE))
    try {
      await rmdir(empty)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
}

/** Which keys a walk gives. `skip` may be set while it runs: keys that begin with it are passed over. */
export interface WalkScope {
  readonly prefix: string
  /** Only keys behind this one. */
  readonly after: string
  skip: string | undefined
}

/** Keys in the order of their UTF-8 bytes, each with the path of its file. Reads no more folders than asked for. */
export async function* walkKeys(root: string, scope: WalkScope): AsyncGenerator<WalkEntry, void, void> {
  // All keys with this prefix stand in one folder: go there and not through its siblings.
  const slash = scope.prefix.lastIndexOf('/')
  let folder = root
  if (slash >= 0)
    for (const { name } of pathOfKey(scope.prefix.slice(0, slash + 1)).folders) folder = join(folder, name)
  yield* walkFolder(folder, scope.prefix.slice(0, slash + 1), scope)
}

/** A key, or in a folder the beginning all its keys share. */
export interface WalkEntry {
  readonly key: string
  readonly path: string
}

async function* walkFolder(
  folder: string,
  base: string,
  scope: WalkScope,
): AsyncGenerator<WalkEntry, void, void> {
  const entries: WalkEntry[] = []
  for (const name of await namesIn(folder)) {
    const entry = await entryOf(folder, base, name)
    if (entry !== undefined && mayHold(entry, scope)) entries.push(entry)
  }
  entries.sort((a, b) => compareKeys(a.key, b.key))
  for (const entry of entries) {
    if (scope.skip !== undefined && entry.key.startsWith(scope.skip)) continue
    if (entry.path.endsWith(FOLDER_MARK)) yield* walkFolder(entry.path, entry.key, scope)
    else yield entry
  }
}

async function entryOf(folder: string, base: string, name: string): Promise<WalkEntry | undefined> {
  if (name.startsWith('.')) return undefined
  const path = join(folder, name)
  if (name.endsWith(FOLDER_MARK)) {
    const bare = name.slice(0, -FOLDER_MARK.length)
    const segment = isHashedName(bare) ? await segmentOfHashed(path, name) : segmentOfName(bare)
    // A cut folder without its segment was being made or removed, and has no objects.
    if (segment === undefined && isHashedName(bare)) return undefined
    return { key: base + (segment ?? foreign(path)) + '/', path }
  }
  if (isHashedName(name)) {
    const head = await readObjectHead(path)
    return head === undefined ? undefined : { key: head.key, path }
  }
  return { key: base + (segmentOfName(name) ?? foreign(path)), path }
}

/** Whether an entry is in scope, or may have keys below it that are. */
function mayHold(entry: WalkEntry, scope: WalkScope): boolean {
  const { key } = entry
  const isFolder = entry.path.endsWith(FOLDER_MARK)
  if (!key.startsWith(scope.prefix) && !(isFolder && scope.prefix.startsWith(key))) return false
  return compareKeys(key, scope.after) > 0 || (isFolder && scope.after.startsWith(key))
}

async function segmentOfHashed(folder: string, name: string): Promise<string | undefined> {
  try {
    const segment = await readFile(join(folder, SEGMENT_FILE), 'utf8')
    return nameOfSegment(segment) + FOLDER_MARK === name ? segment : undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

function foreign(path: string): never {
  throw new SeamError(
    'corrupt',
    `${path} is not a file of this object store: put objects through it, and move the file away`,
  )
}
