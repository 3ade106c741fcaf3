import type { z } from 'zod'
import { suggest } from './nearest.ts'
import { describeValue, type Findings, listed, type Segments } from '../base/problem.ts'
import { ourNameFor, reservedFor } from './reserved.ts'
import { knownKeys } from './schema-outline.ts'

type Issue = z.core.$ZodIssue

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
}

/**
 * Says in plain words what the schema found: what stands there, what was expected, and the nearest right name.
 * Gives the places of everything that was refused, so that the rest can be looked at on its own.
 */
export function tellSchemaProblems(
  issues: readonly Issue[],
  raw: unknown,
  schema: z.ZodType,
  findings: Findings,
): Segments[] {
  const refused: Segments[] = []
  const tell = (issue: Issue, before: Segments): void => {
    const segments = [...before, ...issue.path]
    const found = valueAt(raw, segments)
    switch (issue.code) {
      case 'invalid_type':
        refused.push(segments)
        if (found === undefined) {
          const key = segments.at(-1)
          const what = key === undefined ? 'the configuration is empty' : `${String(key)} is missing`
          findings.error(segments, what, { expected: typeWord(issue.expected) })
        } else
          findings.error(segments, `found ${describeNumber(found, issue.expected)}`, {
            expected: typeWord(issue.expected),
          })
        return
      case 'invalid_value': {
        refused.push(segments)
        const values = issue.values.map(String)
        const hint = typeof found === 'string' ? nearHint(found, values) : undefined
        findings.error(
          segments,
          found === undefined ? `${String(segments.at(-1))} is missing` : `found ${describeValue(found)}`,
          {
            expected: expectedValues(issue.values),
            hint,
          },
        )
        return
      }
      case 'too_small':
      case 'too_big':
        refused.push(segments)
        findings.error(segments, `found ${describeSize(found)}`, { expected: bound(issue) })
        return
      case 'invalid_format':
        refused.push(segments)
        findings.error(segments, `found ${describeValue(found)}`, {
          expected: withoutDefault(issue.message, `text of the form ${issue.format}`),
        })
        return
      case 'unrecognized_keys':
        for (const key of issue.keys) {
          refused.push([...segments, key])
          tellUnknownKey(segments, key, schema, findings)
        }
        return
      case 'invalid_union':
        tellUnion(issue, segments, found)
        return
      case 'invalid_key':
        refused.push(segments)
        for (const inner of issue.issues)
          findings.error(
            segments,
            withoutDefault(inner.message, `"${String(segments.at(-1))}" is no name that can stand here`),
          )
        return
      case 'custom':
        refused.push(segments)
        findings.error(segments, issue.message)
        return
      case 'invalid_element':
      case 'not_multiple_of':
        refused.push(segments)
        findings.error(segments, issue.message)
    }
  }

  /** Of a choice, the branch that was most likely meant. */
  function tellUnion(
    issue: Extract<Issue, { code: 'invalid_union' }>,
    segments: Segments,
    found: unknown,
  ): void {
    const isOther = (branch: readonly Issue[]) =>
      branch.some(
        (each) => each.path.length === 0 && (each.code === 'invalid_type' || each.code === 'invalid_value'),
      )
    const fitting = issue.errors.filter((branch) => !isOther(branch)).sort((a, b) => a.length - b.length)
    const best = fitting[0]
    const keys = typeof found === 'object' && found !== null ? Object.keys(found) : []
    const clashing =
      best === undefined || fitting.length < 2 ? [] : keysOfOthers(best, knownKeys(schema, segments))
    if (clashing.length > 0) {
      refused.push(segments)
      findings.error(segments, `has ${listed(keys, 'and')}, which exclude each other`, {
        expected: `exactly one of the keys ${listed(knownKeys(schema, segments))}`,
      })
    } else if (best === undefined) {
      refused.push(segments)
      const leaves = issue.errors.flat().filter((each) => each.path.length === 0)
      const literals = leaves.flatMap((each) => (each.code === 'invalid_value' ? each.values : []))
      const types = leaves.flatMap((each) => (each.code === 'invalid_type' ? [typeWord(each.expected)] : []))
      findings.error(
        segments,
        found === undefined ? `${String(segments.at(-1))} is missing` : `found ${describeValue(found)}`,
        {
          expected: listed([...literals.map(quoted), ...new Set(types)]),
          hint: typeof found === 'string' ? nearHint(found, literals.map(String)) : undefined,
        },
      )
    } else tellBranch(segments, found, fitting, best)
  }

  function tellBranch(
    segments: Segments,
    found: unknown,
    fitting: readonly (readonly Issue[])[],
    best: readonly Issue[],
  ): void {
    const isTied =
      fitting.length > 1 && fitting[1]!.length === best.length && best.some((each) => each.path.length <= 1)
    const common = isTied ? unknownEverywhere(fitting) : []
    const tag = tagOf(fitting)
    if (tag !== undefined) {
      const at = [...segments, tag.key]
      refused.push(at)
      findings.error(at, `found ${describeValue(valueAt(found, [tag.key]))}`, {
        expected: expectedValues(tag.values),
      })
    } else if (common.length > 0) {
      for (const key of common) {
        refused.push([...segments, key])
        tellUnknownKey(segments, key, schema, findings)
      }
    } else if (isTied) {
      refused.push(segments)
      findings.error(segments, `found ${describeValue(found)}`, {
        expected: `exactly one of the keys ${listed(knownKeys(schema, segments))}`,
      })
    } else for (const each of best) tell(each, segments)
  }

  for (const issue of issues) tell(issue, [])
  return refused
}

/** The key by whose value the branches of a choice are told apart, where none of them has the value that was found. */
function tagOf(
  branches: readonly (readonly Issue[])[],
): { readonly key: string; readonly values: readonly unknown[] } | undefined {
  const tags = branches.map((branch) =>
    branch.find((issue) => issue.code === 'invalid_value' && issue.path.length === 1),
  )
  const key = tags[0]?.path[0]
  if (branches.length < 2 || typeof key !== 'string') return undefined
  const isShared = tags.every((tag) => tag?.path[0] === key)
  const values = tags.flatMap((tag) => (tag?.code === 'invalid_value' ? tag.values : []))
  return isShared ? { key, values } : undefined
}

/** Keys that one branch of a choice does not know but another does. */
function keysOfOthers(branch: readonly Issue[], known: readonly string[]): string[] {
  return branch.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0
      ? issue.keys.filter((key) => known.includes(key))
      : [],
  )
}

function unknownEverywhere(branches: readonly (readonly Issue[])[]): string[] {
  const [first, ...others] = branches.map(
    (branch) =>
      new Set(
        branch.flatMap((issue) =>
          issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [],
        ),
      ),
  )
  return [...(first ?? [])].filter((key) => others.every((other) => other.has(key)))
}

function tellUnknownKey(segments: Segments, key: string, schema: z.ZodType, findings: Findings): void {
  const place = [...segments, key]
  const reserved = reservedFor(segments, key)
  if (reserved !== undefined) {
    findings.error(place, `this version of edgeward does not run ${reserved} yet`, {
      hint: 'remove it: a configuration is refused rather than half obeyed',
    })
    return
  }
  const ours = ourNameFor(segments, key)
  const hint =
    ours === undefined
      ? suggest(key, knownKeys(schema, segments), 'keys that can stand here')
      : `it is called ${ours} here`
  findings.error(place, `${key} is not a key that can stand here`, { hint })
}

function nearHint(found: string, values: readonly string[]): string | undefined {
  const hint = suggest(found, values, '')
  return hint.startsWith('did you mean') ? hint : undefined
}

function describeNumber(value: unknown, expected: string): string {
  return typeof value === 'string' && (expected === 'number' || expected === 'int')
    ? `${describeValue(value)}, which is not a number because of its quotes`
    : describeValue(value)
}

function describeSize(value: unknown): string {
  if (typeof value === 'string' && value.length > 60) return `a text of ${value.length} characters`
  return describeValue(value)
}

function bound(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const [limit, word] = issue.code === 'too_small' ? [issue.minimum, 'at least'] : [issue.maximum, 'at most']
  if (issue.origin === 'string') return limit === 1 ? 'text that is not empty' : `${word} ${limit} characters`
  if (issue.origin === 'array') return `${word} ${limit} ${limit === 1 ? 'entry' : 'entries'}`
  return `a number of ${word} ${limit}`
}

function typeWord(expected: string): string {
  return TYPE_WORDS[expected] ?? expected
}

function expectedValues(values: readonly unknown[]): string {
  return values.length === 1 ? quoted(values[0]) : `one of ${listed(values.map(quoted))}`
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

/** The library's own sentences all begin with "Invalid"; ours say what to write. */
function withoutDefault(message: string, instead: string): string {
  return message.startsWith('Invalid') ? instead : message
}

/** The value at a place, or undefined. */
export function valueAt(raw: unknown, segments: Segments): unknown {
  let value = raw
  for (const segment of segments) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined
    value = (value as Record<PropertyKey, unknown>)[segment]
  }
  return value
}
