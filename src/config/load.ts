import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { ConfigLoadError } from './config-load-error.ts'
import { evaluateConfig } from './evaluate-config.ts'
import { parseJson, parseYaml } from './parse-text.ts'

export { ConfigLoadError } from './config-load-error.ts'

/** Names that are looked for when none is given, in this order. */
export const DEFAULT_NAMES = [
  'edgeward.config.ts',
  'edgeward.config.js',
  'edgeward.config.mjs',
  'edgeward.config.json',
  'edgeward.config.yaml',
  'edgeward.config.yml',
] as const

/** A configuration as it was written, before any check. */
export interface LoadedConfig {
  readonly config: unknown
  /** Absolute; files that the configuration names are relative to it. */
  readonly baseFolder: string
  /** Absolute names of the files it was made of: a change of one is worth a reload. */
  readonly files: readonly string[]
  /** How messages call it. */
  readonly name: string
  /** What stood on standard input, which cannot be read twice; undefined for files. */
  readonly text: string | undefined
}

export interface LoadOptions {
  /** The text that stood on standard input, if it was read before; used when the source is `-`. */
  readonly text?: string | undefined
  readonly stdin?: Readable
  /** Where relative sources and the default names are looked for. */
  readonly folder?: string
  /** How long a configuration in TypeScript or JavaScript may take. */
  readonly timeLimitMs?: number
  /** Receives what such a configuration prints; standard error if left out, because standard output is ours. */
  readonly onOutput?: (text: string) => void
}

const MAX_STDIN_BYTES = 16 * 1024 * 1024
const DEFAULT_TIME_LIMIT_MS = 30_000

/**
 * Loads a configuration: a `.ts`, `.js` or `.mjs` file (evaluated in a process of its own), `.json`, `.yaml`, a folder
 * that holds one, `-` for JSON on standard input, or, without a source, the first of `DEFAULT_NAMES` in the folder.
 * Throws a `ConfigLoadError` whose message is meant for the user.
 */
export async function loadConfig(
  source: string | undefined,
  options: LoadOptions = {},
): Promise<LoadedConfig> {
  const folder = resolve(options.folder ?? process.cwd())
  if (source === '-') {
    const text = options.text ?? (await readAll(options.stdin ?? process.stdin))
    return {
      config: parseJson(text, 'standard input'),
      baseFolder: folder,
      files: [],
      name: 'standard input',
      text,
    }
  }
  const file =
    source === undefined ? await findDefault(folder, folder) : await findFile(resolve(folder, source), folder)
  const name = relative(folder, file) === '' ? basename(file) : shorter(relative(folder, file), file)
  const found = { baseFolder: dirname(file), name, text: undefined }
  switch (extname(file)) {
    case '.ts':
    case '.mts':
    case '.js':
    case '.mjs': {
      const onOutput = options.onOutput ?? ((text: string) => process.stderr.write(text))
      const { config, files } = await evaluateConfig(
        file,
        name,
        options.timeLimitMs ?? DEFAULT_TIME_LIMIT_MS,
        onOutput,
      )
      return { ...found, config, files }
    }
    case '.json':
      return { ...found, config: parseJson(await read(file, name), name), files: [file] }
    case '.yaml':
    case '.yml':
      return { ...found, config: await parseYaml(await read(file, name), name), files: [file] }
    default:
      throw new ConfigLoadError(
        `${name} has an ending that says nothing about its form; expected .ts, .js, .mjs, .json, .yaml or .yml`,
      )
  }
}

async function findFile(path: string, folder: string): Promise<string> {
  const name = shorter(relative(folder, path), path)
  try {
    return (await stat(path)).isDirectory() ? await findDefault(path, folder) : path
  } catch (error) {
    if (error instanceof ConfigLoadError) throw error
    throw new ConfigLoadError(`${name} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

async function findDefault(inFolder: string, folder: string): Promise<string> {
  for (const name of DEFAULT_NAMES) {
    const file = join(inFolder, name)
    try {
      if ((await stat(file)).isFile()) return file
    } catch (error) {
      if (codeOf(error) !== 'ENOENT')
        throw new ConfigLoadError(`${file} cannot be read: ${reasonOf(error)}`, { cause: error })
    }
  }
  const where = inFolder === folder ? 'this folder' : shorter(relative(folder, inFolder), inFolder)
  throw new ConfigLoadError(
    `there is no configuration in ${where}; looked for ${DEFAULT_NAMES.join(', ')}.\n` +
      'Name one (edgeward start my.config.ts), or write a first one with edgeward init.',
  )
}

async function read(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new ConfigLoadError(`${name} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of stream) {
      const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
      bytes += buffer.length
      if (bytes > MAX_STDIN_BYTES)
        throw new ConfigLoadError('the configuration on standard input is larger than 16 MB')
      chunks.push(buffer)
    }
  } catch (error) {
    if (error instanceof ConfigLoadError) throw error
    throw new ConfigLoadError(`standard input cannot be read: ${reasonOf(error)}`, { cause: error })
  }
  return Buffer.concat(chunks).toString('utf8')
}

function shorter(relativePath: string, path: string): string {
  return relativePath.startsWith('..') ? path : relativePath
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'it does not exist'
    case 'EACCES':
      return 'permission is denied'
    case 'EISDIR':
      return 'it is a folder'
    default:
      return error instanceof Error ? error.message : String(error)
  }
}
