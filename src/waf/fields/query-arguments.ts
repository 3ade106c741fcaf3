import { parameterName, parameterValue, splitQuery } from '../../http/query.ts'
import type { PreParse } from '../plan.ts'
import { urlDecodeUni } from '../transforms/url-decode-uni.ts'
import { urlDecode } from '../transforms/url-decode.ts'
import { type FieldValues, namedValues, NO_VALUES } from './field-values.ts'

/** Values of every argument; the names are not looked at. */
export function allQueryArguments(query: string | undefined): FieldValues {
  if (query === undefined || query === '') return NO_VALUES
  const values: string[] = []
  const names: string[] = []
  for (const parameter of splitQuery(query)) {
    if (parameter === '') continue
    names.push(parameterName(parameter))
    values.push(parameterValue(parameter))
  }
  return namedValues(values, names)
}

/** Values of every argument of a name; the name is in lower case, and compared without its case and encoding. */
export function singleQueryArgument(query: string | undefined, name: string): FieldValues {
  if (query === undefined || query === '') return NO_VALUES
  const values: string[] = []
  const names: string[] = []
  for (const parameter of splitQuery(query)) {
    const given = parameterName(parameter)
    if (!isNamed(given, name)) continue
    names.push(given)
    values.push(parameterValue(parameter))
  }
  return namedValues(values, names)
}

function isNamed(given: string, name: string): boolean {
  if (given.length === name.length) return given === name || given.toLowerCase() === name
  return given.length > name.length && given.includes('%') && urlDecode(given).toLowerCase() === name
}

/** What runs over the whole query string before it is split (WAFV2 PreParseTextTransformations). */
export function preParse(query: string, steps: readonly PreParse[]): string {
  let text = query
  for (const step of steps) {
    switch (step) {
      case 'URL_DECODE':
        text = urlDecode(text)
        break
      case 'URL_DECODE_UNI':
        text = urlDecodeUni(text)
        break
      case 'REPLACE_SEMICOLONS_WITH_AMPERSANDS':
        text = text.replaceAll(';', '&')
        break
      case 'COMBINE_DUPLICATE_QUERY_ARGS_BY_COMMA':
        text = combineDuplicates(text)
        break
    }
  }
  return text
}

/** `a=1&b=2&a=3` becomes `a=1,3&b=2`. */
function combineDuplicates(query: string): string {
  const combined = new Map<string, string>()
  for (const parameter of splitQuery(query)) {
    const name = parameterName(parameter)
    const before = combined.get(name)
    combined.set(name, before === undefined ? parameter : `${before},${parameterValue(parameter)}`)
  }
  return [...combined.values()].join('&')
}
