/** One member of a collection, for example one argument. Texts are latin1. */
export interface Entry {
  /** In lower case, as keys are compared. */
  readonly key: string
  /** As received, for logs. */
  readonly name: string
  readonly value: string
}

export const NO_ENTRIES: readonly Entry[] = []
