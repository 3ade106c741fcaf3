/**
 * A parameter name as PHP rewrites it: leading spaces go, blanks, dots and an unclosed `[` become `_`, and of array
 * brackets only well-formed ones survive.
 */
export function phpArgsNames(text: string): string {
  let start = 0
  while (text.charCodeAt(start) === 0x20) start++
  const name = start === 0 ? text : text.slice(start)
  if (name.startsWith('[')) return ''
  const open = name.indexOf('[')
  const hasArray = open !== -1 && name.indexOf(']', open) !== -1
  const base = hasArray ? name.slice(0, open) : name
  const plain = replaceFirstBracket(base)
  return hasArray ? plain + brackets(name, open) : plain
}

function replaceFirstBracket(base: string): string {
  const open = base.indexOf('[')
  // From the first bracket that never closes, PHP stops rewriting.
  const head = open === -1 ? base : base.slice(0, open)
  const tail = open === -1 ? '' : `_${base.slice(open + 1)}`
  return head.replaceAll(' ', '_').replaceAll('.', '_') + tail
}

function brackets(name: string, from: number): string {
  let out = ''
  let at = from
  while (name[at] === '[') {
    const close = name.indexOf(']', at)
    if (close === -1) break
    const inner = name.slice(at + 1, close)
    out += `[${inner.trim() === '' ? '' : inner}]`
    at = close + 1
  }
  return out
}
