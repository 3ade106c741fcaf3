import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'

/** Turns handlers in TypeScript into something Node runs. Kept for as long as its pools live. */
export interface Bundler {
  /** Path of a module made of `file` and all it imports. Rejects with file, line and column of what is wrong. */
  bundle(file: string): Promise<string>
  /** Removes what was written. */
  close(): Promise<void>
}

/**
 * Gives bundles what an ES module lacks and CommonJS packages inside them expect. `pathToFileURL` and the like are
 * imported under names that nobody else uses.
 */
const BANNER = `import { createRequire as __edgewardRequire } from 'node:module';
import { fileURLToPath as __edgewardPath } from 'node:url';
import { dirname as __edgewardFolder } from 'node:path';
const require = __edgewardRequire(import.meta.url), __filename = __edgewardPath(import.meta.url), __dirname = __edgewardFolder(__filename);`

export function createBundler(): Bundler {
  let folder: Promise<string> | undefined
  let count = 0

  async function bundle(file: string): Promise<string> {
    // Loaded when the first handler in TypeScript is, because most handlers are not.
    const { build } = await import('esbuild')
    const isCommonJs = extname(file) === '.cts'
    const result = await build({
      entryPoints: [file],
      absWorkingDir: dirname(file),
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node24',
      format: isCommonJs ? 'cjs' : 'esm',
      sourcemap: 'inline',
      logLevel: 'silent',
      ...(isCommonJs ? {} : { banner: { js: BANNER } }),
    }).catch((error: unknown) => {
      throw new Error(describeFailure(file, error), { cause: error })
    })
    folder ??= mkdtemp(join(tmpdir(), 'edgeward-functions-'))
    count++
    const name = `${basename(file, extname(file))}-${count}${isCommonJs ? '.cjs' : '.mjs'}`
    const path = join(await folder, name)
    await writeFile(path, result.outputFiles[0]!.contents)
    return path
  }

  async function close(): Promise<void> {
    if (folder === undefined) return
    await rm(await folder, { recursive: true, force: true })
    folder = undefined
  }

  return { bundle, close }
}

/** esbuild's messages, each with its place. */
export function describeFailure(file: string, error: unknown): string {
  const messages = typeof error === 'object' && error !== null && 'errors' in error ? error.errors : undefined
  if (!Array.isArray(messages) || messages.length === 0) return `${file}: ${String(error)}`
  return (
    messages as readonly {
      text?: unknown
      location?: { file?: unknown; line?: unknown; column?: unknown } | null
    }[]
  )
    .map(({ text, location }) => {
      const place = location
        ? `${String(location.file)}:${String(location.line)}:${Number(location.column) + 1}`
        : file
      return `${place}: ${String(text)}`
    })
    .join('\n')
}
