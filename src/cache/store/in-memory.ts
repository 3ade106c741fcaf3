import { Readable } from 'node:stream'
import type { Entry } from '../entry.ts'
import type { Found } from './store.ts'

/** An entry whose body is in memory. */
export class InMemory implements Found {
  readonly entry: Entry
  readonly bytes: Buffer

  constructor(entry: Entry, bytes: Buffer) {
    this.entry = entry
    this.bytes = bytes
  }

  open(first: number, last: number): Readable {
    return Readable.from([this.bytes.subarray(first, last + 1)])
  }
}
