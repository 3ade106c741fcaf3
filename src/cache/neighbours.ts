import { keyParts } from './key.ts'

const MOST_PATHS = 4096
const KEYS_PER_PATH = 4

/**
 * Remembers the newest keys stored of a path, to say in what the key of a miss differs from what is there. Bounded: the
 * paths that were stored first are forgotten first.
 */
export class Neighbours {
  readonly #byPath = new Map<string, string[]>()

  /** Paths remembered. */
  get size(): number {
    return this.#byPath.size
  }

  note(key: string): void {
    const path = pathOf(key)
    let keys = this.#byPath.get(path)
    if (keys === undefined) {
      this.#byPath.set(path, (keys = []))
      if (this.#byPath.size > MOST_PATHS) this.#byPath.delete(this.#byPath.keys().next().value!)
    }
    if (keys.includes(key)) return
    keys.unshift(key)
    if (keys.length > KEYS_PER_PATH) keys.pop()
  }

  /** Names of the parts in which a key differs from the nearest one stored; undefined when there is none. */
  difference(key: string): string | undefined {
    const keys = this.#byPath.get(pathOf(key))
    if (keys === undefined) return undefined
    let nearest: string[] | undefined
    for (const each of keys) {
      const differing = differingParts(key, each)
      if (differing.length === 0) continue
      if (nearest === undefined || differing.length < nearest.length) nearest = differing
    }
    return nearest?.join(', ')
  }
}

/** Distribution and path, without the query string. */
function pathOf(key: string): string {
  const line = key.indexOf('\n')
  const mark = key.indexOf('?')
  const end = mark !== -1 && (line === -1 || mark < line) ? mark : line
  return end === -1 ? key : key.slice(0, end)
}

function differingParts(one: string, other: string): string[] {
  const ones = keyParts(one)
  const others = keyParts(other)
  return [...new Set([...Object.keys(ones), ...Object.keys(others)])].filter(
    (part) => ones[part] !== others[part],
  )
}
