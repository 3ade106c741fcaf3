import type { Segments } from '../base/problem.ts'
import type { ConfigPlace, Module, ModuleLevel } from '../modules/module.ts'
import type { PlannedModules } from '../plan.ts'

/** Every place of a configuration, or of what was salvaged of one, where a module may be configured. */
interface Place {
  readonly level: ModuleLevel
  readonly segments: Segments
  /** What stands there, as far as it is an object. */
  readonly holder: Readonly<Record<string, unknown>>
}

/** Calls `visit` for each place where a module is configured, in the order of the configuration. */
export async function visitModulePlaces(
  whole: unknown,
  modules: readonly Module[],
  visit: (module: Module, place: ConfigPlace) => Promise<void>,
): Promise<void> {
  for (const { level, segments, holder } of placesOf(whole)) {
    for (const module of modules) {
      const config = holder[module.key]
      if (config === undefined) continue
      await visit(module, { level, segments: [...segments, module.key], config, whole })
    }
  }
}

/** What the modules at one place compile to, by key; the same empty object where there are none. */
export function compileModules(
  modules: readonly Module[],
  level: ModuleLevel,
  segments: Segments,
  holder: object,
  compile: (module: Module, place: Omit<ConfigPlace, 'whole'>) => unknown,
): PlannedModules {
  const planned: Record<string, unknown> = {}
  for (const module of modules) {
    // Keys of modules are keys of the schema of this place, all of them optional.
    const config = (holder as Readonly<Record<string, unknown>>)[module.key]
    if (config === undefined) continue
    planned[module.key] = compile(module, { level, segments: [...segments, module.key], config })
  }
  return Object.keys(planned).length === 0 ? NONE : planned
}

const NONE: PlannedModules = Object.freeze({})

function* placesOf(whole: unknown): Generator<Place> {
  const top = objectOf(whole)
  if (top === undefined) return
  yield { level: 'configuration', segments: [], holder: top }
  for (const [name, value] of Object.entries(objectOf(top['distributions']) ?? {})) {
    const distribution = objectOf(value)
    if (distribution === undefined) continue
    const at: Segments = ['distributions', name]
    yield { level: 'distribution', segments: at, holder: distribution }
    for (const [origin, holder] of entriesOf(distribution['origins']))
      yield { level: 'origin', segments: [...at, 'origins', origin], holder }
    for (const [index, holder] of entriesOf(distribution['behaviors']))
      yield { level: 'behavior', segments: [...at, 'behaviors', Number(index)], holder }
    const fallback = objectOf(distribution['defaultBehavior'])
    if (fallback !== undefined)
      yield { level: 'behavior', segments: [...at, 'defaultBehavior'], holder: fallback }
  }
}

function entriesOf(value: unknown): [string, Readonly<Record<string, unknown>>][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => {
    const holder = objectOf(each)
    return holder === undefined ? [] : [[key, holder]]
  })
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return value as Readonly<Record<string, unknown>> // An object has string keys.
}
