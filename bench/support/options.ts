import { parseArgs } from 'node:util'

export interface BenchOptions<Name extends string> {
  readonly numbers: Readonly<Record<Name, number>>
  /** Names of the contenders that take part; all when undefined. */
  readonly only: readonly string[] | undefined
}

/**
 * Reads `--NAME NUMBER` for every name in the defaults, and `--only nginx,caddy`, from the command line:
 * `npm run bench -- proxy --seconds 1 --only nginx`.
 */
export function readOptions<Name extends string>(
  defaults: Readonly<Record<Name, number>>,
): BenchOptions<Name> {
  const numbers: Record<Name, number> = { ...defaults }
  // Object.keys forgets the type of the keys it was given.
  const names = Object.keys(defaults) as Name[]
  const { values } = parseArgs({
    options: Object.fromEntries([...names, 'only'].map((name) => [name, { type: 'string' as const }])),
  })
  for (const name of names) {
    const given = values[name]
    if (given === undefined) continue
    numbers[name] = Number(given)
    if (!(numbers[name] > 0)) throw new Error(`--${name} must be a number above 0, but is '${String(given)}'`)
  }
  return { numbers, only: typeof values['only'] === 'string' ? values['only'].split(',') : undefined }
}
