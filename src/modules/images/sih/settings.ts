import type { Secret } from '../../../base/secret.ts'
import type { Rewrite } from './compile-rewrite.ts'

/** What the dialect needs of the configuration; the names of the original settings are in the comments. */
export interface SihSettings {
  /** AUTO_WEBP, and more: formats to choose by Accept, best first. */
  readonly autoFormats: readonly ('avif' | 'webp')[]
  /** REWRITE_MATCH_PATTERN and REWRITE_SUBSTITUTION. */
  readonly rewrite: Rewrite | undefined
  /** ENABLE_SIGNATURE: the keys that count at this moment, newest first; undefined is off. */
  readonly signingKeys: (() => readonly Secret[]) | undefined
  /** CORS_ORIGIN where CORS_ENABLED. */
  readonly corsOrigin: string | undefined
  /** Quirks that are mended otherwise. */
  readonly isStrict: boolean
  /** SOURCE_BUCKETS, in order: names that a path may choose with `s3:name`. */
  readonly buckets: ReadonlySet<string>
}
