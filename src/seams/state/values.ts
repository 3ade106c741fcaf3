import { z } from 'zod'
import type { Handle } from '../handle.ts'
import { HandleSource } from '../handle.ts'
import type { Journal } from '../journal.ts'
import { SeamError } from '../seam-error.ts'
import { checkText, openPart } from './part.ts'
import type { PartOptions } from './part.ts'
import type { ValueCondition, Values, VersionedValue } from './state.ts'

/** Bounds of the embedded values: these are for coordination, not for data. */
export const MAX_VALUES = 10_000
export const MAX_VALUE_BYTES = 64 * 1024
export const MAX_TOTAL_BYTES = 16 * 1024 * 1024

const valueSchema = z.strictObject({ key: z.string(), value: z.string(), version: z.number() })
const recordSchema = z.union([
  z.strictObject({ put: valueSchema }),
  z.strictObject({ deleted: z.string(), version: z.number() }),
  // The highest version ever given, kept through compaction so that no version is given twice.
  z.strictObject({ mark: z.number() }),
])
type ValueRecord = z.infer<typeof recordSchema>

/** Versioned values in a journal; see Values. */
export class EmbeddedValues implements Values {
  readonly #values = new Map<string, VersionedValue>()
  readonly #handles = new Map<string, HandleSource<VersionedValue | undefined>>()
  readonly #options: PartOptions
  #bytes = 0
  #lastVersion = 0
  #journal!: Journal<ValueRecord>

  private constructor(options: PartOptions) {
    this.#options = options
  }

  static async open(options: PartOptions): Promise<EmbeddedValues> {
    const values = new EmbeddedValues(options)
    values.#journal = await openPart<ValueRecord>(options, {
      name: 'values',
      schema: recordSchema,
      apply: (records, fromScratch) => values.#apply(records, fromScratch),
      snapshot: () => [
        { mark: values.#lastVersion },
        ...[...values.#values.values()].map((put): ValueRecord => ({ put })),
      ],
    })
    return values
  }

  get(key: string): VersionedValue | undefined {
    return this.#values.get(key)
  }

  handle(key: string): Handle<VersionedValue | undefined> {
    let handle = this.#handles.get(key)
    if (handle === undefined) {
      handle = new HandleSource(this.#values.get(key), this.#options.report)
      this.#handles.set(key, handle)
    }
    return handle
  }

  list(prefix: string): readonly VersionedValue[] {
    const found = [...this.#values.values()].filter(({ key }) => key.startsWith(prefix))
    return found.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  async put(key: string, value: string, condition?: ValueCondition): Promise<VersionedValue> {
    checkText('a key of a value', key, 512)
    const size = sizeOf(key, value)
    if (size - Buffer.byteLength(key) > MAX_VALUE_BYTES) {
      throw new SeamError(
        'limit',
        `the value of "${key}" is larger than ${MAX_VALUE_BYTES} bytes: keep it in objects`,
      )
    }
    return await this.#journal.transact(() => {
      const before = this.#values.get(key)
      if (condition !== undefined) checkCondition(key, before, condition)
      const bytes = this.#bytes + size - (before === undefined ? 0 : sizeOf(key, before.value))
      if ((before === undefined && this.#values.size >= MAX_VALUES) || bytes > MAX_TOTAL_BYTES) {
        throw new SeamError(
          'limit',
          `"${key}" does not fit: the values are bounded to ${MAX_VALUES} keys and ${MAX_TOTAL_BYTES} bytes together`,
        )
      }
      const put = Object.freeze({ key, value, version: this.#lastVersion + 1 })
      return { records: [{ put }], result: put }
    })
  }

  async delete(key: string, ifVersion?: number): Promise<boolean> {
    return await this.#journal.transact(() => {
      const before = this.#values.get(key)
      if (ifVersion !== undefined) checkCondition(key, before, { ifVersion })
      if (before === undefined) return { records: [], result: false }
      return { records: [{ deleted: key, version: this.#lastVersion + 1 }], result: true }
    })
  }

  async refresh(): Promise<void> {
    await this.#journal.refresh()
  }

  async close(): Promise<void> {
    await this.#journal.close()
  }

  #apply(records: readonly ValueRecord[], fromScratch: boolean): void {
    const touched = new Set<string>()
    if (fromScratch) {
      for (const key of this.#values.keys()) touched.add(key)
      this.#values.clear()
      this.#bytes = 0
      this.#lastVersion = 0
    }
    for (const record of records) {
      if ('mark' in record) {
        this.#lastVersion = Math.max(this.#lastVersion, record.mark)
        continue
      }
      const key = 'put' in record ? record.put.key : record.deleted
      touched.add(key)
      const before = this.#values.get(key)
      if (before !== undefined) this.#bytes -= sizeOf(key, before.value)
      if ('put' in record) {
        this.#values.set(key, Object.freeze(record.put))
        this.#bytes += sizeOf(key, record.put.value)
        this.#lastVersion = Math.max(this.#lastVersion, record.put.version)
      } else {
        this.#values.delete(key)
        this.#lastVersion = Math.max(this.#lastVersion, record.version)
      }
    }
    for (const key of touched) {
      const handle = this.#handles.get(key)
      const value = this.#values.get(key)
      if (handle !== undefined && handle.current?.version !== value?.version) handle.set(value)
    }
  }
}

function checkCondition(key: string, before: VersionedValue | undefined, condition: ValueCondition): void {
  const holds = 'ifVersion' in condition ? before?.version === condition.ifVersion : before === undefined
  if (holds) return
  const found = before === undefined ? 'is not there' : `has version ${before.version}`
  const wanted = 'ifVersion' in condition ? `version ${condition.ifVersion}` : 'no such key'
  throw new SeamError('conflict', `"${key}" ${found}; expected ${wanted}: read it again and decide anew`)
}

function sizeOf(key: string, value: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value)
}
