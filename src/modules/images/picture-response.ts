import { Body } from '../../http/body.ts'
import { evaluateConditions } from '../../http/conditional.ts'
import { HeaderList } from '../../http/header-list.ts'
import type { EdgeResponse } from '../../visit.ts'
import type { Asked, ImageService } from './service.ts'
import type { SourceLifetime } from './source/picture.ts'
import type { ImageTask } from './task.ts'
import type { Recalled } from './variants/recall.ts'

/** The fields of a picture that is answered with, whoever made it. */
export function successHeaders(
  service: ImageService,
  task: ImageTask,
  picture: SourceLifetime,
  type: string,
  etag: string | undefined,
): HeaderList {
  const { dialect } = service
  const headers = new HeaderList()
  for (const [name, value] of dialect.commonHeaders) headers.append(name, value)
  headers.append('Content-Type', type)
  headers.append('X-Content-Type-Options', 'nosniff')
  headers.append('Cache-Control', picture.cacheControl ?? dialect.defaultCacheControl)
  if (picture.expires !== undefined) headers.append('Expires', picture.expires)
  if (picture.lastModified !== undefined) headers.append('Last-Modified', picture.lastModified)
  if (etag !== undefined) headers.append('ETag', etag)
  for (const [name, value] of task.response.headers) headers.set(name, value)
  if (task.response.cacheControl !== undefined) headers.set('Cache-Control', task.response.cacheControl)
  return headers
}

/** 304 or 412 where the conditions of a request say so. */
export function conditionOf(
  { headers: request, method, request: { nowMs } }: Asked,
  headers: HeaderList,
): EdgeResponse | undefined {
  const validators = { etag: headers.get('etag'), lastModified: headers.get('last-modified') }
  switch (evaluateConditions(request, method, validators, nowMs)) {
    case 'send':
      return undefined
    case 'not-modified':
      return { status: 304, headers, body: Body.none() }
    case 'precondition-failed':
      return { status: 412, headers: new HeaderList(), body: Body.none() }
  }
}

/** A variant as it was kept: neither is its source read nor anything decoded. */
export function fromShelf(
  service: ImageService,
  asked: Asked,
  task: ImageTask,
  { kept, lifetime }: Omit<Extract<Recalled, { kind: 'current' }>, 'kind'>,
): EdgeResponse {
  const { facts, body } = kept
  service.shelf!.counts.served++
  const headers = successHeaders(service, task, lifetime, facts.contentType, facts.etag)
  const known = conditionOf(asked, headers)
  if (known !== undefined) {
    body.discard()
    return known
  }
  asked.signal.addEventListener('abort', () => body.discard(), { once: true })
  return { status: 200, headers, body }
}
