import { captureGlob } from '../http/glob.ts'
import type { PlannedRewrite } from '../plan.ts'

/** How a behavior changes paths on their way to the origin, as configured. */
export interface RewriteConfig {
  readonly stripPrefix?: string | undefined
  readonly rewrite?: readonly { readonly from: string; readonly to: string }[] | undefined
  readonly mapBack?: boolean | undefined
}

interface Rule {
  readonly from: string
  /** Text at even places, the index of a capture at odd ones. */
  readonly pieces: readonly (string | number)[]
}

/** Compiles stripPrefix and rewrite of a behavior; undefined when it has neither. */
export function compileRewrite(config: RewriteConfig): PlannedRewrite | undefined {
  const { stripPrefix } = config
  const rules = (config.rewrite ?? []).map(({ from, to }): Rule => ({ from, pieces: piecesOf(to) }))
  if (stripPrefix === undefined && rules.length === 0) return undefined
  return {
    toOrigin: (path) => applyRules(rules, stripPrefix === undefined ? path : strip(path, stripPrefix)),
    prefix: stripPrefix,
    mapBack: stripPrefix !== undefined && config.mapBack !== false,
  }
}

/** `/hotels` off `/hotels/rooms` and `/hotels`, but not off `/hotelsandmore`; what is left of nothing is `/`. */
function strip(path: string, prefix: string): string {
  if (!path.startsWith(prefix)) return path
  if (path.length === prefix.length) return '/'
  return path[prefix.length] === '/' ? path.slice(prefix.length) : path
}

function applyRules(rules: readonly Rule[], path: string): string {
  for (const { from, pieces } of rules) {
    const captured = captureGlob(from, path)
    if (captured === null) continue
    let rewritten = ''
    for (const piece of pieces) rewritten += typeof piece === 'string' ? piece : (captured[piece] ?? '')
    return rewritten
  }
  return path
}

function piecesOf(to: string): (string | number)[] {
  return to.split(/\$(\d)/).map((piece, index) => (index % 2 === 0 ? piece : Number(piece) - 1))
}
