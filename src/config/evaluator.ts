/*
 * Runs in a process of its own: `node evaluator.ts FILE` imports a configuration and writes what it exports to file
 * descriptor 3 as JSON. Errors of the user's code are left to Node, which prints them with file and line.
 */
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findNonPlainData } from './plain-data.ts'

/** What this process tells its parent. */
export type Evaluation =
  | { readonly kind: 'evaluated'; readonly config: unknown; readonly files: readonly string[] }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

const RESULT_DESCRIPTOR = 3

const file = process.argv[2] ?? ''
// The published package holds JavaScript, a checkout TypeScript.
const own = new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js', import.meta.url).href
const files = new Set([file])

registerHooks({
  resolve(specifier, context, nextResolve) {
    // Whoever evaluates is the edgeward that runs it, also where none is installed next to the configuration.
    if (specifier === 'edgeward') return { url: own, shortCircuit: true }
    const resolved = nextResolve(specifier, context)
    const isLocal = resolved.url.startsWith('file:') && !resolved.url.includes('/node_modules/')
    if (isLocal && context.parentURL !== import.meta.url) files.add(fileURLToPath(resolved.url))
    return resolved
  },
})

const loaded: Record<string, unknown> = await import(pathToFileURL(file).href)
tell(evaluate(loaded))
// Timers and sockets that the configuration left open do not matter any more.
process.exit(0)

function evaluate(exports: Record<string, unknown>): Evaluation {
  if (!('default' in exports)) {
    const names = Object.keys(exports)
    const found = names.length === 0 ? 'it exports nothing' : `it exports only ${names.join(', ')}`
    return {
      kind: 'refused',
      problems: [`has no default export: ${found}; write "export default defineEdge({ … })"`],
    }
  }
  const problems = findNonPlainData(exports['default'])
  if (problems.length > 0) return { kind: 'refused', problems }
  return { kind: 'evaluated', config: exports['default'], files: [...files] }
}

function tell(evaluation: Evaluation): void {
  writeFileSync(RESULT_DESCRIPTOR, JSON.stringify(evaluation))
}
