import { type AnyNode, type Expression, parse, type PrivateIdentifier, type Program, type Super } from 'acorn'
import { full } from 'acorn-walk'
import type { FunctionEventName, FunctionKind } from '../planned-functions.ts'
import { pages } from './problems.ts'
import { isDisallowed, readOnlyAt } from './restricted-headers.ts'

/** A header rule that a source breaks where one can see it without running it. Lines and columns count from 1. */
export interface HeaderFinding {
  readonly line: number
  readonly column: number
  readonly says: string
}

/**
 * Finds headers that a function sets or deletes although its event does not let it: `….headers.via = …`,
 * `delete ….headers['host']`, and literals of whole responses. What is computed at run time is left to the run.
 */
export function lintHeaders(source: string, kind: FunctionKind, event: FunctionEventName): HeaderFinding[] {
  const program = parseAny(source)
  if (program === undefined) return []
  const findings: HeaderFinding[] = []
  const readOnly = readOnlyAt(kind, event)
  const note = (node: AnyNode | Expression, name: string, attempt: 'set' | 'delete') => {
    const lower = name.toLowerCase()
    const why = isDisallowed(lower)
      ? 'is a disallowed header'
      : readOnly.has(lower)
        ? `is read-only at ${event}`
        : name !== lower
          ? 'must be named in lower case'
          : undefined
    if (why === undefined || (attempt === 'delete' && isDisallowed(lower))) return
    const { line, column } = node.loc!.start
    findings.push({
      line,
      column: column + 1,
      says: `the function ${attempt === 'set' ? 'sets' : 'deletes'} "${name}", which ${why} (${pages.restrictions})`,
    })
  }
  full(program, (node) => {
    if (node.type === 'AssignmentExpression') {
      const name = headerNameOf(node.left)
      if (name !== undefined) note(node, name, 'set')
    } else if (node.type === 'UnaryExpression' && node.operator === 'delete') {
      const name = headerNameOf(node.argument)
      if (name !== undefined) note(node, name, 'delete')
    } else if (node.type === 'ObjectExpression') {
      for (const { key, name } of responseHeaders(node)) note(key, name, 'set')
    }
  })
  return findings
}

function parseAny(source: string): Program | undefined {
  for (const sourceType of ['module', 'commonjs'] as const) {
    try {
      return parse(source, { ecmaVersion: 'latest', sourceType, locations: true, allowHashBang: true })
    } catch (error) {
      // Syntax is told elsewhere; there is nothing to look at here.
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return undefined
}

/** The name in `headers.NAME` and `….headers['NAME']`. */
function headerNameOf(node: AnyNode | Super | PrivateIdentifier): string | undefined {
  if (node.type !== 'MemberExpression') return undefined
  const { object, property, computed } = node
  const isHeaders =
    (object.type === 'Identifier' && object.name === 'headers') ||
    (object.type === 'MemberExpression' && keyOf(object.property, object.computed) === 'headers')
  return isHeaders ? keyOf(property, computed) : undefined
}

/** The headers of a literal that also has a status, so that it is a response. */
function responseHeaders(
  node: Extract<AnyNode, { type: 'ObjectExpression' }>,
): { readonly key: Expression; readonly name: string }[] {
  const fields = new Map<string, Expression>()
  for (const property of node.properties) {
    if (property.type !== 'Property') continue
    const key = keyOf(property.key, property.computed)
    if (key !== undefined) fields.set(key, property.value)
  }
  if (!fields.has('status') && !fields.has('statusCode')) return []
  const headers = fields.get('headers')
  if (headers?.type !== 'ObjectExpression') return []
  return headers.properties.flatMap((property) => {
    if (property.type !== 'Property') return []
    const name = keyOf(property.key, property.computed)
    return name === undefined ? [] : [{ key: property.key, name }]
  })
}

function keyOf(key: Expression | PrivateIdentifier, computed: boolean): string | undefined {
  if (key.type === 'Identifier') return computed ? undefined : key.name
  return key.type === 'Literal' && typeof key.value === 'string' ? key.value : undefined
}
