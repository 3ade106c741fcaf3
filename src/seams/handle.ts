import { asError } from './seam-error.ts'
import type { Report } from './seam-error.ts'

/**
 * Something that changes without a new plan. `current` is immutable and read synchronously, once per request;
 * `subscribe` is for whoever compiles something from it. Returns the function that ends the subscription.
 */
export interface Handle<T> {
  readonly current: T
  subscribe(listener: (value: T) => void): () => void
}

/** The owner's side of a Handle: the store sets, everyone else reads. */
export class HandleSource<T> implements Handle<T> {
  #current: T
  readonly #listeners = new Set<(value: T) => void>()
  readonly #report: Report

  constructor(initial: T, report: Report) {
    this.#current = initial
    this.#report = report
  }

  get current(): T {
    return this.#current
  }

  /** Replaces the value and tells the subscribers; one that throws is reported and does not stop the others. */
  set(value: T): void {
    this.#current = value
    for (const listener of this.#listeners) {
      try {
        listener(value)
      } catch (error) {
        this.#report(asError(error))
      }
    }
  }

  subscribe(listener: (value: T) => void): () => void {
    // A wrapper of its own, so that the same function subscribed twice is two subscriptions.
    const entry = (value: T): void => listener(value)
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }
}
