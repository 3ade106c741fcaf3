import { parse, type Program } from 'acorn'
import { full } from 'acorn-walk'
import { pages } from '../problems.ts'
import { functionLimits } from './limits.ts'
import { RESERVED_PREFIX } from './instrument.ts'

/** Something in a source that CloudFront Functions would not run. Lines and columns count from 1. */
export interface SyntaxProblem {
  readonly line: number
  readonly column: number
  readonly says: string
}

export type CheckedSource =
  | { readonly kind: 'checked'; readonly program: Program }
  | { readonly kind: 'refused'; readonly problems: readonly SyntaxProblem[] }

/** Syntax that neither runtime lists, by acorn's name of the node. */
const ABSENT: Readonly<Record<string, string>> = {
  ClassDeclaration: 'classes',
  ClassExpression: 'classes',
  ObjectPattern: 'destructuring',
  ArrayPattern: 'destructuring',
  SpreadElement: 'spread syntax',
  ForOfStatement: 'for-of loops',
  YieldExpression: 'generators',
  AssignmentPattern: 'default parameters',
  ChainExpression: 'optional chaining',
  ImportExpression: 'dynamic imports',
  ExportNamedDeclaration: 'exports',
  ExportDefaultDeclaration: 'exports',
  ExportAllDeclaration: 'exports',
  MetaProperty: 'import.meta and new.target',
  WithStatement: 'with statements',
}

const MODULES: Readonly<Record<'1.0' | '2.0', readonly string[]>> = {
  '1.0': [],
  '2.0': ['cloudfront', 'crypto', 'querystring', 'buffer'],
}

/**
 * Checks a source against the language of a runtime (DG:functions-javascript-runtime-10, -20) and its size. All
 * problems are reported at once, in the order in which they stand.
 */
export function checkSource(source: string, runtime: '1.0' | '2.0'): CheckedSource {
  const bytes = Buffer.byteLength(source)
  const problems: SyntaxProblem[] = []
  if (bytes > functionLimits.sourceBytes) {
    problems.push({
      line: 1,
      column: 1,
      says: `the source is ${bytes} bytes; at most ${functionLimits.sourceBytes} are allowed (${pages.limits})`,
    })
  }
  const parsed = parseSource(source)
  if (parsed.kind === 'refused') return { kind: 'refused', problems: [...problems, ...parsed.problems] }
  const page = runtime === '1.0' ? pages.runtime1 : pages.runtime2
  const { program } = parsed
  const reported = new Set<string>()
  full(program, (node) => {
    for (const what of judge(node, runtime, source)) {
      const { line, column } = node.loc!.start
      const key = `${line}:${column}:${what}`
      if (reported.has(key)) continue
      reported.add(key)
      problems.push({ line, column: column + 1, says: `${what} (${page})` })
    }
  })
  if (!declaresHandler(program)) {
    problems.push({
      line: 1,
      column: 1,
      says: `the source has no function named handler (${pages.functionEvent})`,
    })
  }
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  return problems.length === 0 ? parsed : { kind: 'refused', problems }
}

/** Problems as text: `file:line:column: says`. */
export function formatProblems(file: string, problems: readonly SyntaxProblem[]): string {
  return problems.map(({ line, column, says }) => `${file}:${line}:${column}: ${says}`).join('\n')
}

function parseSource(source: string): CheckedSource {
  try {
    // As a module, because that is strict; imports are judged afterwards.
    const program = parse(source, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
    return { kind: 'checked', program }
  } catch (error) {
    if (!(error instanceof SyntaxError) || !('loc' in error)) throw error
    // acorn's errors carry their place, and repeat it at the end of the message.
    const { line, column } = error.loc as { readonly line: number; readonly column: number }
    const says = error.message.replace(/ \(\d+:\d+\)$/, '')
    return { kind: 'refused', problems: [{ line, column: column + 1, says }] }
  }
}

/** The fields of nodes that are looked at; which of them are there depends on the type. */
interface Judged {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly kind?: string
  readonly async?: boolean
  readonly generator?: boolean
  readonly operator?: string
  readonly bigint?: string | null | undefined
  readonly value?: unknown
  readonly name?: unknown
  readonly source?: unknown
}

function* judge(node: Judged, runtime: '1.0' | '2.0', source: string): Generator<string> {
  const absent = ABSENT[node.type]
  if (absent !== undefined)
    yield `${absent} are not part of runtime ${runtime}`.replace(/(ing|tax) are/, '$1 is')
  if (node.generator === true) yield `generators are not part of runtime ${runtime}`
  if (node.operator === '??' || node.operator === '??=')
    yield `nullish coalescing is not part of runtime ${runtime}`
  if (node.operator === '||=' || node.operator === '&&=')
    yield `logical assignment is not part of runtime ${runtime}`
  if (node.type === 'Literal') {
    if (typeof node.bigint === 'string') yield `BigInt is not part of runtime ${runtime}`
    const isNumber = typeof node.value === 'number'
    if (runtime === '1.0' && isNumber && source.slice(node.start, node.end).includes('_')) {
      yield 'numeric separators are not part of runtime 1.0'
    }
  }
  if (node.type === 'Identifier' && typeof node.name === 'string' && node.name.startsWith(RESERVED_PREFIX)) {
    yield `names that begin with ${RESERVED_PREFIX} are reserved`
  }
  if (node.type === 'ImportDeclaration') {
    const name = moduleName(node.source)
    if (runtime === '1.0') yield 'imports are not part of runtime 1.0'
    else if (!MODULES[runtime].includes(name))
      yield `there is no module ${JSON.stringify(name)} in runtime 2.0`
  }
  if (runtime === '2.0') return
  if (node.type === 'VariableDeclaration' && node.kind !== 'var')
    yield `${node.kind} is not part of runtime 1.0`
  if (node.async === true) yield 'async functions are not part of runtime 1.0'
}

function moduleName(source: unknown): string {
  return typeof source === 'object' && source !== null && 'value' in source ? String(source.value) : ''
}

/** A global function named handler; a variable of that name will do. */
function declaresHandler(program: Program): boolean {
  return program.body.some((statement) => {
    if (statement.type === 'FunctionDeclaration') return statement.id.name === 'handler'
    if (statement.type !== 'VariableDeclaration') return false
    return statement.declarations.some(({ id }) => id.type === 'Identifier' && id.name === 'handler')
  })
}
