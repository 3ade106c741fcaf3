import { resolve } from 'node:path'
import type { Findings, Segments } from '../../base/problem.ts'
import type { ConfigPlace, ConfigResources } from '../module.ts'
import type { OriginVerifyConfig, TellConfig } from './config.ts'

/** Keys of `tell` that name a file. */
const FILE_KEYS = ['file', 'nginx', 'apache', 'webAclFile'] as const

/** What only the whole shows of `originVerify`. */
export function checkOriginVerify(place: ConfigPlace, findings: Findings): void {
  const config = objectOf(place.config)
  const origin = at(place.whole, place.segments.slice(0, -1))
  const here = (...more: PropertyKey[]): Segments => [...place.segments, ...more]
  if (typeof origin['url'] !== 'string' && ('folder' in origin || 'bucket' in origin)) {
    findings.error(place.segments, 'a folder or a bucket cannot check a header', {
      hint: 'origins with a url can; remove originVerify here',
    })
  }
  const header = typeof config['header'] === 'string' ? config['header'] : 'X-Origin-Verify'
  const taken = Object.keys(objectOf(origin['customHeaders'])).find(
    (name) => name.toLowerCase() === header.toLowerCase(),
  )
  if (taken !== undefined) {
    findings.error(here('header'), `${taken} is a custom header of this origin too`, {
      hint: 'remove it from customHeaders, or choose another header here',
    })
  }
  const problem = problemOfHeader(header)
  if (problem !== undefined) findings.error(here('header'), problem)

  const tell: readonly unknown[] = Array.isArray(config['tell']) ? config['tell'] : []
  if (tell.length === 0 && objectOf(place.whole)['admin'] === false) {
    findings.warning(
      here('tell'),
      'nobody is told of the values, and the admin port that could be asked is off',
      {
        hint: 'add { file: "accepted.json" } for the middleware, or a snippet for nginx or Apache',
      },
    )
  }
  for (const [index, each] of tell.entries()) {
    const entry = objectOf(each)
    for (const server of ['nginx', 'apache'] as const) {
      if (entry[server] === undefined || 'reload' in entry) continue
      findings.warning(here('tell', index, 'reload'), `${server} does not read the file by itself`, {
        hint:
          server === 'nginx'
            ? 'add reload: ["nginx", "-s", "reload"], or reload it by a watch of your own within test.timeoutSeconds'
            : 'add reload: ["apachectl", "graceful"], or reload it by a watch of your own within test.timeoutSeconds',
      })
    }
  }
}

/** The same names that custom headers of an origin may not have, as far as a header name here can be one of them. */
function problemOfHeader(header: string): string | undefined {
  const lower = header.toLowerCase()
  const isTaken =
    /^(?:x-amz-|x-edge-)/.test(lower) ||
    ['host', 'cookie', 'connection', 'content-length', 'transfer-encoding', 'via', 'te', 'upgrade'].includes(
      lower,
    )
  return isTaken ? `${header} is set by the edge or the request; choose another header` : undefined
}

/** The same configuration with absolute files. */
export function compileOriginVerify(place: ConfigPlace, resources: ConfigResources): OriginVerifyConfig {
  // The schema of this module was applied by the whole configuration.
  const config = place.config as OriginVerifyConfig
  return { ...config, tell: config.tell.map((entry) => withAbsoluteFile(entry, resources.baseFolder)) }
}

function withAbsoluteFile(entry: TellConfig, baseFolder: string): TellConfig {
  for (const key of FILE_KEYS) {
    const value: unknown = Reflect.get(entry, key)
    if (typeof value === 'string') return { ...entry, [key]: resolve(baseFolder, value) }
  }
  return entry
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  return value as Readonly<Record<string, unknown>> // an object has string keys
}

function at(whole: unknown, segments: Segments): Readonly<Record<string, unknown>> {
  let value = whole
  for (const segment of segments) value = objectOf(value)[String(segment)]
  return objectOf(value)
}
