import type { ByteSet } from './byte-set.ts'
import type { RegexNode } from './syntax.ts'

/** Above that nearly every text has one of the strings: letters or digits alone rule nothing out. */
const MAX_COMMONNESS = 2
/** Strings a set of alternatives may have; more than that is no help. */
const MAX_ALTERNATIVES = 400
/** Strings kept while a sequence is spelled out. */
const MAX_SPELLED = 32
/** Bytes of a string that are kept: a longer one says little more. */
const MAX_LENGTH = 8

/**
 * Strings (ASCII letters in lower case) of which every text that matches holds at least one, whatever its case; or
 * undefined where no such set was found that would rule anything out. A necessary condition, never a sufficient one.
 */
export function requiredLiterals(root: RegexNode): readonly string[] | undefined {
  const { exact, required } = study(root)
  const best = better(exact !== undefined && !exact.includes('') ? exact : undefined, required)
  return best === undefined || commonness(best) > MAX_COMMONNESS ? undefined : best
}

interface Study {
  /** All that the node can match, where that is a short list. */
  readonly exact: readonly string[] | undefined
  /** One of these is in whatever it matches. */
  readonly required: readonly string[] | undefined
}

const NOTHING: Study = { exact: [''], required: undefined }
const UNKNOWN: Study = { exact: undefined, required: undefined }

function study(node: RegexNode): Study {
  switch (node.kind) {
    case 'empty':
    case 'assert':
    case 'look':
      return NOTHING
    case 'set':
      return studySet(node.set)
    case 'reference':
      return UNKNOWN
    case 'capture':
      return study(node.node)
    case 'repeat': {
      const inner = study(node.node)
      if (node.min === 0) {
        if (node.max !== 1 || inner.exact === undefined || inner.exact.length > MAX_SPELLED) return UNKNOWN
        return { exact: [...new Set(['', ...inner.exact])], required: undefined }
      }
      if (node.max === node.min && node.min <= MAX_LENGTH) {
        return studySequence(Array.from({ length: node.min }, () => node.node))
      }
      return { exact: undefined, required: better(withoutEmpty(inner.exact), inner.required) }
    }
    case 'sequence':
      return studySequence(node.items)
    case 'choice':
      return studyChoice(node.options)
  }
}

function studySet(set: ByteSet): Study {
  const bytes: string[] = []
  for (let byte = 0; byte < 256; byte++) {
    if (set[byte] !== 1) continue
    // Capitals are found as small letters.
    if (byte >= 0x41 && byte <= 0x5a) {
      if (set[byte + 0x20] !== 1) bytes.push(String.fromCharCode(byte + 0x20))
    } else bytes.push(String.fromCharCode(byte))
  }
  return bytes.length <= 4 ? { exact: bytes, required: undefined } : { exact: undefined, required: bytes }
}

function studySequence(items: readonly RegexNode[]): Study {
  let spelled: readonly string[] = ['']
  let isExact = true
  let required: readonly string[] | undefined
  for (const item of items) {
    const inner = study(item)
    if (inner.exact !== undefined && spelled.length * inner.exact.length <= MAX_SPELLED && isShort(spelled)) {
      spelled = cross(spelled, inner.exact)
      continue
    }
    isExact = false
    required = better(required, withoutEmpty(spelled))
    required = better(required, better(withoutEmpty(inner.exact), inner.required))
    spelled = inner.exact !== undefined && inner.exact.length <= MAX_SPELLED ? inner.exact : ['']
  }
  if (isExact) return { exact: spelled, required: undefined }
  return { exact: undefined, required: better(required, withoutEmpty(spelled)) }
}

function studyChoice(options: readonly RegexNode[]): Study {
  const exact = new Set<string>()
  const required = new Set<string>()
  let isExact = true
  let isRequired = true
  for (const option of options) {
    const inner = study(option)
    if (inner.exact === undefined) isExact = false
    else for (const text of inner.exact) exact.add(text)
    const best = better(withoutEmpty(inner.exact), inner.required)
    if (best === undefined) isRequired = false
    else for (const text of best) required.add(text)
  }
  return {
    exact: isExact && exact.size <= MAX_ALTERNATIVES ? [...exact] : undefined,
    required: isRequired && required.size <= MAX_ALTERNATIVES ? [...required] : undefined,
  }
}

function withoutEmpty(texts: readonly string[] | undefined): readonly string[] | undefined {
  return texts === undefined || texts.includes('') ? undefined : texts
}

function isShort(texts: readonly string[]): boolean {
  return texts.every((text) => text.length < MAX_LENGTH)
}

function cross(heads: readonly string[], tails: readonly string[]): string[] {
  const all = new Set<string>()
  for (const head of heads) for (const tail of tails) all.add(head + tail)
  return [...all]
}

function better(
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
): readonly string[] | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return commonness(a) <= commonness(b) ? a : b
}

/** How likely innocent text holds one of them; rough, and only for comparing. */
function commonness(texts: readonly string[]): number {
  let sum = 0
  for (const text of texts) {
    let chance = 1
    for (let i = 0; i < text.length; i++) chance *= CHANCES[text.charCodeAt(i)]!
    sum += chance
  }
  return sum
}

const CHANCES = Float64Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  if (/[etaoinsrhl]/.test(char)) return 0.12
  if (/[a-z0-9]/.test(char)) return 0.06
  if (/[ ./;=,_:()-]/.test(char)) return 0.06
  if (/[&?%+"']/.test(char)) return 0.03
  return 0.005
})
