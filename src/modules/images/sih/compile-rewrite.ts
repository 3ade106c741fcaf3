import { type Context, createContext, Script } from 'node:vm'
import { ImageError } from '../image-error.ts'

/** Makes a Thumbor path of any path. Throws ImageError. */
export type Rewrite = (path: string) => string

/** No path of a picture is longer, and what a pattern may cost grows with it. */
const MAX_LENGTH = 2_048
const MAX_MS = 100
const REPLACE = new Script('path.replace(match, substitution)')

/**
 * A rewrite as the settings have it: `/pattern/flags`, or a bare pattern. Throws SyntaxError when it is none. Patterns are
 * those of JavaScript, which may backtrack for years, so each run has a time limit; it is run for misses alone.
 */
export function compileRewrite(match: string, substitution: string): Rewrite {
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(match)
  // Without `y` a pattern keeps no place between requests; `d` would keep V8 from its linear engine.
  const flags = (parts?.[2] ?? '').replace(/[^gimsuv]/g, '')
  const globals: Record<string, unknown> = { match: new RegExp(parts?.[1] ?? match, flags), substitution }
  let context: Context | undefined
  return (path) => {
    if (path.length > MAX_LENGTH)
      throw new ImageError(
        400,
        'RequestTypeError',
        `A path that is rewritten has at most ${MAX_LENGTH} characters.`,
      )
    context ??= createContext(globals)
    globals['path'] = path
    try {
      return String(REPLACE.runInContext(context, { timeout: MAX_MS }))
    } catch (error) {
      throw new ImageError(500, 'ProcessingFailure', 'The path could not be rewritten in time.', {
        cause: error,
      })
    }
  }
}
