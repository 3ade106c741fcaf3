import { inspect } from 'node:util'

/**
 * A value that must not be shown: it prints as `[secret]` in logs, JSON, errors and the debugger.
 * `reveal()` is called in one place only, where the value leaves for its destination.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
