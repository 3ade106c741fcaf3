import { type ByteSet, countBytes } from './byte-set.ts'
import type { RegexNode } from './syntax.ts'

/**
 * A tree as the source of a JavaScript RegExp without flags, whose subject is latin1 text; undefined where JavaScript
 * cannot say the same (lines that end only in \n).
 */
export function emitSource(root: RegexNode, withCaptures: boolean): string | undefined {
  let isExact = true

  function emit(node: RegexNode, isLast: boolean): string {
    switch (node.kind) {
      case 'empty':
        return ''
      case 'set':
        return emitSet(node.set)
      case 'sequence':
        return node.items
          .map((item, i) => {
            const source = emit(item, isLast && i === node.items.length - 1)
            return item.kind === 'choice' ? `(?:${source})` : source
          })
          .join('')
      case 'choice':
        return node.options.map((option) => emit(option, isLast)).join('|')
      case 'capture':
        return `${withCaptures ? '(' : '(?:'}${emit(node.node, isLast)})`
      case 'reference':
        isExact = false
        return ''
      case 'repeat': {
        const body = emit(node.node, false)
        const atom = node.node.kind === 'set' || node.node.kind === 'capture' ? body : `(?:${body})`
        return atom + emitCount(node.min, node.max) + (node.isGreedy ? '' : '?')
      }
      case 'look':
        return `(?${node.isBehind ? '<' : ''}${node.isNegative ? '!' : '='}${emit(node.node, false)})`
      case 'assert':
        return emitAssertion(node.what, isLast)
    }
  }

  function emitAssertion(what: string, isLast: boolean): string {
    if (what === 'start') return '^'
    if (what === 'end') return '$'
    if (what === 'word-boundary') return '\\b'
    if (what === 'not-word-boundary') return '\\B'
    // A last newline may be taken in only where nothing comes after it.
    if (what === 'end-or-newline' && isLast) return '\\n?$'
    isExact = false
    return ''
  }

  const source = emit(root, true)
  return isExact ? source : undefined
}

function emitCount(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`
  if (min === 0 && max === 1) return '?'
  return min === max ? `{${min}}` : `{${min},${max}}`
}

function emitSet(set: ByteSet): string {
  const size = countBytes(set)
  if (size === 256) return '[^]'
  if (size === 1) return emitByte(set.indexOf(1))
  // The shorter of the set and what it leaves out; beyond latin1 there is nothing in a subject.
  const isNegated = size > 128
  const wanted = isNegated ? 0 : 1
  let source = isNegated ? '[^' : '['
  for (let byte = 0; byte < 256; byte++) {
    if (set[byte] !== wanted) continue
    const first = byte
    while (byte < 255 && set[byte + 1] === wanted) byte++
    source += first === byte ? emitByte(first) : `${emitByte(first)}-${emitByte(byte)}`
  }
  return `${source}]`
}

function emitByte(byte: number): string {
  const char = String.fromCharCode(byte)
  return /[0-9A-Za-z]/.test(char) ? char : `\\x${byte.toString(16).padStart(2, '0')}`
}
