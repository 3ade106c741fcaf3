import type { AnyNode, ImportDeclaration, Node } from 'acorn'
import { full } from 'acorn-walk'

/** The user's code with counters in its loops and functions, and the way back to the places in its source. */
export interface InstrumentedSource {
  /** An expression that gives a `HandlerFactory`. */
  readonly code: string
  /** Line and column (both from 1) in the source of a place in `code`. */
  readonly placeOf: (line: number, column: number) => { readonly line: number; readonly column: number }
}

/** Names that begin like this belong to the instrumentation; sources that use them are refused. */
export const RESERVED_PREFIX = '__edgeward_'

const COUNT = 'if(++__edgeward_n>__edgeward_limit)__edgeward_stop();'
const COUNT_EXPRESSION = '(++__edgeward_n>__edgeward_limit&&__edgeward_stop(),'
const HEAD =
  '(function(__edgeward_limit,__edgeward_stop,__edgeward_import,__edgeward_count){"use strict";let __edgeward_n=0;__edgeward_count(()=>__edgeward_n);'
const TAIL = '\n;return typeof handler==="function"?handler:undefined})'

interface Edit {
  readonly at: number
  /** Characters of the source that go. */
  readonly removed: number
  readonly text: string
  /** Among edits at one place, lower first. */
  readonly order: number
}

/** Wraps a parsed source: every loop round and function call is counted, imports become values. Lines stay lines. */
export function instrument(source: string, program: Node): InstrumentedSource {
  const edits: Edit[] = [{ at: 0, removed: 0, text: HEAD, order: -1 }]
  full(program, (node) => collect(node, source, edits))
  edits.sort((a, b) => a.at - b.at || a.order - b.order)
  return apply(source, edits)
}

function collect(node: AnyNode, source: string, edits: Edit[]): void {
  if (node.type === 'ImportDeclaration') {
    edits.push({ at: node.start, removed: node.end - node.start, text: importText(node, source), order: 0 })
  } else if (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  ) {
    countBody(node.body, node.expression, edits)
  } else if (
    node.type === 'ForStatement' ||
    node.type === 'ForInStatement' ||
    node.type === 'ForOfStatement' ||
    node.type === 'WhileStatement' ||
    node.type === 'DoWhileStatement'
  ) {
    countBody(node.body, false, edits)
  }
}

function countBody(body: Node, isExpression: boolean, edits: Edit[]): void {
  if (isExpression) {
    edits.push({ at: body.start, removed: 0, text: COUNT_EXPRESSION, order: 1 })
    // Nested bodies end at one place: the inner one is closed first.
    edits.push({ at: body.end, removed: 0, text: ')', order: -body.start - 2 })
  } else if (body.type === 'BlockStatement') {
    edits.push({ at: body.start + 1, removed: 0, text: COUNT, order: 0 })
  } else {
    edits.push({ at: body.start, removed: 0, text: `{${COUNT}`, order: 1 })
    edits.push({ at: body.end, removed: 0, text: '}', order: -body.start - 2 })
  }
}

/** `import cf from 'cloudfront'` as a declaration of values, on as many lines as before. */
function importText(node: ImportDeclaration, source: string): string {
  const name = JSON.stringify(node.source.value)
  const parts = node.specifiers.map((specifier) => {
    const value = `${specifier.local.name}=__edgeward_import(${name})`
    if (specifier.type !== 'ImportSpecifier') return value
    const { imported } = specifier
    const key = imported.type === 'Identifier' ? imported.name : imported.value
    return key === 'default' ? value : `${value}[${JSON.stringify(key)}]`
  })
  const text = parts.length === 0 ? `__edgeward_import(${name});` : `const ${parts.join(',')};`
  return text + '\n'.repeat(source.slice(node.start, node.end).split('\n').length - 1)
}

/** What was put into one line of the code, by columns of the code. */
interface Insertion {
  readonly line: number
  readonly from: number
  readonly to: number
  /** By how much everything behind it has moved. */
  readonly by: number
}

function apply(source: string, edits: readonly Edit[]): InstrumentedSource {
  const insertions: Insertion[] = []
  let code = ''
  let line = 1
  let lineStart = 0
  let at = 0
  const write = (text: string) => {
    for (let i = 0; i < text.length; i++) {
      if (text[i] !== '\n') continue
      line++
      lineStart = code.length + i + 1
    }
    code += text
  }
  for (const edit of edits) {
    if (edit.at < at) continue
    write(source.slice(at, edit.at))
    const from = code.length - lineStart + 1
    const startLine = line
    write(edit.text)
    at = edit.at + edit.removed
    // An import may go over several lines; nothing is thrown on those.
    if (line === startLine)
      insertions.push({ line, from, to: from + edit.text.length, by: edit.text.length - edit.removed })
  }
  write(source.slice(at))
  const placeOf = (line: number, column: number) => {
    let moved = 0
    let inCode = column
    for (const insertion of insertions) {
      if (insertion.line !== line || insertion.from > column) continue
      if (insertion.to <= column) moved += insertion.by
      // Inside of what was put in: the place is where it was put.
      else inCode = insertion.from
    }
    return { line, column: Math.max(1, inCode - moved) }
  }
  return { code: code + TAIL, placeOf }
}
