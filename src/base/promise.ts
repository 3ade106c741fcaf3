/** A value now, or a promise of it. Stages of the line return this, and the line never awaits a plain value. */
export type Awaitable<T> = T | Promise<T>

/** True for a promise; the line asks this instead of awaiting, so that a hit runs without a microtask. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return value instanceof Promise
}

/** Calls `next` with the value, at once when it is there, later when it is promised. */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
