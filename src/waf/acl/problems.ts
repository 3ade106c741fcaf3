import type { z } from 'zod'

export type JsonPath = readonly (string | number)[]

/** Something about a web ACL: where in the JSON, and a sentence with what was expected and what to do. */
export interface AclProblem {
  readonly path: JsonPath
  readonly message: string
}

/** `Rules[0].Statement.ByteMatchStatement.SearchString`, as people write it. */
export function formatPath(path: JsonPath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[A-Za-z_]\w*$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

/** Collects what is wrong (`problems`, the web ACL cannot be used) and what deserves a word (`notes`). */
export class Findings {
  readonly problems: AclProblem[] = []
  readonly notes: AclProblem[] = []

  problem(path: JsonPath, message: string): void {
    this.problems.push({ path, message })
  }

  note(path: JsonPath, message: string): void {
    this.notes.push({ path, message })
  }

  /** Checks a value against a schema; undefined when it does not fit, and why is noted. */
  parse<Schema extends z.ZodType>(
    schema: Schema,
    value: unknown,
    path: JsonPath,
  ): z.output<Schema> | undefined {
    const result = schema.safeParse(value)
    if (result.success) return result.data
    for (const issue of result.error.issues) {
      const where = [...path, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]
      if (issue.code !== 'unrecognized_keys') this.problem(where, sentence(issue, value))
      else
        for (const key of issue.keys)
          this.problem([...where, key], 'AWS WAF knows no such member; check its spelling')
    }
    return undefined
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sentence(issue: z.core.$ZodIssue, root: unknown): string {
  if (issue.code === 'invalid_type' && isMissing(root, issue.path))
    return `is missing; ${issue.expected} expected`
  return issue.message
}

function isMissing(root: unknown, path: readonly PropertyKey[]): boolean {
  let current: unknown = root
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return false
    current = (current as Readonly<Record<PropertyKey, unknown>>)[part] // An object, as asked above.
  }
  return current === undefined
}
