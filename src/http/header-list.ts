/**
 * HTTP fields as ordered name/value pairs, exactly as received: case, order and duplicates survive
 * (RFC 9110 section 5.3). Lookup is case-insensitive; names are given in lower case.
 *
 * Pairs live in one flat array `[name, value, name, value, …]`, the form in which `node:http` and undici give
 * and take them, so that a message passes through without being rebuilt.
 */
export class HeaderList {
  /** The flat pairs. Readers only: change a list through its methods. */
  readonly raw: string[]

  constructor(raw: string[] = []) {
    this.raw = raw
  }

  /** From `{ name: value }` or `{ name: [values] }`. */
  static of(fields: Readonly<Record<string, string | readonly string[]>>): HeaderList {
    const list = new HeaderList()
    for (const name in fields) {
      const value = fields[name]!
      if (typeof value === 'string') list.raw.push(name, value)
      else for (const each of value) list.raw.push(name, each)
    }
    return list
  }

  /** How many field lines. */
  get size(): number {
    return this.raw.length >> 1
  }

  /** The first value of a field, or undefined. `name` is in lower case. */
  get(name: string): string | undefined {
    const raw = this.raw
    for (let i = 0; i < raw.length; i += 2) if (isName(raw[i]!, name)) return raw[i + 1]
    return undefined
  }

  /** All values joined by a comma and a space (RFC 9110 section 5.3), or undefined. */
  getJoined(name: string): string | undefined {
    const raw = this.raw
    let joined: string | undefined
    for (let i = 0; i < raw.length; i += 2) {
      if (isName(raw[i]!, name)) joined = joined === undefined ? raw[i + 1]! : `${joined}, ${raw[i + 1]!}`
    }
    return joined
  }

  /** Every value of a field, in order. */
  getAll(name: string): string[] {
    const values: string[] = []
    const raw = this.raw
    for (let i = 0; i < raw.length; i += 2) if (isName(raw[i]!, name)) values.push(raw[i + 1]!)
    return values
  }

  has(name: string): boolean {
    const raw = this.raw
    for (let i = 0; i < raw.length; i += 2) if (isName(raw[i]!, name)) return true
    return false
  }

  /** How often a field occurs. */
  count(name: string): number {
    let count = 0
    const raw = this.raw
    for (let i = 0; i < raw.length; i += 2) if (isName(raw[i]!, name)) count++
    return count
  }

  append(name: string, value: string): this {
    this.raw.push(name, value)
    return this
  }

  /** Replaces every line of the field by one, in the place of the first; appends if there was none. */
  set(name: string, value: string): this {
    const lower = name.toLowerCase()
    const raw = this.raw
    for (let i = 0; i < raw.length; i += 2) {
      if (isName(raw[i]!, lower)) {
        raw[i] = name
        raw[i + 1] = value
        this.#removeFrom(i + 2, lower)
        return this
      }
    }
    raw.push(name, value)
    return this
  }

  /** Removes every line of the field; true if there was one. `name` is in lower case. */
  delete(name: string): boolean {
    const before = this.raw.length
    this.#removeFrom(0, name)
    return this.raw.length !== before
  }

  /** Removes every line for which `isUnwanted(lowerCaseName, value)`. */
  deleteWhere(isUnwanted: (name: string, value: string) => boolean): void {
    const raw = this.raw
    let kept = 0
    for (let i = 0; i < raw.length; i += 2) {
      if (isUnwanted(raw[i]!.toLowerCase(), raw[i + 1]!)) continue
      raw[kept] = raw[i]!
      raw[kept + 1] = raw[i + 1]!
      kept += 2
    }
    raw.length = kept
  }

  clone(): HeaderList {
    return new HeaderList(this.raw.slice())
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let i = 0; i < this.raw.length; i += 2) yield [this.raw[i]!, this.raw[i + 1]!]
  }

  toJSON(): [name: string, value: string][] {
    return [...this]
  }

  #removeFrom(start: number, lower: string): void {
    const raw = this.raw
    let kept = start
    for (let i = start; i < raw.length; i += 2) {
      if (isName(raw[i]!, lower)) continue
      if (kept !== i) {
        raw[kept] = raw[i]!
        raw[kept + 1] = raw[i + 1]!
      }
      kept += 2
    }
    raw.length = kept
  }
}

/** Compares a received name with a lower-case one; lengths differ almost always, so they are asked first. */
function isName(received: string, lower: string): boolean {
  return received.length === lower.length && (received === lower || received.toLowerCase() === lower)
}
