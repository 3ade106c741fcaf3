import { isAnySelected, type NameSelector } from '../../../http/name-selector.ts'

/** One answer while it is being made. */
export interface Making {
  /** Of what it is made, as the tags of its answer. */
  readonly tags: readonly string[]
  /** Something of it was invalidated meanwhile: it is answered with, but not kept. */
  readonly isVoid: boolean
}

/** What is being made at this moment, so that nothing is kept that was made of what has been invalidated meanwhile. */
export class Makings {
  readonly #all = new Set<{ readonly tags: readonly string[]; isVoid: boolean; onVoid?: () => void }>()
  #generation = 0

  /** Another number after each invalidation: what was begun under another one is not shared with those who come later. */
  get generation(): number {
    return this.#generation
  }

  /** To be called before a source is asked; `onVoid` is called at most once, and not after the end. */
  begin(tags: readonly string[], onVoid?: () => void): Making {
    const making = { tags, isVoid: false, ...(onVoid !== undefined && { onVoid }) }
    this.#all.add(making)
    return making
  }

  end(making: Making): void {
    this.#all.delete(making)
  }

  /** Somebody says that something has changed: nothing that was fetched before is shared any more. */
  startNext(): void {
    this.#generation++
  }

  invalidate(selected: NameSelector): void {
    this.#generation++
    for (const making of this.#all) {
      if (making.isVoid || !isAnySelected(selected, making.tags)) continue
      making.isVoid = true
      making.onVoid?.()
    }
  }
}
