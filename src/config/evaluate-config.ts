import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { ConfigLoadError } from './config-load-error.ts'
import { describeCrash } from './describe-crash.ts'
import type { Evaluation } from './evaluator.ts'

/** What a configuration in TypeScript or JavaScript came to. */
export interface EvaluatedConfig {
  readonly config: unknown
  /** The file itself and every local module it imports. */
  readonly files: readonly string[]
}

const MAX_RESULT_BYTES = 64 * 1024 * 1024
const MAX_OUTPUT_BYTES = 1024 * 1024
const PIPES_GRACE_MS = 500

// The published package holds JavaScript, a checkout TypeScript.
const EVALUATOR = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './evaluator.ts' : './evaluator.js', import.meta.url),
)

/**
 * Evaluates a configuration file in a process of its own, because modules cannot be loaded a second time in this one
 * and code of users must not run beside the traffic. The process is killed at the time limit. Throws a
 * `ConfigLoadError` with the user's file and line.
 */
export async function evaluateConfig(
  file: string,
  name: string,
  timeLimitMs: number,
  onOutput: (text: string) => void,
): Promise<EvaluatedConfig> {
  const quiet = ['--disable-warning=ExperimentalWarning', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON']
  const child = spawn(process.execPath, [...quiet, EVALUATOR, file], {
    cwd: dirname(file),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, timeLimitMs)
  // What the configuration itself started may hold the pipes open for ever.
  child.on('exit', () => {
    setTimeout(() => {
      for (const stream of child.stdio) stream?.destroy()
    }, PIPES_GRACE_MS).unref()
  })
  try {
    // All three were made pipes by `stdio` above.
    const [, stdout, stderr, descriptor3] = child.stdio as readonly (Readable | null)[]
    const [, output, complaint, result] = await Promise.all([
      once(child, 'exit'),
      readUpTo(stdout!, MAX_OUTPUT_BYTES),
      readUpTo(stderr!, MAX_OUTPUT_BYTES),
      readUpTo(descriptor3!, MAX_RESULT_BYTES),
    ])
    if (output !== '') onOutput(output)
    if (isLate) {
      throw new ConfigLoadError(
        `${name} was not done after ${timeLimitMs / 1000} s and was stopped; look for a loop or an await without end`,
      )
    }
    if (result === '') throw new ConfigLoadError(describeCrash(complaint, file, name, EVALUATOR))
    if (complaint !== '') onOutput(complaint)
    // Written by evaluator.ts as an Evaluation.
    const evaluation = JSON.parse(result) as Evaluation
    if (evaluation.kind === 'refused')
      throw new ConfigLoadError(`${name}: ${evaluation.problems.join(`\n${name}: `)}`)
    return { config: evaluation.config, files: evaluation.files }
  } catch (error) {
    if (error instanceof ConfigLoadError) throw error
    throw new ConfigLoadError(
      `${name} could not be evaluated: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}

/**
 * All of a stream as text; what is beyond the bound is dropped, so that a child that prints for ever costs nothing.
 * Resolves when the stream is closed, from whichever end.
 */
async function readUpTo(stream: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    if (bytes + chunk.length <= maxBytes) chunks.push(chunk)
    bytes += chunk.length
  })
  await once(stream, 'close')
  return Buffer.concat(chunks).toString('utf8')
}
