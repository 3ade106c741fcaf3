import { compileGlob } from '../../http/glob.ts'

/** One step of a path: a name, any index of a list, or any number of steps. */
type Step =
  | { readonly kind: 'name'; readonly fits: (name: string) => boolean }
  | { readonly kind: 'index'; readonly index: number | undefined }
  | { readonly kind: 'any-depth' }

/** A place in a document: names of members, elements or fields, and indexes of lists. */
export type PathSegment = string | number

/** A compiled path. */
export interface PathPattern {
  readonly steps: readonly Step[]
}

/**
 * Compiles a path: `card.number`, `payments[*].card`, `people[0].name`, `**.ssn` (at any depth), with `*` for any part of
 * a name. A name with other characters is quoted: `["my.field"]`. Gives a sentence instead where the text is no path.
 */
export function parsePathPattern(text: string): PathPattern | string {
  const steps: Step[] = []
  const token = /(\*\*)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]"]+)/y
  let at = text.startsWith('$.') ? 2 : 0
  while (at < text.length) {
    token.lastIndex = at
    const found = token.exec(text)
    if (found === null)
      return `${JSON.stringify(text)} is no path: what stands at character ${at + 1} is no name and no index`
    const [whole, anyDepth, index, quoted, name] = found
    if (anyDepth !== undefined) steps.push({ kind: 'any-depth' })
    else if (index !== undefined)
      steps.push({ kind: 'index', index: index === '*' ? undefined : Number(index) })
    else if (quoted !== undefined) {
      const exact = quoted.replace(/\\(.)/g, '$1')
      steps.push({ kind: 'name', fits: (other) => other === exact })
    } else steps.push({ kind: 'name', fits: compileGlob(name!) })
    at += whole.length
    if (at < text.length && text[at] === '.') {
      at++
      if (at === text.length) return `${JSON.stringify(text)} is no path: it ends in a point`
    }
  }
  if (steps.length === 0 || steps.at(-1)!.kind === 'any-depth')
    return `${JSON.stringify(text)} is no path: it does not end in a name or an index`
  return { steps }
}

/** A pattern for a name at any depth, with `*` for any part of it. */
export function anywhere(name: string): PathPattern {
  return { steps: [{ kind: 'any-depth' }, { kind: 'name', fits: compileGlob(name) }] }
}

/** Where a set of patterns stands after some segments: pairs of pattern and step, flat. */
export type PathState = readonly number[]

/**
 * Follows several patterns at once through a document. States are made for a container and asked for each member, so
 * that the cost of a member does not depend on its depth.
 */
export class PathMatcher {
  readonly #patterns: readonly PathPattern[]
  readonly start: PathState

  /** With `skipsIndexes`, indexes in patterns fit anything or nothing: for formats without lists. */
  constructor(patterns: readonly PathPattern[], skipsIndexes = false) {
    this.#patterns = skipsIndexes
      ? patterns.map(({ steps }) => ({ steps: steps.filter((step) => step.kind !== 'index') }))
      : patterns
    const states: number[] = []
    for (const index of this.#patterns.keys()) add(states, index, 0, this.#patterns)
    this.start = states
  }

  /** The state one segment deeper. */
  step(state: PathState, segment: PathSegment): PathState {
    if (state.length === 0) return state
    const next: number[] = []
    for (let i = 0; i < state.length; i += 2) {
      const pattern = state[i]!
      const at = state[i + 1]!
      const step = this.#patterns[pattern]!.steps[at]
      if (step === undefined) continue
      if (step.kind === 'any-depth') add(next, pattern, at, this.#patterns)
      else if (
        step.kind === 'name'
          ? typeof segment === 'string' && step.fits(segment)
          : typeof segment === 'number' && (step.index === undefined || step.index === segment)
      )
        add(next, pattern, at + 1, this.#patterns)
    }
    return next
  }

  /** The first pattern, by its place in the list, that ends here; -1 when none does. */
  accepted(state: PathState): number {
    let found = -1
    for (let i = 0; i < state.length; i += 2) {
      const pattern = state[i]!
      if (state[i + 1]! === this.#patterns[pattern]!.steps.length && (found === -1 || pattern < found))
        found = pattern
    }
    return found
  }

  /** The first pattern that a whole path fits; -1 when none does. */
  match(path: readonly PathSegment[]): number {
    let state = this.start
    for (const segment of path) state = this.step(state, segment)
    return this.accepted(state)
  }
}

/** Adds a state, and behind "any depth" the state that has used none of it; none twice. */
function add(states: number[], pattern: number, at: number, patterns: readonly PathPattern[]): void {
  for (let i = 0; i < states.length; i += 2) if (states[i] === pattern && states[i + 1] === at) return
  states.push(pattern, at)
  if (patterns[pattern]!.steps[at]?.kind === 'any-depth') add(states, pattern, at + 1, patterns)
}

/** `["a", 0, "b"]` as people write it: `a[0].b`. */
export function showPath(path: readonly PathSegment[]): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else if (/[.[\]"]/.test(segment)) text += `[${JSON.stringify(segment)}]`
    else text += text === '' ? segment : `.${segment}`
  }
  return text
}
