import type { Results } from './places.ts'
import { commonName, readRecord, RECORD_ENDING } from './record.ts'

/** The records of results, by the base of their names. */
export interface Records {
  bases(signal: AbortSignal): AsyncIterable<string>
  /** Key of the original that a record names; undefined where it is none of ours. */
  originalOf(base: string): Promise<string | undefined>
  /** Nothing could be made of an original, so that there need not be a record. */
  hasFailed(key: string): boolean
}

/** The records that stand among results. */
export function recordsOf(results: Results, hasFailed: Records['hasFailed']): Records {
  return {
    async *bases(signal) {
      for await (const name of results.list(RECORD_ENDING, signal)) yield name.slice(0, -RECORD_ENDING.length)
    },
    originalOf: async (base) => (await readRecord(results, base))?.source.file,
    hasFailed,
  }
}

/** So many records of nothing at all are more likely a disk that is not there than originals that were deleted. */
const MANY = 16

/**
 * Compares the originals that a scan met with the records there are. Only by their names, so that nothing is read where
 * nothing is gone: a record is called like its original, with or without the ending, so of a name there are at most as
 * many records as originals.
 */
export class RollCall {
  /** Originals by name, less the records of that name. */
  readonly #left = new Map<string, number>()

  /** An original is there of which there is a record, or will be. */
  present(key: string): void {
    const name = commonName(key)
    this.#left.set(name, (this.#left.get(name) ?? 0) + 1)
  }

  /**
   * Originals of which there is a record and which may be gone; whoever removes something looks again. After it the roll is
   * used up. Throws where everything seems to be gone.
   */
  async *missing(
    { bases, originalOf }: Pick<Records, 'bases' | 'originalOf'>,
    signal: AbortSignal,
  ): AsyncGenerator<string, void, void> {
    const isNobodyThere = this.#left.size === 0
    let isOneMissing = false
    let count = 0
    for await (const base of bases(signal)) {
      const name = commonName(base)
      const left = (this.#left.get(name) ?? 0) - 1
      this.#left.set(name, left)
      if (left < 0) isOneMissing = true
      if (isNobodyThere && ++count > MANY) throw new NobodyThere()
    }
    if (!isOneMissing) return
    for await (const base of bases(signal)) {
      if ((this.#left.get(commonName(base)) ?? 0) >= 0) continue
      const key = await originalOf(base)
      if (key !== undefined) yield key
    }
  }
}

/** There is no original at all, and much was made of some. */
export class NobodyThere extends Error {
  override readonly name = 'NobodyThere'

  constructor() {
    super(
      `there is no original at all, but more than ${MANY} records: nothing is removed, in case the place is not there. Where all originals were meant to go, remove their results by hand, or put one picture there`,
    )
  }
}
