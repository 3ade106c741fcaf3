import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'

/** Everything a Lambda@Edge function is made of besides packages. */
export interface LambdaSources {
  /** Absolute, the module itself first. */
  readonly files: readonly string[]
  readonly digest: string
  /** Bytes of the folder that would be uploaded, `node_modules` included; counted up to `MAX_COUNTED_BYTES`. */
  readonly packageBytes: number
}

const ENDINGS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.json', '/index.js', '/index.ts']
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"])(\.{1,2}\/[^'"\n]+)\1/g
const MAX_FILES = 2000
const MAX_COUNTED_BYTES = 64 * 1024 * 1024

/**
 * Finds a module and what it imports by relative path, and digests them: the digest tells a changed function. Packages
 * are told by their lock files, because nobody edits what is in them.
 */
export function readLambdaSources(module: string, configured: string): LambdaSources {
  const files: string[] = []
  const hash = createHash('sha256')
  const waiting = [module]
  const seen = new Set(waiting)
  for (let file = waiting.shift(); file !== undefined && files.length < MAX_FILES; file = waiting.shift()) {
    const text = readFileSync(file, 'utf8')
    files.push(file)
    hash.update(`${file}\0${text}\0`)
    if (extname(file) === '.json') continue
    for (const [, , specifier] of text.matchAll(IMPORT)) {
      const found = resolveRelative(dirname(file), specifier!)
      if (found === undefined || seen.has(found)) continue
      seen.add(found)
      waiting.push(found)
    }
  }
  const folder = statSync(configured).isDirectory() ? configured : dirname(module)
  for (const name of ['package.json', 'package-lock.json']) {
    const file = join(folder, name)
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) continue
    hash.update(readFileSync(file))
    files.push(file)
  }
  const packageBytes = statSync(configured).isDirectory()
    ? folderBytes(configured)
    : files.reduce((sum, file) => sum + statSync(file).size, folderBytes(join(folder, 'node_modules')))
  return { files, digest: hash.digest('hex'), packageBytes }
}

function resolveRelative(folder: string, specifier: string): string | undefined {
  const base = resolve(folder, specifier)
  // TypeScript sources may name the file they will become.
  const candidates = [...ENDINGS.map((ending) => base + ending), base.replace(/js$/, 'ts')]
  return candidates.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
}

/** Bytes of all files below a folder; 0 when it is not there. */
function folderBytes(folder: string): number {
  let bytes = 0
  const folders = [folder]
  for (let next = folders.pop(); next !== undefined && bytes < MAX_COUNTED_BYTES; next = folders.pop()) {
    if (statSync(next, { throwIfNoEntry: false })?.isDirectory() !== true) continue
    for (const entry of readdirSync(next, { withFileTypes: true })) {
      const path = join(next, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else if (entry.isFile()) bytes += statSync(path).size
    }
  }
  return bytes
}
