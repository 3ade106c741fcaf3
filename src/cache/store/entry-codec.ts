import type { Entry } from '../entry.ts'

/** The last moment a Date can hold: stands for a moment without end, which JSON cannot write. */
const END_OF_TIME = 8.64e15

/** An entry as one line of JSON. */
export function encodeEntry(entry: Entry): string {
  return JSON.stringify(entry, finite)
}

function finite(_name: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value
  return value > 0 ? END_OF_TIME : -END_OF_TIME
}

/** An entry from its JSON text; throws a TypeError that names the member which is not what it should be. */
export function decodeEntry(text: string): Entry {
  const from: unknown = JSON.parse(text)
  if (!isObject(from)) throw new TypeError('the head is not an object')
  return {
    key: textOf(from, 'key'),
    baseKey: textOf(from, 'baseKey'),
    distributionId: textOf(from, 'distributionId'),
    path: textOf(from, 'path'),
    status: numberOf(from, 'status'),
    fields: textsOf(from, 'fields'),
    bodyBytes: numberOf(from, 'bodyBytes'),
    requestedAt: numberOf(from, 'requestedAt'),
    receivedAt: numberOf(from, 'receivedAt'),
    initialAgeSeconds: numberOf(from, 'initialAgeSeconds'),
    freshUntil: numberOf(from, 'freshUntil'),
    staleWhileRevalidateUntil: numberOf(from, 'staleWhileRevalidateUntil'),
    staleIfErrorUntil: numberOf(from, 'staleIfErrorUntil'),
    mustRevalidate: from['mustRevalidate'] === true,
    etag: from['etag'] === undefined ? undefined : textOf(from, 'etag'),
    lastModified: from['lastModified'] === undefined ? undefined : textOf(from, 'lastModified'),
    tags: textsOf(from, 'tags'),
    vary: pairsOf(from, 'vary'),
    part: partOf(from['part']),
    revision: numberOf(from, 'revision'),
  }
}

/**
 * The same entry in strings of its own. Strings cut out of a message keep all of that message in memory, which no
 * count of bytes would see.
 */
export function detachEntry(entry: Entry): Entry {
  return decodeEntry(encodeEntry(entry))
}

type Json = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(from: Json, name: string): string {
  const value = from[name]
  if (typeof value !== 'string') throw new TypeError(`${name} is not text`)
  return value
}

function numberOf(from: Json, name: string): number {
  const value = from[name]
  if (typeof value !== 'number') throw new TypeError(`${name} is not a number`)
  return value
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function textsOf(from: Json, name: string): string[] {
  const value = from[name]
  if (!isTexts(value)) throw new TypeError(`${name} is not a list of texts`)
  return value
}

function pairsOf(from: Json, name: string): [string, string][] {
  const value = from[name]
  if (!Array.isArray(value)) throw new TypeError(`${name} is not a list`)
  return value.map((pair: unknown) => {
    if (!isTexts(pair) || pair.length !== 2) throw new TypeError(`${name} holds something that is not a pair`)
    return [pair[0]!, pair[1]!]
  })
}

function partOf(value: unknown): Entry['part'] {
  if (value === undefined) return undefined
  if (!isObject(value)) throw new TypeError('part is not an object')
  const size = value['size'] === undefined ? undefined : numberOf(value, 'size')
  return { first: numberOf(value, 'first'), last: numberOf(value, 'last'), size }
}
