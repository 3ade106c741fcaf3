import { compileGlob } from '../../http/glob.ts'

/** One step of a path: a name, any index of a list, or any number of steps. */
type Step =
  /** `exact` where one name fits and no other. */
  | { readonly kind: 'name'; readonly fits: (name: string) => boolean; readonly exact: string | undefined }
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
      steps.push({ kind: 'name', fits: (other) => other === exact, exact })
    } else steps.push(nameStep(name!))
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

function nameStep(name: string): Step {
  return { kind: 'name', fits: compileGlob(name), exact: /[*?]/.test(name) ? undefined : name }
}

/** A pattern for a name at any depth, with `*` for any part of it. */
export function anywhere(name: string): PathPattern {
  return { steps: [{ kind: 'any-depth' }, nameStep(name)] }
}

/** Where a set of patterns stands after some segments. */
export interface PathState {
  /** Pairs of pattern and step, flat. */
  readonly at: readonly number[]
  /** The first pattern, by its place in the list, that ends here; -1 when none does. */
  readonly accepted: number
  /** What was found to come next, by name. */
  readonly next: Map<string, PathState>
  /** What comes next at any index, where no pattern names one. */
  anyIndex: PathState | undefined
  readonly hasExactIndex: boolean
}

/** Names come from viewers: so many steps are remembered, and no more. */
const MAX_KNOWN_STEPS = 4096

/**
 * Follows several patterns at once through a document. States are made for a container and asked for each member, so
 * that the cost of a member does not depend on its depth; what follows a name is worked out once.
 */
export class PathMatcher {
  readonly #patterns: readonly PathPattern[]
  readonly #states = new Map<string, PathState>()
  #knownSteps = 0
  readonly start: PathState
  /** Lengths and first characters of all names, or undefined where a star leaves it open. */
  readonly #hints: ReadonlySet<number> | undefined

  /** With `skipsIndexes`, indexes in patterns fit anything or nothing: for formats without lists. */
  constructor(patterns: readonly PathPattern[], skipsIndexes = false) {
    this.#patterns = skipsIndexes
      ? patterns.map(({ steps }) => ({ steps: steps.filter((step) => step.kind !== 'index') }))
      : patterns
    const names = this.#patterns.flatMap(({ steps }) => steps.filter((step) => step.kind === 'name'))
    this.#hints = names.every(({ exact }) => exact !== undefined)
      ? new Set(names.map(({ exact }) => hintOf(exact!.length, exact!.charCodeAt(0))))
      : undefined
    const at: number[] = []
    for (const index of this.#patterns.keys()) add(at, index, 0, this.#patterns)
    this.start = this.#stateOf(at)
  }

  /** Whether any pattern can have a name of ASCII characters with this length that begins with this one. */
  mayName(length: number, firstCharacter: number): boolean {
    return this.#hints === undefined || this.#hints.has(hintOf(length, firstCharacter))
  }

  /** The state one segment deeper. */
  step(state: PathState, segment: PathSegment): PathState {
    if (state.at.length === 0) return state
    if (typeof segment === 'number') {
      if (state.hasExactIndex) return this.#stateOf(this.#work(state, segment))
      return (state.anyIndex ??= this.#stateOf(this.#work(state, segment)))
    }
    const known = state.next.get(segment)
    if (known !== undefined) return known
    const next = this.#stateOf(this.#work(state, segment))
    if (this.#knownSteps < MAX_KNOWN_STEPS) {
      this.#knownSteps++
      state.next.set(segment, next)
    }
    return next
  }

  #work(state: PathState, segment: PathSegment): number[] {
    const next: number[] = []
    for (let i = 0; i < state.at.length; i += 2) {
      const pattern = state.at[i]!
      const at = state.at[i + 1]!
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

  /** One object for one state: there are as many as the patterns make, whatever the documents are. */
  #stateOf(at: readonly number[]): PathState {
    const name = at.join(' ')
    let state = this.#states.get(name)
    if (state === undefined) {
      const stepsAt = pairsOf(at).map(([pattern, step]) => this.#patterns[pattern]!.steps[step])
      const ended = pairsOf(at)
        .filter(([pattern, step]) => step === this.#patterns[pattern]!.steps.length)
        .map(([pattern]) => pattern)
      state = {
        at,
        accepted: ended.length === 0 ? -1 : Math.min(...ended),
        next: new Map(),
        anyIndex: undefined,
        hasExactIndex: stepsAt.some((step) => step?.kind === 'index' && step.index !== undefined),
      }
      this.#states.set(name, state)
    }
    return state
  }

  /** The first pattern that a whole path fits; -1 when none does. */
  match(path: readonly PathSegment[]): number {
    let state = this.start
    for (const segment of path) state = this.step(state, segment)
    return state.accepted
  }
}

function hintOf(length: number, firstCharacter: number): number {
  return length * 0x1_0000 + firstCharacter
}

function pairsOf(at: readonly number[]): [pattern: number, step: number][] {
  const pairs: [number, number][] = []
  for (let i = 0; i < at.length; i += 2) pairs.push([at[i]!, at[i + 1]!])
  return pairs
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
    // A name that nobody had to read.
    else if (segment === '\0') text += text === '' ? '*' : '.*'
    else if (/[.[\]"]/.test(segment)) text += `[${JSON.stringify(segment)}]`
    else text += text === '' ? segment : `.${segment}`
  }
  return text
}
