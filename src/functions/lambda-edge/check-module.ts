import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { parse, type Program } from 'acorn'
import { full } from 'acorn-walk'

/** What is wrong with one file of a handler; each entry is `file:line:column: …`. */
export interface CheckedModule {
  /** It would not load. */
  readonly errors: readonly string[]
  /** It runs here and not on Lambda@Edge. */
  readonly warnings: readonly string[]
  /** The text of a file in JavaScript that parses. */
  readonly text: string | undefined
}

const NOTHING: CheckedModule = { errors: [], warnings: [], text: undefined }
const SCRIPTS = new Set(['.js', '.mjs', '.cjs'])
const TYPED = new Set(['.ts', '.mts', '.cts', '.tsx'])
/** Node.js runtimes from 18 on carry version 3 of the SDK only. */
const OLD_SDK = 'aws-sdk'

/** Checks syntax and imports of one file of a Lambda@Edge function without running it. */
export async function checkModule(file: string): Promise<CheckedModule> {
  const ending = extname(file)
  if (TYPED.has(ending)) return checkTyped(file)
  if (!SCRIPTS.has(ending)) return NOTHING
  const text = await readFile(file, 'utf8')
  const parsed = parseEither(text, ending)
  if (typeof parsed === 'string') return { errors: [`${file}:${parsed}`], warnings: [], text: undefined }
  return { errors: [], warnings: importWarnings(parsed, file), text }
}

async function checkTyped(file: string): Promise<CheckedModule> {
  const { transform } = await import('esbuild')
  const { describeFailure } = await import('./bundle.ts')
  try {
    await transform(await readFile(file, 'utf8'), {
      loader: extname(file) === '.tsx' ? 'tsx' : 'ts',
      sourcefile: file,
      logLevel: 'silent',
    })
    return NOTHING
  } catch (error) {
    return { errors: describeFailure(file, error).split('\n'), warnings: [], text: undefined }
  }
}

/** A `.js` file may be either; what parses as one of them loads. */
function parseEither(text: string, ending: string): Program | string {
  const kinds =
    ending === '.mjs'
      ? (['module'] as const)
      : ending === '.cjs'
        ? (['commonjs'] as const)
        : (['commonjs', 'module'] as const)
  let problem = ''
  for (const sourceType of kinds) {
    try {
      return parse(text, { ecmaVersion: 'latest', sourceType, locations: true, allowHashBang: true })
    } catch (error) {
      if (!(error instanceof SyntaxError) || !('loc' in error)) throw error
      // acorn's errors carry their place, and repeat it at the end of the message.
      const { line, column } = error.loc as { readonly line: number; readonly column: number }
      problem = `${line}:${column + 1}: ${error.message.replace(/ \(\d+:\d+\)$/, '')}`
    }
  }
  return problem
}

function importWarnings(program: Program, file: string): string[] {
  const warnings: string[] = []
  full(program, (node) => {
    const specifier = specifierOf(node)
    if (specifier === undefined) return
    const { line, column } = node.loc!.start
    const at = `${file}:${line}:${column + 1}`
    if (specifier === OLD_SDK || specifier.startsWith(`${OLD_SDK}/`)) {
      warnings.push(
        `${at}: Lambda's Node.js runtimes no longer carry aws-sdk 2; package it, or use @aws-sdk/client-…`,
      )
    } else if (specifier.startsWith('/opt/')) {
      warnings.push(`${at}: ${specifier} would be a layer, and Lambda@Edge takes no layers`)
    }
  })
  return warnings
}

function specifierOf(node: { readonly type: string }): string | undefined {
  const {
    source,
    callee,
    arguments: values,
  } = node as {
    readonly source?: { readonly value?: unknown } | null
    readonly callee?: { readonly type?: string; readonly name?: string }
    readonly arguments?: readonly { readonly value?: unknown }[]
  }
  const value =
    node.type === 'ImportDeclaration' || node.type === 'ImportExpression'
      ? source?.value
      : node.type === 'CallExpression' && callee?.type === 'Identifier' && callee.name === 'require'
        ? values?.[0]?.value
        : undefined
  return typeof value === 'string' ? value : undefined
}
