import { randomUUID } from 'node:crypto'
import type { Selection } from '../cache/store/store.ts'
import type { OtherProcesses } from '../edge.ts'

/** What processes that share the ports tell each other, through their parent. */
export type InvalidationMessage =
  | {
      readonly kind: 'invalidate'
      readonly id: string
      readonly selection: Selection
      readonly soft: boolean
    }
  /** The largest number of entries one of them had. */
  | { readonly kind: 'invalidated'; readonly id: string; readonly entries: number }

/** A process as the parent sees it. */
export interface Peer {
  readonly id: number
  send(message: InvalidationMessage): void
}

const ANSWER_MS = 10_000

/** In the parent: hands what one process says to all others, and brings back when the last has done it. */
export class InvalidationRelay {
  readonly #peers: () => readonly Peer[]
  readonly #open = new Map<string, { readonly asker: Peer; readonly waiting: Set<number>; entries: number }>()

  constructor(peers: () => readonly Peer[]) {
    this.#peers = peers
  }

  take(from: Peer, message: InvalidationMessage): void {
    if (message.kind === 'invalidated') {
      const asked = this.#open.get(message.id)
      if (asked !== undefined) asked.entries = Math.max(asked.entries, message.entries)
      this.#answered(message.id, from.id)
      return
    }
    const others = this.#peers().filter(({ id }) => id !== from.id)
    this.#open.set(message.id, { asker: from, waiting: new Set(others.map(({ id }) => id)), entries: 0 })
    for (const other of others) other.send(message)
    this.#answered(message.id, from.id)
  }

  /** A process has ended: it holds nothing any more, and nobody waits for it. */
  left(id: number): void {
    for (const open of this.#open.keys()) this.#answered(open, id)
  }

  #answered(id: string, peer: number): void {
    const asked = this.#open.get(id)
    if (asked === undefined) return
    asked.waiting.delete(peer)
    if (asked.waiting.size > 0) return
    this.#open.delete(id)
    asked.asker.send({ kind: 'invalidated', id, entries: asked.entries })
  }
}

/** In a server process: asks the others, and does what they ask. */
export class SharedInvalidations implements OtherProcesses {
  readonly #send: (message: InvalidationMessage) => void
  readonly #waiting = new Map<string, (entries: number) => void>()
  readonly #answerMs: number

  constructor(send: (message: InvalidationMessage) => void, answerMs = ANSWER_MS) {
    this.#send = send
    this.#answerMs = answerMs
  }

  async invalidate(selection: Selection, { soft }: { readonly soft: boolean }): Promise<number> {
    const id = randomUUID()
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#waiting.set(id, resolve)
    const timer = setTimeout(
      () =>
        reject(
          new Error(
            `not all server processes have confirmed the invalidation within ${this.#answerMs / 1000} s; it holds in this one`,
          ),
        ),
      this.#answerMs,
    )
    try {
      this.#send({ kind: 'invalidate', id, selection, soft })
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  /** A message of the parent; `apply` invalidates in this process alone. */
  async take(
    message: InvalidationMessage,
    apply: (selection: Selection, how: { readonly soft: boolean }) => number | Promise<number>,
  ): Promise<void> {
    if (message.kind === 'invalidated') {
      this.#waiting.get(message.id)?.(message.entries)
      return
    }
    const { id, selection, soft } = message
    this.#send({ kind: 'invalidated', id, entries: await apply(selection, { soft }) })
  }
}
