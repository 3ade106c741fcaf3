import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Entry } from '../entry.ts'
import { entryFor } from './entry.fixture.ts'
import type { CacheStore, FinishedBody, Found } from './store.ts'

/* What the parts of the contract of cache stores share. */

export interface StoreUnderTestOptions {
  readonly maxBytes: number
  readonly maxObjectBytes?: number
  readonly maxTagsPerEntry?: number
  readonly maxKeysPerBaseKey?: number
}

/** What a driver gives the contract: an empty store that lives until it is disposed of. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly store: CacheStore
  /** What it has complained of. */
  readonly problems: readonly string[]
}

export type InstallStore = (options: StoreUnderTestOptions) => Promise<StoreUnderTest>

export const ROOMY: StoreUnderTestOptions = { maxBytes: 64 << 20, maxObjectBytes: 16 << 20 }
export const NOW = 500_000

export const bytes = (body: string | Buffer): FinishedBody => ({
  kind: 'bytes',
  bytes: typeof body === 'string' ? Buffer.from(body) : body,
})

export async function bodyOf(found: Found, first = 0, last = found.entry.bodyBytes - 1): Promise<Buffer> {
  const streamed = await buffer(found.open(first, last))
  if (found.bytes !== undefined) assert.ok(found.bytes.subarray(first, last + 1).equals(streamed))
  return streamed
}

export async function textOf(store: CacheStore, key: string): Promise<string | undefined> {
  const found = await store.get(key)
  return found === undefined ? undefined : (await bodyOf(found)).toString()
}

export function putText(
  store: CacheStore,
  key: string,
  text: string,
  more: Partial<Entry> = {},
): Promise<boolean> {
  return Promise.resolve(store.put(entryFor(key, Buffer.byteLength(text), more), bytes(text)))
}

/** Runs `work` with a fresh store. */
export type WithStore = (
  work: (store: CacheStore, problems: readonly string[]) => Promise<void>,
  options?: StoreUnderTestOptions,
) => Promise<void>

export function withStoreOf(install: InstallStore): WithStore {
  return async (work, options = ROOMY) => {
    await using installed = await install(options)
    await work(installed.store, installed.problems)
  }
}

/** A file with a body, as a fill hands one over. */
export async function withBodyFile(
  store: CacheStore,
  body: Buffer,
  work: (file: FinishedBody & { readonly kind: 'file' }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-body-'))
  try {
    const path = join(store.spoolFolder ?? folder, 'fill-1')
    await writeFile(path, body)
    await work({ kind: 'file', path, bytes: body.length })
  } finally {
    await rm(folder, { recursive: true })
  }
}
