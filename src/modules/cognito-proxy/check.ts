import type { Findings, Segments } from '../../base/problem.ts'
import type { ConfigPlace } from '../module.ts'

const LOCAL = /^http:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?(?:\/|$)/

/** What only the whole shows of `cognitoProxy`: the methods of its behavior, and where its origin is. */
export function checkCognitoProxy(place: ConfigPlace, findings: Findings): void {
  const behavior = at(place.whole, place.segments.slice(0, -1))
  const distribution = at(place.whole, place.segments.slice(0, 2))
  const above = place.segments.slice(0, -1)
  if (!hasPost(behavior['allowedMethods']))
    findings.error([...above, 'allowedMethods'], 'calls of the user pool API are POST', {
      hint: 'write allowedMethods: "all"',
    })
  if (Object.keys(objectOf(objectOf(place.config)['clients'])).length === 0)
    findings.error([...place.segments, 'clients'], 'without a client every sign-in is refused', {
      hint: 'name the app clients that pages use, and the secret of each',
    })
  const name = behavior['origin']
  if (typeof name !== 'string') return
  const origin = objectOf(objectOf(distribution['origins'])[name])
  const { url } = origin
  if (typeof url !== 'string') {
    if ('folder' in origin || 'bucket' in origin)
      findings.error([...above, 'origin'], `the origin ${name} is no user pool`, {
        hint: 'it needs a url: https://cognito-idp.REGION.amazonaws.com, or that of a userPool',
      })
  } else if (url.startsWith('http:') && !LOCAL.test(url)) {
    findings.warning([...above, 'origin'], `client secrets travel to ${name} in clear`, {
      hint: 'use https, or a pool on the same machine',
    })
  }
}

function hasPost(methods: unknown): boolean {
  return methods === 'all' || (Array.isArray(methods) && methods.includes('POST'))
}

function at(whole: unknown, segments: Segments): Readonly<Record<PropertyKey, unknown>> {
  let found: unknown = whole
  for (const segment of segments) found = objectOf(found)[segment]
  return objectOf(found)
}

function objectOf(value: unknown): Readonly<Record<PropertyKey, unknown>> {
  // An object has properties.
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<PropertyKey, unknown>>) : {}
}
