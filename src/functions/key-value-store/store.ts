import { createHash } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { replaceFile } from '../../seams/replace-file.ts'
import { asError, SeamError, systemCode } from '../../seams/seam-error.ts'
import { readImportFile, writeImportFile } from './import-file.ts'
import { checkKeyValue, type KeyValue, keyValueLimits, sizeOf } from './limits.ts'
import type { KeyValueSnapshot, KeyValueSource } from './read.ts'

export interface KeyValueStoreOptions {
  readonly name: string
  readonly clock: Clock
  /** Where a store begins: a file in AWS's import format. Read when there is no state yet, or it has changed since. */
  readonly importFile?: string
  /** Where changes are kept; without it they live as long as the process. */
  readonly stateFile?: string
}

/** One change of several keys, all or nothing. */
export interface KeyUpdate {
  readonly puts?: readonly KeyValue[]
  readonly deletes?: readonly string[]
}

export interface KeyPage {
  readonly items: readonly KeyValue[]
  /** Give it back as `after` for the next page; undefined behind the last. */
  readonly next: string | undefined
}

/** A key-value store that functions read at once and operators change while running. */
export interface KeyValueStore extends KeyValueSource {
  /** Digest of the import file it began with; empty without one. */
  readonly importedFrom: string
  list(after: string | undefined, limit: number): KeyPage
  /**
   * Applies a change when `ifMatch` is the current ETag, and gives the new one. Rejects with `conflict` when it is
   * not, `not-found` for a key to delete that is not there, `limit` and `invalid` for what AWS refuses.
   */
  update(change: KeyUpdate, ifMatch: string): Promise<string>
  /** Takes over what another process has written since, of the same import file. Rejects with `corrupt`. */
  refresh(): Promise<void>
}

/** Opens a store. Rejects with `invalid` and every problem of the import file, or `corrupt` for an unreadable state file. */
export async function openKeyValueStore(options: KeyValueStoreOptions): Promise<KeyValueStore> {
  const { importFile, stateFile, clock } = options
  const imported = importFile === undefined ? undefined : await readImport(options.name, importFile)
  const kept = stateFile === undefined ? undefined : await readState(stateFile)
  // A changed import file begins the store anew: it is the newer word of the two.
  const isCurrent = kept !== undefined && kept.importedFrom === (imported?.digest ?? '')
  const now = new Date(clock.now()).toISOString()
  const items = isCurrent ? kept.items : (imported?.items ?? new Map<string, string>())
  const snapshot = snapshotOf(items, isCurrent ? kept.created : now, isCurrent ? kept.updated : now)
  return new LocalKeyValueStore(options, snapshot, imported?.digest ?? '')
}

class LocalKeyValueStore implements KeyValueStore {
  readonly name: string
  #current: KeyValueSnapshot
  readonly #clock: Clock
  readonly #stateFile: string | undefined
  readonly importedFrom: string
  #lastWrite: Promise<void> = Promise.resolve()
  /** Of the state file when it was last read. */
  #stamp: string | undefined

  constructor(options: KeyValueStoreOptions, snapshot: KeyValueSnapshot, importedFrom: string) {
    this.name = options.name
    this.#clock = options.clock
    this.#stateFile = options.stateFile
    this.#current = snapshot
    this.importedFrom = importedFrom
  }

  get current(): KeyValueSnapshot {
    return this.#current
  }

  list(after: string | undefined, limit: number): KeyPage {
    const keys = [...this.#current.items.keys()].sort()
    const start = after === undefined ? 0 : keys.findIndex((key) => key > after)
    const page = start === -1 ? [] : keys.slice(start, start + limit)
    const hasMore = start !== -1 && start + limit < keys.length
    return {
      items: page.map((key) => ({ key, value: this.#current.items.get(key) ?? '' })),
      next: hasMore ? page.at(-1) : undefined,
    }
  }

  async update(change: KeyUpdate, ifMatch: string): Promise<string> {
    const before = this.#current
    if (ifMatch !== before.etag) {
      throw new SeamError(
        'conflict',
        `the key-value store ${this.name} has changed: its ETag is ${before.etag}, not ${ifMatch}; read it again`,
      )
    }
    const items = applyUpdate(this.name, before.items, change)
    const now = new Date(this.#clock.now()).toISOString()
    const next = snapshotOf(items, before.creationDateTime, now)
    if (next.bytes > keyValueLimits.storeBytes) {
      throw new SeamError(
        'limit',
        `the key-value store ${this.name} would hold ${next.bytes} bytes; at most ${keyValueLimits.storeBytes} are allowed`,
      )
    }
    // Seen by functions at once; the file follows, one write after the other.
    this.#current = next
    const write = this.#lastWrite.then(() => this.#save(next))
    this.#lastWrite = write.catch(() => undefined)
    try {
      await write
    } catch (error) {
      if (this.#current === next) this.#current = before
      const reason = asError(error).message
      throw new SeamError('unavailable', `the key-value store ${this.name} could not be saved: ${reason}`, {
        cause: error,
      })
    }
    return next.etag
  }

  async refresh(): Promise<void> {
    if (this.#stateFile === undefined) return
    const stamp = await stampOf(this.#stateFile)
    if (stamp === undefined || stamp === this.#stamp) return
    const state = await readState(this.#stateFile)
    this.#stamp = stamp
    if (state?.importedFrom !== this.importedFrom) return
    this.#current = snapshotOf(state.items, state.created, state.updated)
  }

  async #save(snapshot: KeyValueSnapshot): Promise<void> {
    if (this.#stateFile === undefined) return
    const state = {
      importedFrom: this.importedFrom,
      creationDateTime: snapshot.creationDateTime,
      lastUpdatedDateTime: snapshot.lastUpdatedDateTime,
      content: writeImportFile(snapshot.items),
    }
    await mkdir(dirname(this.#stateFile), { recursive: true, mode: 0o700 })
    await replaceFile(this.#stateFile, JSON.stringify(state), 0o600)
  }
}

function applyUpdate(
  name: string,
  before: ReadonlyMap<string, string>,
  change: KeyUpdate,
): Map<string, string> {
  const puts = change.puts ?? []
  const deletes = change.deletes ?? []
  const count = puts.length + deletes.length
  const bytes = puts.reduce((sum, put) => sum + sizeOf(put), 0)
  if (count > keyValueLimits.updateKeys || bytes > keyValueLimits.updateBytes) {
    throw new SeamError(
      'limit',
      `one update of ${name} has ${count} keys and ${bytes} bytes; at most ${keyValueLimits.updateKeys} keys and ${keyValueLimits.updateBytes} bytes are allowed`,
    )
  }
  const named = new Set<string>()
  for (const key of [...puts.map((put) => put.key), ...deletes]) {
    if (named.has(key))
      throw new SeamError('invalid', `one update of ${name} names the key ${JSON.stringify(key)} twice`)
    named.add(key)
  }
  const items = new Map(before)
  for (const { key, value } of puts) {
    const [problem] = checkKeyValue(key, value)
    if (problem !== undefined) throw new SeamError('limit', `an update of ${name} ${problem}`)
    items.set(key, value)
  }
  for (const key of deletes) {
    if (!items.delete(key))
      throw new SeamError('not-found', `the key-value store ${name} has no key ${JSON.stringify(key)}`)
  }
  return items
}

function snapshotOf(items: ReadonlyMap<string, string>, created: string, updated: string): KeyValueSnapshot {
  let bytes = 0
  const hash = createHash('sha256')
  for (const [key, value] of items) {
    bytes += sizeOf({ key, value })
    hash.update(`${Buffer.byteLength(key)}:${key}${Buffer.byteLength(value)}:${value}`)
  }
  hash.update(updated)
  const etag = `KV${hash.digest('hex').slice(0, 12).toUpperCase()}`
  return { items, bytes, etag, creationDateTime: created, lastUpdatedDateTime: updated }
}

async function readImport(name: string, file: string) {
  const text = await readFile(file, 'utf8')
  const result = readImportFile(text)
  if (result.kind === 'refused') {
    throw new SeamError(
      'invalid',
      `the import file ${file} of the key-value store ${name} cannot be read:\n${result.problems.join('\n')}`,
    )
  }
  return { items: result.items, digest: createHash('sha256').update(text).digest('hex') }
}

/** Another file, size or time of change gives another text; undefined where there is none. */
async function stampOf(file: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(file, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function readState(file: string) {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  const state = parseState(text)
  const content = state === undefined ? undefined : readImportFile(state.content)
  if (state === undefined || content?.kind !== 'read') {
    throw new SeamError(
      'corrupt',
      `${file} is not the state of a key-value store; delete it to begin with the import file`,
    )
  }
  return {
    items: content.items,
    importedFrom: state.importedFrom,
    created: state.creationDateTime,
    updated: state.lastUpdatedDateTime,
  }
}

interface State {
  readonly importedFrom: string
  readonly creationDateTime: string
  readonly lastUpdatedDateTime: string
  readonly content: string
}

function parseState(text: string): State | undefined {
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch {
    // Not JSON: the caller says so, with the name of the file.
    return undefined
  }
  return isState(state) ? state : undefined
}

function isState(state: unknown): state is State {
  if (typeof state !== 'object' || state === null) return false
  const fields: Partial<Record<keyof State, unknown>> = state
  return (['importedFrom', 'creationDateTime', 'lastUpdatedDateTime', 'content'] as const).every(
    (key) => typeof fields[key] === 'string',
  )
}
