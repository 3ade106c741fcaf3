import { z } from 'zod'
import type { Segments } from '../base/problem.ts'

/** The part of a JSON Schema that describes our configuration. */
export interface Outline {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Outline>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Outline | boolean
  readonly items?: Outline
  readonly anyOf?: readonly Outline[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly [key: string]: unknown
}

/** A zod schema as JSON Schema of what users write: the one form from which reference, editors and hints are made. */
export function outlineOf(schema: z.ZodType): Outline {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Outline
}

/** The keys that may stand in the object at a place; of a choice, those of all its objects. */
export function knownKeys(schema: z.ZodType, segments: Segments): string[] {
  let places: Outline[] = [outlineOf(schema)]
  for (const segment of segments) places = places.flatMap((place) => step(place, segment))
  return [...new Set(places.flatMap(flatten).flatMap((place) => Object.keys(place.properties ?? {})))]
}

function step(place: Outline, segment: PropertyKey): Outline[] {
  return flatten(place).flatMap((each) => {
    if (typeof segment === 'number') return each.items === undefined ? [] : [each.items]
    const property = each.properties?.[String(segment)]
    if (property !== undefined) return [property]
    return typeof each.additionalProperties === 'object' ? [each.additionalProperties] : []
  })
}

function flatten(place: Outline): Outline[] {
  return place.anyOf === undefined ? [place] : place.anyOf.flatMap(flatten)
}
