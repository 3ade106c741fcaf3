import { type Command, InvalidArgumentError } from 'commander'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { exitCodes, type ExitCode, type Output } from '../../base/exit.ts'
import type { CliKit } from '../module.ts'
import { imagesSchema } from './config.ts'
import { createDetector } from './detector.ts'
import { acceptEdits, isRecord } from './engine/edits.ts'
import { Pool } from './engine/pool.ts'
import { ImageError } from './image-error.ts'
import { readThumborPath } from './sih/thumbor-path.ts'
import { optimise, type OptimiseChoices } from './optimise/optimise-command.ts'
import type { Edit } from './task.ts'
import { report, retry, watch } from './watch/watch-commands.ts'
import { addPurgeCommand } from './variants/purge-command.ts'

/** `edgeward images try FILE EDITS`: renders one picture with the engine of the edge and says what it cost. */
export function addCommands(cli: CliKit): void {
  const { output } = cli
  const images = cli.program
    .command('images')
    .description(
      'images on the fly: try edits on a file, optimise a folder or uploads, purge stored variants',
    )
  images
    .command('try')
    .description('apply edits to a picture, write the result, and print time, bytes and format')
    .argument('<file>', 'the picture')
    .argument(
      '<edits>',
      'JSON as in base64 requests, \'{"resize":{"width":300}}\', or a Thumbor path without a key, fit-in/300x200/filters:blur(2)',
    )
    .option('-o, --out <file>', 'where the result goes; FILE.try.FORMAT of this folder unless given')
    .action(async (file: string, edits: string, options: { out?: string }) => {
      cli.exit(await tryEdits(file, edits, options.out, output))
    })
  const optimiseCommand = images
    .command('optimise')
    .description(
      'make small derivatives of every picture below a folder, and say what they save; goes on where it was broken off',
    )
  addWish(optimiseCommand).action(async (folder: string, choices: OptimiseChoices) => {
    cli.exit(await optimise(folder, choices, output))
  })
  const watchCommand = images
    .command('watch')
    .description('do the same for whatever is put into a folder, until Ctrl-C; no edge is needed')
  addWish(watchCommand).action(async (folder: string, choices: OptimiseChoices) => {
    cli.exit(await watch(folder, choices, output))
  })
  images
    .command('report')
    .description('show what the upload optimisers of the running edge have done, saved and could not do')
    .argument('[name]', 'one of `images.optimise`; all when left out')
    .option('-c, --config <file>', 'configuration file')
    .action(async (name: string | undefined, { config }: { config?: string }) => {
      cli.exit(await report(cli, name, config))
    })
  images
    .command('retry')
    .description('try failed and rejected pictures once more')
    .argument('<name>', 'one of `images.optimise`')
    .argument('[key]', 'one picture; all when left out')
    .option('-c, --config <file>', 'configuration file')
    .action(async (name: string, key: string | undefined, { config }: { config?: string }) => {
      cli.exit(await retry(cli, name, key, config))
    })
  addPurgeCommand(images, cli)
}

/** What both have that make derivatives of a folder. */
function addWish(command: Command): Command {
  return command
    .argument('<folder>', 'the originals')
    .option('-o, --out <folder>', 'where the results go; FOLDER-optimised unless given')
    .option('-s, --size <size...>', 'NAME=WIDTHxHEIGHT; tile=400x400 and scaled=600x unless given')
    .option('-f, --format <format...>', 'avif, webp, jpeg; avif and jpeg unless given')
    .option(
      '--exif [all]',
      'NAME-exif.json says what the camera wrote; `all`: also where and by whose device',
      exifChoice,
    )
    .option(
      '--deleted <keep|remove>',
      'what becomes of the results of originals that are gone; keep unless given',
    )
}

function exifChoice(text: string): 'all' {
  if (text === 'all') return text
  throw new InvalidArgumentError('Write --exif behind the folder, or --exif=all.')
}

async function tryEdits(
  file: string,
  text: string,
  out: string | undefined,
  output: Output,
): Promise<ExitCode> {
  let edits: readonly Edit[]
  try {
    edits = readEdits(text)
  } catch (error) {
    output.error(`edgeward images try: ${(error as Error).message}`)
    return exitCodes.badConfig
  }
  const source = await readFile(file).catch((error: NodeJS.ErrnoException) => error)
  if (source instanceof Error) {
    output.error(`edgeward images try: ${file} cannot be read (${source.code ?? source.message})`)
    return exitCodes.failed
  }
  // Whoever tries something runs it on his own machine, with the limits a behavior has by default.
  const { limits } = imagesSchema.parse({ dialect: 'sih' })
  await using pool = new Pool({
    clock: systemClock,
    processes: 1,
    timeoutMs: 60_000,
    maxMemoryBytes: 1 << 30,
    renewAboveBytes: 1 << 30,
    niceness: 0,
    idleMs: 60_000,
    report: (message) => output.error(message),
  })
  const jobFor = () => ({
    edits: acceptEdits(edits, limits).map(({ name, value }) => ({ name, value })),
    format: undefined,
    options: {},
    isAnimatedByDefault: source.subarray(0, 3).toString('latin1') === 'GIF',
    metadata: 'keep' as const,
    limits,
    isStrict: false,
    faces: 'attention' as const,
    timeoutSeconds: 60,
  })
  try {
    const job = jobFor()
    const never = new AbortController().signal
    const ask = createDetector(undefined)
    const first = performance.now()
    const { rendered, bytes } = await pool.run(job, [source], ask, never)
    const second = performance.now()
    // Once more, without the start of the process.
    await pool.run(job, [source], ask, never)
    const done = performance.now()
    const target = out ?? `${basename(file, extname(file))}.try.${rendered.format}`
    await writeFile(target, bytes)
    for (const { name, value, from } of edits)
      output.out(`  ${name} ${JSON.stringify(value) ?? ''}  (${from})`)
    const frames = rendered.frames > 1 ? `, ${rendered.frames} frames` : ''
    output.out(`${target}: ${rendered.format}, ${rendered.width} x ${rendered.height}${frames}`)
    output.out(
      `${bytes.length} bytes, ${percent(bytes.length, source.length)} of the ${source.length} bytes of ${file}`,
    )
    output.out(
      `${(done - second).toFixed(1)} ms (${(second - first).toFixed(0)} ms with the start of the process)`,
    )
    return exitCodes.ok
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    const detail = error.cause instanceof Error ? ` (${error.cause.message})` : ''
    output.error(`edgeward images try: ${error.status} ${error.code}: ${error.message}${detail}`)
    return exitCodes.failed
  }
}

/** JSON, or the options of a Thumbor path. Throws with a sentence. */
function readEdits(text: string): readonly Edit[] {
  if (!text.trimStart().startsWith('{')) {
    const path = `/${text.replace(/^\/+|\/+$/g, '')}/picture`
    const read = readThumborPath(path, { buckets: new Set(), isStrict: false })
    if (read.key !== 'picture')
      throw new Error(`'${read.key.replace(/\/?picture$/, '')}' is no option of a Thumbor path`)
    return read.edits
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new Error(`the edits are not valid JSON: ${(error as Error).message}`, { cause: error })
  }
  const edits = isRecord(json) && isRecord(json['edits']) ? json['edits'] : json
  return Object.entries(isRecord(edits) ? edits : {}).map(([name, value]) => ({ name, value, from: 'JSON' }))
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`
}
