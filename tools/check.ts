/**
 * `npm run check`: types, lint, format, layers and the parity of tables with their documents, in seconds.
 * Prints one line per step, and of a step that fails what it said. Exits 1 when one failed.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'

interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

const root = path.join(import.meta.dirname, '..')
const parityTests = globSync('{src,test,examples}/**/{parity,*.parity}.test.ts', { cwd: root })

const steps: Step[] = [
  { name: 'types', command: [bin('tsc'), '-p', '.'] },
  { name: 'lint', command: [bin('oxlint'), '--type-aware', '--deny-warnings', '.'] },
  { name: 'format', command: [bin('oxfmt'), '--check', '.'] },
  { name: 'layers', command: [process.execPath, '--test', 'test/layers.test.ts'] },
]
if (parityTests.length > 0) {
  steps.push({ name: 'parity', command: [process.execPath, '--test', ...parityTests] })
}

const started = performance.now()
const waiting = [...steps]
const failed: string[] = []
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work))
console.log(
  failed.length === 0
    ? `check passed in ${sinceMs(started)} ms`
    : `check failed in ${sinceMs(started)} ms: ${failed.join(', ')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1

async function work(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const stepStarted = performance.now()
    const { passed, output } = await run(step)
    console.log(
      `${passed ? 'ok  ' : 'FAIL'} ${step.name.padEnd(7)} ${String(sinceMs(stepStarted)).padStart(6)} ms`,
    )
    if (passed) continue
    failed.push(step.name)
    console.log(`${output.trimEnd()}\n`)
  }
}

function run({ command: [file, ...args] }: Step): Promise<{ passed: boolean; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', (error) =>
      resolve({ passed: false, output: `${file} did not start: ${error.message}; run npm ci` }),
    )
    child.on('close', (code) => resolve({ passed: code === 0, output }))
  })
}

function bin(name: string): string {
  return path.join(root, 'node_modules', '.bin', name)
}

function sinceMs(start: number): number {
  return Math.round(performance.now() - start)
}
