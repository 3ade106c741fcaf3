/** The module `querystring` for functions (DG:functions-javascript-runtime-20). Runs inside the sandbox. */
export function makeQuerystring(): Readonly<Record<string, unknown>> {
  type Encode = (text: string) => string

  function escape(text: string): string {
    return encodeURIComponent(text).replace(/'/g, '%27')
  }

  function unescape(text: string): string {
    try {
      return decodeURIComponent(text)
    } catch {
      // What is not valid percent-encoding stays as it is.
      return text
    }
  }

  function parse(
    text: string,
    separator = '&',
    equals = '=',
    options: { readonly decodeURIComponent?: Encode; readonly maxKeys?: number } = {},
  ): Record<string, string | string[]> {
    const decode = options.decodeURIComponent ?? unescape
    const maxKeys = options.maxKeys ?? 1000
    const result: Record<string, string | string[]> = {}
    if (typeof text !== 'string' || text === '') return result
    const parts = text.split(separator)
    const count = maxKeys > 0 ? Math.min(parts.length, maxKeys) : parts.length
    for (let i = 0; i < count; i++) {
      const part = parts[i]!
      if (part === '') continue
      const at = part.indexOf(equals)
      const name = decode((at === -1 ? part : part.slice(0, at)).replace(/\+/g, ' '))
      const value = decode((at === -1 ? '' : part.slice(at + equals.length)).replace(/\+/g, ' '))
      const known = Object.hasOwn(result, name) ? result[name] : undefined
      if (known === undefined) result[name] = value
      else if (typeof known === 'string') result[name] = [known, value]
      else known.push(value)
    }
    return result
  }

  function stringify(
    values: Readonly<Record<string, unknown>>,
    separator = '&',
    equals = '=',
    options: { readonly encodeURIComponent?: Encode } = {},
  ): string {
    const encode = options.encodeURIComponent ?? escape
    if (typeof values !== 'object' || values === null) return ''
    const parts: string[] = []
    for (const name of Object.keys(values)) {
      const value = values[name]
      for (const each of Array.isArray(value) ? (value as readonly unknown[]) : [value])
        parts.push(encode(name) + equals + encode(textOf(each)))
    }
    return parts.join(separator)
  }

  function textOf(value: unknown): string {
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : ''
  }

  return { escape, unescape, parse, decode: parse, stringify, encode: stringify }
}
