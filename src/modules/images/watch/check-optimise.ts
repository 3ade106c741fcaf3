import { statSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { type Findings, listed, type Segments } from '../../../base/problem.ts'
import { isRecord } from '../engine/edits.ts'
import type { OptimiseConfig, PlaceConfig } from './config.ts'

/** What only the whole shows of `images.optimise`. */
export function checkOptimise(
  config: unknown,
  segments: Segments,
  whole: unknown,
  baseFolder: string,
  findings: Findings,
): void {
  if (!isRecord(config)) return
  const distributions =
    isRecord(whole) && isRecord(whole['distributions']) ? Object.keys(whole['distributions']) : []
  const written = new Map<string, string>()
  const routes = new Map<string, string>()
  for (const [name, optimiser] of Object.entries(config)) {
    if (!isRecord(optimiser)) continue
    const here = [...segments, name]
    checkPlaces(optimiser, here, baseFolder, whole, findings)
    const to = placeOf(optimiser['to'], baseFolder, whole)
    if (to !== undefined) {
      const place = JSON.stringify(to)
      // Two would take each other's records for their own.
      if (written.has(place)) findings.error([...here, 'to'], `${written.get(place)} writes there too`)
      written.set(place, `the optimiser ${name}`)
    }
    checkSources(optimiser, here, findings)
    checkPeople(optimiser['accept'], [...here, 'accept'], findings)
    const { notifications } = optimiser
    if (!isRecord(notifications)) continue
    const { distribution, path, topicArn, secret, field } = notifications
    if (typeof distribution === 'string' && !distributions.includes(distribution))
      findings.error([...here, 'notifications', 'distribution'], `there is no distribution ${distribution}`, {
        expected: listed(distributions),
      })
    if (topicArn === undefined && secret === undefined)
      findings.error([...here, 'notifications'], 'nobody would be believed', {
        expected: 'topicArn, secret, or both',
      })
    if (field !== undefined && secret === undefined)
      findings.error([...here, 'notifications', 'field'], 'there is no secret of which it is a field')
    const route = `${String(distribution)} ${String(path)}`
    if (routes.has(route))
      findings.error([...here, 'notifications', 'path'], `${routes.get(route)} is notified at this path too`)
    routes.set(route, `the optimiser ${name}`)
  }
}

/** Results must never be originals: they would be made smaller for ever. */
function checkPlaces(
  optimiser: Readonly<Record<string, unknown>>,
  here: Segments,
  baseFolder: string,
  whole: unknown,
  findings: Findings,
): void {
  const from = placeOf(optimiser['from'], baseFolder, whole)
  const to = placeOf(optimiser['to'], baseFolder, whole)
  if (from !== undefined && 'folder' in from && !isFolder(from.folder))
    findings.error([...here, 'from', 'folder'], `there is no folder ${from.folder}`)
  if (from === undefined || to === undefined) return
  const isInside =
    'folder' in from && 'folder' in to
      ? from.folder === to.folder || from.folder.startsWith(to.folder + sep)
      : 'objects' in from &&
        'objects' in to &&
        from.objects === to.objects &&
        from.prefix.startsWith(to.prefix)
  if (isInside)
    findings.error([...here, 'to'], 'the originals lie in it, so results would be taken for originals', {
      expected: 'another place, or one inside of `from`',
    })
}

function checkSources(
  optimiser: Readonly<Record<string, unknown>>,
  here: Segments,
  findings: Findings,
): void {
  const { from, queue, notifications, scanEverySeconds } = optimiser
  const isOfFolder = isRecord(from) && typeof from['folder'] === 'string'
  if (isOfFolder && queue !== undefined)
    findings.error([...here, 'queue'], 'the events of a bucket do not tell of files in a folder', {
      hint: 'let `from` be a store of objects, or remove the queue',
    })
  if (scanEverySeconds !== false) return
  if (isOfFolder)
    findings.warning(
      [...here, 'scanEverySeconds'],
      'a file that the system tells nothing of is never found',
      {
        hint: 'leave it out',
      },
    )
  else if (queue === undefined && notifications === undefined)
    findings.error([...here, 'scanEverySeconds'], 'nothing would ever be found', {
      expected: 'a number of seconds, a queue, or notifications',
    })
}

function checkPeople(accept: unknown, here: Segments, findings: Findings): void {
  if (!isRecord(accept)) return
  const { people, detector } = accept
  if (people === false && detector === undefined)
    findings.error([...here, 'people'], 'nobody is asked whether there is a person', {
      expected: 'a service under `detector`',
    })
  if (!isRecord(detector)) return
  if (people !== false)
    findings.error([...here, 'detector'], 'it is never asked', {
      hint: 'say `people: false`, or leave it out',
    })
  else if (detector['faces'] === false && detector['labels'] !== true)
    findings.error([...here, 'detector'], 'it is asked for nothing', { expected: 'faces, labels, or both' })
}

type Place = { readonly folder: string } | { readonly objects: string; readonly prefix: string }

/** Two stores of one bucket are one place. */
function placeOf(value: unknown, baseFolder: string, whole: unknown): Place | undefined {
  if (!isRecord(value)) return undefined
  const { folder, objects, prefix } = value
  if (typeof folder === 'string') return { folder: resolve(baseFolder, folder) }
  if (typeof objects !== 'string') return undefined
  const inner = typeof prefix === 'string' ? prefix : ''
  const stores = isRecord(whole) ? whole['objects'] : undefined
  const store = isRecord(stores) && Object.hasOwn(stores, objects) ? stores[objects] : undefined
  if (!isRecord(store)) return { objects, prefix: inner }
  const { bucket, endpoint, folder: kept } = store
  if (typeof bucket !== 'string')
    return { objects: `folder ${typeof kept === 'string' ? resolve(baseFolder, kept) : ''}`, prefix: inner }
  const [name = '', ...path] = bucket.replace(/^s3:\/\//, '').split('/')
  const outer = path.join('/').replace(/\/+$/, '')
  return {
    objects: `bucket ${name} ${typeof endpoint === 'string' ? endpoint : ''}`,
    prefix: outer === '' ? inner : `${outer}/${inner}`,
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** The same configuration with absolute folders. */
export function compileOptimise(config: OptimiseConfig, baseFolder: string): OptimiseConfig {
  const absolute = <P extends PlaceConfig>(place: P): P =>
    'folder' in place ? { ...place, folder: resolve(baseFolder, place.folder) } : place
  return Object.fromEntries(
    Object.entries(config).map(([name, each]) => [
      name,
      { ...each, from: absolute(each.from), to: absolute(each.to) },
    ]),
  )
}
