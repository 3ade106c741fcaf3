/** A key-value store at one moment. */
export interface KeyValueSnapshot {
  readonly items: ReadonlyMap<string, string>
  /** Bytes of all keys and values together. */
  readonly bytes: number
  /** Changes with every change of the content. */
  readonly etag: string
  /** ISO 8601. */
  readonly creationDateTime: string
  /** ISO 8601. */
  readonly lastUpdatedDateTime: string
}

/** What functions need of a store: read `current` once per run and keep what it gave. */
export interface KeyValueSource {
  readonly name: string
  readonly current: KeyValueSnapshot
}
