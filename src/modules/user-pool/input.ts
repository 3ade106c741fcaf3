import { invalid } from './pool-error.ts'

/** The body of a call: an object whose members are still unknown. Members we do not know are ignored, as AWS does. */
export type Input = Readonly<Record<string, unknown>>

/** A member that is text, required. */
export function textOf(input: Input, name: string, maxLength = 2_048): string {
  const value = optionalText(input, name, maxLength)
  if (value === undefined || value === '')
    throw invalid(
      `1 validation error detected: Value at '${name}' failed to satisfy constraint: Member must not be null`,
    )
  return value
}

/** A member that is text or is left out. */
export function optionalText(input: Input, name: string, maxLength = 2_048): string | undefined {
  const value = input[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(`Value at '${name}' must be a string`)
  if (value.length > maxLength)
    throw invalid(
      `1 validation error detected: Value at '${name}' failed to satisfy constraint: Member must have length less than or equal to ${maxLength}`,
    )
  return value
}

/** A member that is an object of texts; empty where it is left out. */
export function textsOf(input: Input, name: string): Readonly<Record<string, string | undefined>> {
  const value = input[name]
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(`Value at '${name}' must be a map`)
  // A prototype would answer for names like `constructor`.
  const texts = Object.assign(Object.create(null) as Record<string, string>, {})
  for (const [key, each] of Object.entries(value)) {
    if (typeof each !== 'string') throw invalid(`Value at '${name}.${key}' must be a string`)
    if (each.length > 16_384) throw invalid(`Value at '${name}.${key}' is too long`)
    texts[key] = each
  }
  return texts
}

/** `[{ Name, Value }]` of an API call as an object. */
export function attributesOf(input: Input, name: string): Record<string, string> {
  const list = input[name]
  if (list === undefined || list === null) return {}
  if (!Array.isArray(list) || list.length > 50)
    throw invalid(`Value at '${name}' must be a list of at most 50`)
  const found: Record<string, string> = {}
  for (const each of list as unknown[]) {
    if (typeof each !== 'object' || each === null)
      throw invalid(`Value at '${name}' must be a list of attributes`)
    const attribute = each as Input // Just found to be an object.
    addAttribute(found, textOf(attribute, 'Name', 32), optionalText(attribute, 'Value') ?? '')
  }
  return found
}

export function addAttribute(to: Record<string, string>, name: string, value: string): void {
  if (!ATTRIBUTE.test(name)) throw invalid(`Attribute ${name} does not exist in the schema.`)
  to[name] = value
}

/** What users may not say of themselves. */
export function refuseReserved(attributes: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(attributes))
    if (RESERVED.has(name)) throw invalid(`Attribute ${name} cannot be written.`)
}

/** The form of attributes in answers. */
export function attributeList(
  attributes: Readonly<Record<string, string>>,
): { Name: string; Value: string }[] {
  return Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }))
}

export const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,255}$/
/** Standard attributes (OpenID Connect Core section 5.1) and custom ones. */
const ATTRIBUTE =
  /^(?:address|birthdate|email|email_verified|family_name|gender|given_name|locale|middle_name|name|nickname|phone_number|phone_number_verified|picture|preferred_username|profile|updated_at|website|zoneinfo|custom:[\w-]{1,20})$/
const RESERVED = new Set(['sub', 'email_verified', 'phone_number_verified'])
