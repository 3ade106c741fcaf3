import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

/** A shape of AWS's own API model, as far as requests are checked by it. */
interface Shape {
  readonly shape?: string
  readonly type?: string
  readonly required?: readonly string[]
  readonly members?: Readonly<Record<string, Shape>>
  readonly member?: Shape
  readonly key?: Shape
  readonly value?: Shape
  readonly location?: string
}

interface Model {
  readonly metadata: { readonly targetPrefix?: string }
  readonly operations: Readonly<Record<string, { readonly input?: Shape }>>
  readonly shapes: Readonly<Record<string, Shape>>
}

/** Checks a request against AWS's own model of it; gives the first thing that is wrong, or undefined. */
export interface RequestModel {
  readonly targetPrefix: string
  problem(operation: string, input: unknown): string | undefined
}

/** The model of a service, from the package that AWS published them in. */
export function loadModel(file: string): RequestModel {
  const folder = join(dirname(require.resolve('aws-sdk/package.json')), 'apis')
  // The file has the form of every API model of that package.
  const model = JSON.parse(readFileSync(join(folder, `${file}.min.json`), 'utf8')) as Model

  function check(value: unknown, given: Shape, path: string): string | undefined {
    const shape = given.shape === undefined ? given : { ...model.shapes[given.shape], ...given }
    if (value === undefined || value === null) return `${path} is null`
    switch (shape.type) {
      case 'structure':
        return checkStructure(value, shape, path)
      case 'list':
        if (!Array.isArray(value)) return `${path} is no list`
        return first(value.map((each, i) => check(each, shape.member ?? {}, `${path}.${i + 1}.member`)))
      case 'map':
        if (typeof value !== 'object') return `${path} is no map`
        return first(
          Object.entries(value).map(([key, each]) => check(each, shape.value ?? {}, `${path}.${key}`)),
        )
      case 'integer':
      case 'long':
      case 'float':
      case 'double':
      case 'timestamp':
        return typeof value === 'number' ? undefined : `${path} is no number`
      case 'boolean':
        return typeof value === 'boolean' ? undefined : `${path} is no boolean`
      default:
        return typeof value === 'string' ? undefined : `${path} is no string`
    }
  }

  function checkStructure(value: unknown, shape: Shape, path: string): string | undefined {
    if (typeof value !== 'object' || Array.isArray(value) || value === null) return `${path} is no structure`
    const members = shape.members ?? {}
    const missing = (shape.required ?? []).find((name) => Reflect.get(value, name) === undefined)
    if (missing !== undefined) return `${path}.${missing} is required`
    return first(
      Object.entries(value).map(([name, each]) => {
        const member = members[name]
        return member === undefined ? `${path}.${name} is not known` : check(each, member, `${path}.${name}`)
      }),
    )
  }

  return {
    targetPrefix: model.metadata.targetPrefix ?? '',
    problem(operation, input) {
      const shape = model.operations[operation]?.input
      if (shape === undefined) return `there is no operation ${operation}`
      return check(input, shape, operation)
    },
  }
}

function first(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined)
}
