import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { Awaitable } from '../base/promise.ts'
import type { Clock } from '../base/clock.ts'

const KEEP_MS = 10_000
const MAX_NAMES = 1000

interface Known {
  readonly addresses: LookupAddress[]
  readonly until: number
}

export type SystemLookup = (name: string) => Promise<LookupAddress[]>

/**
 * Resolves origin names and remembers the answer for ten seconds: the system resolver tells no lifetime, and its
 * lookups share four threads with the file system.
 */
export class OriginNames {
  readonly #clock: Clock
  readonly #ask: SystemLookup
  readonly #known = new Map<string, Known>()
  readonly #asking = new Map<string, Promise<LookupAddress[]>>()

  constructor(clock: Clock, ask: SystemLookup = askSystem) {
    this.#clock = clock
    this.#ask = ask
  }

  /** The addresses of a name; at once for an address literal or a remembered name. Rejects when it has none. */
  resolve(name: string): Awaitable<LookupAddress[]> {
    const bare = name.startsWith('[') ? name.slice(1, -1) : name
    const family = isIP(bare)
    if (family !== 0) return [{ address: bare, family }]
    const known = this.#known.get(name)
    if (known !== undefined && known.until > this.#clock.monotonic()) return known.addresses
    let asking = this.#asking.get(name)
    if (asking === undefined) {
      asking = this.#remember(name).finally(() => this.#asking.delete(name))
      this.#asking.set(name, asking)
    }
    return asking
  }

  /** The form in which `net.connect` asks. */
  readonly lookup: LookupFunction = (name, options, answer) => {
    Promise.resolve(this.resolve(name)).then(
      (addresses) => {
        if (options.all) answer(null, addresses)
        else answer(null, addresses[0]!.address, addresses[0]!.family)
      },
      (error: NodeJS.ErrnoException) => answer(error, ''),
    )
  }

  async #remember(name: string): Promise<LookupAddress[]> {
    const addresses = await this.#ask(name)
    if (this.#known.size >= MAX_NAMES) this.#known.clear()
    this.#known.set(name, { addresses, until: this.#clock.monotonic() + KEEP_MS })
    return addresses
  }
}

function askSystem(name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(name, { all: true }, (error, addresses) => {
      if (error !== null) reject(error)
      else if (addresses.length === 0) reject(new Error(`${name} has no address`))
      else resolve(addresses)
    })
  })
}
