import { type AddressMatcher, compileCidrs } from '../http/address.ts'
import type { Handle } from '../plan.ts'
import type { IpSet } from '../seams/state/state.ts'
import type { PlannedIpSet } from './plan.ts'

/** An IP set as rules read it: compiled once per version, and compiled anew by the first request after an update. */
export class LiveIpSet {
  readonly #handle: Handle<IpSet | undefined> | undefined
  readonly #configured: AddressMatcher
  #version: IpSet | undefined = undefined
  #matcher: AddressMatcher

  constructor(planned: PlannedIpSet, handle: Handle<IpSet | undefined> | undefined) {
    this.#handle = handle
    this.#configured = compileCidrs(planned.addresses)
    this.#matcher = this.#configured
  }

  /** The matcher of this moment: the set of the state seam, or the configured addresses while there is none. */
  get current(): AddressMatcher {
    const version = this.#handle?.current
    if (version !== this.#version) {
      this.#version = version
      this.#matcher = version === undefined ? this.#configured : compileCidrs(version.addresses)
    }
    return this.#matcher
  }
}
