import { statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import type { PlannedLambda } from '../../planned-functions.ts'
import type { Bundler } from './bundle.ts'
import type { PreparedFunction } from './pool.ts'
import { FUNCTION_VERSION, LOG_STREAM, logGroupOf } from './worker-context.ts'

const NATIVE = new Set(['.js', '.mjs', '.cjs'])
const TYPED = new Set(['.ts', '.mts', '.cts', '.tsx'])
const SEARCHED = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']

/** Where a handler is: its module and the path inside the exports. */
export interface LocatedHandler {
  readonly file: string
  readonly exportPath: readonly string[]
}

/**
 * Finds the module of a handler. Throws a sentence that says what is missing or why it cannot run here, for example
 * because it is written in Python.
 */
export function locateHandler({ file, handler }: Pick<PlannedLambda, 'file' | 'handler'>): LocatedHandler {
  const dot = handler.indexOf('.', handler.lastIndexOf('/') + 1)
  if (dot <= 0 || dot === handler.length - 1) {
    throw new Error(`the handler "${handler}" must be a file and an export, for example "index.handler"`)
  }
  const exportPath = handler.slice(dot + 1).split('.')
  if (extname(file) === '.py' || handler.endsWith('.lambda_handler')) {
    throw new Error(`${file} is a Python function; this edge runs Node.js handlers only`)
  }
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw new Error(`there is no file ${file}`)
  if (found.isDirectory()) return { file: searchFolder(file, handler.slice(0, dot)), exportPath }
  const extension = extname(file)
  if (!NATIVE.has(extension) && !TYPED.has(extension)) {
    throw new Error(`${file} is neither JavaScript nor TypeScript; this edge runs Node.js handlers only`)
  }
  return { file, exportPath }
}

/** What a worker is started with. Rejects with a sentence when there is nothing to start. */
export async function prepareFunction(planned: PlannedLambda, bundler: Bundler): Promise<PreparedFunction> {
  const { file, exportPath } = locateHandler(planned)
  const folder = dirname(file)
  const module = TYPED.has(extname(file)) ? await bundler.bundle(file) : file
  return { file: module, exportPath, folder, env: environmentOf(planned, folder) }
}

/** The whole environment of a worker: what Lambda sets, what the configuration adds, and nothing of the edge's own. */
export function environmentOf(planned: PlannedLambda, folder: string): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`,
    AWS_LAMBDA_FUNCTION_NAME: `us-east-1.${planned.name}`,
    AWS_LAMBDA_FUNCTION_VERSION: FUNCTION_VERSION,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(planned.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupOf(planned.name),
    AWS_LAMBDA_LOG_STREAM_NAME: LOG_STREAM,
    LAMBDA_TASK_ROOT: folder,
    _HANDLER: planned.handler,
    ...planned.env,
  }
}

function searchFolder(folder: string, name: string): string {
  for (const extension of SEARCHED) {
    const file = join(folder, `${name}${extension}`)
    if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file
  }
  if (statSync(join(folder, `${name}.py`), { throwIfNoEntry: false })?.isFile()) {
    throw new Error(
      `${join(folder, `${name}.py`)} is a Python function; this edge runs Node.js handlers only`,
    )
  }
  throw new Error(`${folder} has no ${basename(name)}.js, .mjs, .cjs or .ts`)
}
