import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { exitCodes, type ExitCode, type Output } from '../../../base/exit.ts'
import { imagesSchema } from '../config.ts'
import { Pool } from '../engine/pool.ts'
import { optimiseFolder } from './optimise-folder.ts'
import { DEFAULT_FORMATS, DEFAULT_SIZES, type Format, FORMATS, type Size, type Wish, wishOf } from './wish.ts'

export interface OptimiseChoices {
  readonly out?: string
  readonly size?: readonly string[]
  readonly format?: readonly string[]
  /** True where nothing follows. */
  readonly exif?: 'all' | true
  readonly deleted?: string
}

const DELETED = ['keep', 'remove'] as const

const SIZE = /^([\w-]+)=(\d{0,5})x(\d{0,5})$/

/** `edgeward images optimise DIR`: derivatives of a whole tree, with a bar, and what they save. */
export async function optimise(folder: string, choices: OptimiseChoices, output: Output): Promise<ExitCode> {
  const say = (message: string) => output.error(`edgeward images optimise: ${message}`)
  const wish = readWish(choices)
  if (typeof wish === 'string') {
    say(wish)
    return exitCodes.badConfig
  }
  const deleted = readDeleted(choices)
  if (deleted === undefined) {
    say(notDeleted(choices))
    return exitCodes.badConfig
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
    wish,
    pool,
    places,
    limits,
    maxSourceBytes: limits.maxSourceBytes,
    progress: bar,
    deleted,
  })
  const { pictures, failures, tally, removed } = result
  output.out(`${tally.made + tally.kept} of ${pictures} pictures, ${tally.kept} of them done before`)
  if (removed > 0) output.out(`${removed} removed with their originals`)
  for (const line of tally.lines()) output.out(line)
  for (const { file, why } of failures) say(`${file}: ${why}`)
  return failures.length === 0 ? exitCodes.ok : exitCodes.failed
}

/** What the options ask for, or a sentence about what is wrong with them. */
export function readWish({
  size = [],
  format = [],
  exif,
}: Pick<OptimiseChoices, 'size' | 'format' | 'exif'>): Wish | string {
  const formats: Format[] = []
  for (const text of format) {
    const found = FORMATS.find((each) => each === text)
    if (found === undefined) return `'${text}' is none of ${FORMATS.join(', ')}`
    formats.push(found)
  }
  const sizes: Size[] = []
  for (const text of size) {
    const [, name = '', width = '', height = ''] = SIZE.exec(text) ?? []
    if (Number(width) === 0 && Number(height) === 0)
      return `'${text}' is no size: NAME=WIDTHxHEIGHT, for example hero=1600x or tile=400x400`
    if (sizes.some((each) => each.name === name)) return `there are two sizes called ${name}`
    sizes.push({
      name,
      ...(width !== '' && { width: Number(width) }),
      ...(height !== '' && { height: Number(height) }),
    })
  }
  return wishOf(
    sizes.length === 0 ? DEFAULT_SIZES : sizes,
    formats.length === 0 ? DEFAULT_FORMATS : formats,
    {},
    exif,
  )
}

export function notDeleted({ deleted }: OptimiseChoices): string {
  return `'${deleted}' is no way with deleted originals: ${DELETED.join(' or ')}`
}

/** Undefined for what is neither. */
export function readDeleted({ deleted = 'keep' }: OptimiseChoices): (typeof DELETED)[number] | undefined {
  return DELETED.find((each) => each === deleted)
}

const BAR = 30

/** On the error stream, so that what is printed can be kept. */
function drawBar(done: number, all: number): void {
  const filled = Math.round((BAR * done) / all)
  process.stderr.write(`\r[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${done} of ${all}`)
  if (done === all) process.stderr.write('\n')
}
