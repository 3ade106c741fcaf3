import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Findings, listed } from '../../base/problem.ts'
import type { ConfigPlace, ConfigResources } from '../module.ts'
import type { IpRangesConfig, TargetConfig } from './config.ts'

/** What only the whole shows of `ipRanges`. Gives the files it looked at. */
export function checkIpRanges(
  place: ConfigPlace,
  findings: Findings,
  { baseFolder }: ConfigResources,
): readonly string[] {
  const files: string[] = []
  const distributions = Object.keys(recordOf(recordOf(place.whole)['distributions']))
  const held = new Map<string, string>()
  const routes = new Map<string, string>()
  for (const [name, value] of Object.entries(recordOf(recordOf(place.config)['feeds']))) {
    const feed = recordOf(value)
    const here = [...place.segments, 'feeds', name]
    const { file, format } = feed
    if (typeof file === 'string') {
      const found = resolve(baseFolder, file)
      files.push(found)
      if (!existsSync(found)) findings.error([...here, 'file'], `there is no file ${found}`)
      if (feed['notifications'] !== undefined)
        findings.error([...here, 'notifications'], 'a file does not notify', { hint: 'give a url' })
    }
    if (format === 'list') {
      for (const key of ['services', 'regions'] as const)
        if (Array.isArray(feed[key]) && feed[key].length > 0)
          findings.error([...here, key], `a plain list has no ${key}`, { hint: `remove ${key}` })
    }
    const { distribution, path } = recordOf(feed['notifications'])
    if (typeof distribution === 'string' && !distributions.includes(distribution))
      findings.error([...here, 'notifications', 'distribution'], `there is no distribution ${distribution}`, {
        expected: listed(distributions),
      })
    if (typeof path === 'string') {
      const route = `${String(distribution)} ${path}`
      if (routes.has(route))
        findings.error(
          [...here, 'notifications', 'path'],
          `${routes.get(route)} is notified at this path too`,
        )
      routes.set(route, `the feed ${name}`)
    }
    if (feed['pollEverySeconds'] === false && feed['notifications'] === undefined)
      findings.warning([...here, 'pollEverySeconds'], 'nothing follows this list while the edge runs', {
        hint: 'give notifications, or how often to ask; or run "edgeward ip-ranges apply" by a schedule of yours',
      })
    const targets: readonly unknown[] = Array.isArray(feed['targets']) ? feed['targets'] : []
    for (const [index, target] of targets.entries()) {
      const identity = identityOf(recordOf(target))
      if (identity === undefined) continue
      // Two lists that keep one target would undo each other for ever.
      if (held.has(identity))
        findings.error([...here, 'targets', index], `${held.get(identity)} keeps the same target`)
      held.set(identity, `the feed ${name}`)
    }
  }
  return files
}

function identityOf(target: Readonly<Record<string, unknown>>): string | undefined {
  const [kind] = Object.keys(target)
  if (kind === undefined) return undefined
  const { vpcId, prefixName, region, endpoint, scope, family, table, set, file } = recordOf(target[kind])
  const parts =
    typeof target[kind] === 'string'
      ? [target[kind]]
      : [vpcId, prefixName, region, endpoint, scope, family, table, set, file]
  return JSON.stringify([kind, ...parts])
}

/** The same configuration with absolute files. */
export function compileIpRanges(place: ConfigPlace, { baseFolder }: ConfigResources): IpRangesConfig {
  // The schema of this module was applied by the whole configuration.
  const config = place.config as IpRangesConfig
  const feeds = Object.entries(config.feeds).map(([name, feed]) => [
    name,
    {
      ...feed,
      ...(feed.file !== undefined && { file: resolve(baseFolder, feed.file) }),
      targets: feed.targets.map((target) => withAbsoluteFile(target, baseFolder)),
    },
  ])
  return { ...config, feeds: Object.fromEntries(feeds) as IpRangesConfig['feeds'] } // entries of the same record
}

function withAbsoluteFile(target: TargetConfig, baseFolder: string): TargetConfig {
  if (!('nginx' in target)) return target
  return { nginx: { ...target.nginx, file: resolve(baseFolder, target.nginx.file) } }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  return value as Readonly<Record<string, unknown>> // an object has string keys
}
