import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { exitCodes, type ExitCode, type Output } from '../../../base/exit.ts'
import { imagesSchema } from '../config.ts'
import { Pool } from '../engine/pool.ts'
import { DEFAULT_DERIVATIVES, type Derivative, optimiseFolder } from './optimise-folder.ts'

export interface OptimiseChoices {
  readonly out?: string
  readonly size?: readonly string[]
  readonly format: string
}

const FORMATS = ['jpeg', 'webp', 'avif'] as const
const SIZE = /^([\w-]+)=(\d{0,5})x(\d{0,5})$/

/** `edgeward images optimise DIR`: derivatives of a whole tree, with a bar, and what they save. */
export async function optimise(folder: string, choices: OptimiseChoices, output: Output): Promise<ExitCode> {
  const say = (message: string) => output.error(`edgeward images optimise: ${message}`)
  const format = FORMATS.find((each) => each === choices.format)
  if (format === undefined) {
    say(`'${choices.format}' is none of ${FORMATS.join(', ')}`)
    return exitCodes.badConfig
  }
  const derivatives: Derivative[] = []
  for (const text of choices.size ?? []) {
    const [, name = '', width = '', height = ''] = SIZE.exec(text) ?? []
    if (Number(width) === 0 && Number(height) === 0) {
      say(`'${text}' is no size: NAME=WIDTHxHEIGHT, for example hero=1600x or tile=400x400`)
      return exitCodes.badConfig
    }
    derivatives.push({
      name,
      ...(width !== '' && { width: Number(width) }),
      ...(height !== '' && { height: Number(height) }),
    })
  }
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder) {
    say(`${folder} is no folder`)
    return exitCodes.failed
  }
  const places = availableParallelism()
  await using pool = new Pool({
    clock: systemClock,
    processes: places,
    timeoutMs: 60_000,
    maxMemoryBytes: 1 << 30,
    renewAboveBytes: 1 << 29,
    niceness: 4,
    idleMs: 60_000,
    report: say,
  })
  const { limits } = imagesSchema.parse({ dialect: 'sih' })
  const bar = output.isTerminal ? drawBar : () => {}
  const result = await optimiseFolder({
    folder,
    out: choices.out ?? `${path.resolve(folder)}-optimised`,
    derivatives: derivatives.length === 0 ? DEFAULT_DERIVATIVES : derivatives,
    format,
    pool,
    places,
    limits,
    progress: bar,
  })
  const { pictures, kept, failures, bytesBefore, bytesAfter } = result
  output.out(`${pictures - failures.length} of ${pictures} pictures, ${kept} of them done before`)
  output.out(`  originals  ${inUnits(bytesBefore)}`)
  for (const [name, bytes] of bytesAfter)
    output.out(`  ${name.padEnd(9)}  ${inUnits(bytes)}, ${less(bytes, bytesBefore)}`)
  const all = [...bytesAfter.values()].reduce((sum, bytes) => sum + bytes, 0)
  output.out(`  together   ${inUnits(all)}, ${less(all, bytesBefore)}`)
  for (const { file, why } of failures) say(`${file}: ${why}`)
  return failures.length === 0 ? exitCodes.ok : exitCodes.failed
}

const BAR = 30

/** On the error stream, so that what is printed can be kept. */
function drawBar(done: number, all: number): void {
  const filled = Math.round((BAR * done) / all)
  process.stderr.write(`\r[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${done} of ${all}`)
  if (done === all) process.stderr.write('\n')
}

function inUnits(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(2)} MB`
}

function less(after: number, before: number): string {
  if (before === 0) return 'nothing to compare'
  const share = (100 * (before - after)) / before
  return share >= 0 ? `${share.toFixed(1)} % less` : `${(-share).toFixed(1)} % more`
}
